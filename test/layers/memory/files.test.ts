import * as NodeFileSystem from "@effect/platform-node-shared/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Stream } from "effect"
import { Backend, Container } from "effect-containers"
import * as Memory from "effect-containers/layers/Memory"
import * as Tar from "effect/encoding/Tar"

const app = Container.make("app")

const tarOf = (...entries: ReadonlyArray<Tar.Entry>) =>
  Stream.fromIterable(entries).pipe(Stream.pipeThroughChannel(Tar.encode()), Stream.orDie)

const untar = Effect.fnUntraced(function*<E>(archive: Stream.Stream<Uint8Array, E>) {
  const out: Record<string, string> = {}
  yield* archive.pipe(
    Stream.pipeThroughChannel(Tar.decode()),
    Stream.runForEach(({ body, header }) =>
      Effect.map(Stream.mkString(Stream.decodeText(body)), (text) => {
        out[header.path] = header.linkTarget ?? text
      })
    )
  )
  return out
})

describe("files of a container", () => {
  it.effect("are its image's, what was copied in, and what it wrote", () =>
    Effect.gen(function*() {
      const backend = yield* Backend.Backend
      const engine = yield* Memory.Engine
      const { id } = yield* Container.create(app)
      yield* backend.copyIn(
        id,
        "/srv",
        tarOf(
          Tar.directory("data"),
          Tar.file("data/in", "copied"),
          Tar.symlink("link", "data/in"),
          Tar.file("../../escape", "x")
        )
      )
      yield* backend.start(id)
      assert.deepStrictEqual(yield* backend.wait(id), yield* backend.wait(id))
      assert.strictEqual((yield* engine.output(id)).text, "image copied copied data,escape,image,link,out")
      assert.deepStrictEqual(yield* untar(backend.copyOut(id, "/srv/out")), { out: "written" })
      assert.deepStrictEqual(yield* untar(backend.copyOut(id, "/srv/data")), { "data/": "", "data/in": "copied" })
      const why = (
        effect: Effect.Effect<unknown, { readonly _tag: string; readonly reason: { readonly _tag: string } }>
      ) => Effect.map(Effect.flip(effect), (error) => [error._tag, error.reason._tag])
      assert.deepStrictEqual(yield* why(Stream.runDrain(backend.copyOut(id, "/none"))), ["ContainerCopy", "NotFound"])
      assert.deepStrictEqual(yield* why(backend.copyIn(id, "/none", tarOf())), ["ContainerCopy", "NotFound"])
      assert.deepStrictEqual(yield* why(backend.copyIn(id, "/srv/out", tarOf())), ["ContainerCopy", "InvalidArgument"])
    }).pipe(
      Effect.scoped,
      Effect.provide(Memory.layer({
        images: [
          Memory.image("app", ({ files, stdout }) =>
            Effect.gen(function*() {
              yield* files.write("/srv/out", "written")
              const texts = yield* Effect.forEach(["/srv/image", "/srv/data/in", "/srv/link"], files.readText)
              yield* stdout([...texts, (yield* files.list("/srv")).join()].join(" "))
            }), { files: { "/srv/image": "image" } })
        ]
      }))
    ))

  it.effect("of an image are not changed by its containers; a named volume is shared", () =>
    Effect.gen(function*() {
      const withVolume = Container.volume(app, "cache", "/cache")
      assert.strictEqual(yield* Container.string(withVolume), "no no")
      assert.strictEqual(yield* Container.string(withVolume), "no yes")
    }).pipe(Effect.provide(Memory.layer({
      images: [Memory.image("app", ({ files }) =>
        Effect.gen(function*() {
          const seen = [yield* files.exists("/tmp/x"), yield* files.exists("/cache/x")]
          yield* files.write("/tmp/x", "x")
          yield* files.write("/cache/x", "x")
          return { stdout: seen.map((there) => there ? "yes" : "no").join(" ") }
        }))]
    }))))

  it.live("of a bind mount are this machine's, and read-only is read-only", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(`${directory}/in`, "from here")
      const rw = Container.volume(app, directory, "/src")
      assert.strictEqual(yield* Container.string(rw), "from here")
      assert.strictEqual(yield* fs.readFileString(`${directory}/out`), "from there")
      const ro = Container.volume(app, directory, "/src", { readOnly: true })
      const error = yield* Effect.flip(Container.run(ro))
      assert(error._tag === "ExitCode")
      assert.deepStrictEqual([error.code, error.logs.stderrText], [1, "/src/out: the file system is read-only\n"])
      const root = yield* Effect.flip(Container.run(Container.readOnlyRoot(app, true)))
      assert(root._tag === "ExitCode")
      assert.strictEqual(root.logs.stderrText, "/src/in: no such file or directory\n")
    }).pipe(
      Effect.scoped,
      Effect.provide([
        NodeFileSystem.layer,
        Memory.layer({
          images: [Memory.image("app", ({ files }) =>
            Effect.gen(function*() {
              const text = yield* files.readText("/src/in")
              yield* files.write("/src/out", "from there")
              return { stdout: text }
            }))]
        })
      ])
    ))
})
