import * as NodeFileSystem from "@effect/platform-node-shared/NodeFileSystem"
import { assert, describe, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, FileSystem, Layer, Stream } from "effect"
import { Backend, Capabilities, Container, ContainerFileSystem } from "effect-containers"
import * as Memory from "effect-containers/layers/Memory"
import * as Tar from "effect/encoding/Tar"

const engine = (parts: Partial<Backend.Backend["Service"]>) =>
  Layer.mock(Backend.Backend, { name: "test", host: "", capabilities: Capabilities.all, ...parts })

/** An engine whose containers give this archive. */
const giving = (...entries: ReadonlyArray<Tar.Entry>) =>
  engine({
    copyOut: () => Stream.fromIterable(entries).pipe(Stream.pipeThroughChannel(Tar.encode()), Stream.orDie)
  })

const prepared = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const home = yield* fs.makeTempDirectoryScoped()
  yield* fs.makeDirectory(`${home}/outside`)
  return { fs, home }
})

layer(NodeFileSystem.layer, { excludeTestServices: true })("a directory out of a container", (it) => {
  describe("that lies is not written outside of its target", () => {
    const secret = Tar.file("x/secret", "x")
    const root = Tar.directory("x")
    const lies: Record<string, ReadonlyArray<Tar.Entry>> = {
      "a name that leads up": [root, Tar.file("x/../../outside/secret", "x")],
      "a name that leads up and down again": [root, Tar.file("x/a/../../../outside/secret", "x")],
      "an absolute name": [root, Tar.file("/x/secret", "x")],
      "a name of another directory": [root, Tar.file("outside/secret", "x")],
      "a directory that leads up": [root, Tar.directory("x/../../outside/secret")],
      "a link that leads up": [root, Tar.symlink("x/../../outside/secret", "a")],
      "through a link of its own": [root, Tar.symlink("x/a", "../outside"), Tar.file("x/a/secret", "x")],
      "a directory over a link of its own": [root, Tar.symlink("x/a", "../outside"), Tar.directory("x/a")],
      "through two links": [
        root,
        Tar.symlink("x/a", "b"),
        Tar.symlink("x/b", "../outside"),
        Tar.directory("x/a/secret")
      ],
      "a further name of what is outside": [root, Tar.hardlink("x/a", "x/../../outside/there")],
      "a further name by way of a link": [root, Tar.symlink("x/b", "../outside"), Tar.hardlink("x/a", "x/b/there")],
      "a first entry that leads up": [Tar.directory(".."), Tar.file("../outside/secret", "x")],
      "no directory first": [secret]
    }
    for (const [name, entries] of Object.entries(lies)) {
      it.effect(name, () =>
        Effect.gen(function*() {
          const { fs, home } = yield* prepared
          yield* fs.writeFileString(`${home}/outside/there`, "there")
          const error = yield* Container.copyDirectoryFrom("id", "/x", `${home}/to`).pipe(
            Effect.provide(giving(...entries)),
            Effect.flip
          )
          assert.strictEqual(error._tag, "ContainerCopy")
          assert.oneOf(error._tag === "ContainerCopy" ? error.reason._tag : "", ["InvalidArgument", "Conflict"])
          assert.deepStrictEqual(yield* fs.readDirectory(`${home}/outside`), ["there"])
          assert.deepStrictEqual((yield* fs.readDirectory(home)).filter((name) => name !== "to"), ["outside"])
          assert.strictEqual(yield* fs.readFileString(`${home}/outside/there`), "there")
          assert.isFalse(yield* fs.exists(`${home}/to/a/secret`))
        }))
    }
  })

  it.effect("replaces a link by a file, and does not write through it", () =>
    Effect.gen(function*() {
      const { fs, home } = yield* prepared
      yield* Container.copyDirectoryFrom("id", "/x", `${home}/to`).pipe(
        Effect.provide(giving(
          Tar.directory("x", { mode: 0o555 }),
          Tar.symlink("x/a", "../outside/secret"),
          Tar.file("x/a", "mine", { mode: 0o755 }),
          Tar.symlink("x/b", "a"),
          Tar.hardlink("x/c", "x/b")
        ))
      )
      assert.deepStrictEqual(yield* fs.readDirectory(`${home}/outside`), [])
      assert.strictEqual(yield* fs.readFileString(`${home}/to/a`), "mine")
      assert.strictEqual((yield* fs.stat(`${home}/to/a`)).mode & 0o7777, 0o755)
      assert.strictEqual((yield* fs.stat(`${home}/to`)).mode & 0o7777, 0o555)
      assert.strictEqual(yield* fs.readLink(`${home}/to/c`), "a")
    }))

  it.effect("has programs that run as another one only together with their owners", () =>
    Effect.gen(function*() {
      const { fs, home } = yield* prepared
      const uid = process.getuid?.() ?? 0
      const gid = process.getgid?.() ?? 0
      const modeOf = (keepOwners: boolean) =>
        Container.copyDirectoryFrom("id", "/x", `${home}/${keepOwners}`, { keepOwners }).pipe(
          Effect.provide(giving(Tar.directory("x"), Tar.file("x/a", "#!/bin/sh", { mode: 0o6755, uid, gid }))),
          Effect.andThen(fs.stat(`${home}/${keepOwners}/a`)),
          Effect.map(({ mode }) => mode & 0o7777)
        )
      assert.strictEqual(yield* modeOf(false), 0o755)
      assert.strictEqual(yield* modeOf(true), 0o6755)
    }))

  it.effect("refuses what it cannot make", () =>
    Effect.gen(function*() {
      const { home } = yield* prepared
      const { body, header } = Tar.symlink("x/pipe", "")
      const error = yield* Container.copyDirectoryFrom("id", "/x", `${home}/to`).pipe(
        Effect.provide(giving(Tar.directory("x"), { body, header: { ...header, type: "Fifo", typeflag: "6" } })),
        Effect.flip
      )
      assert.strictEqual(error._tag === "ContainerCopy" ? error.reason._tag : error._tag, "Unsupported")
    }))

  it.effect("that ends in the middle is not taken for whole", () =>
    Effect.gen(function*() {
      const { home } = yield* prepared
      const bytes = yield* Stream.make(Tar.directory("x"), Tar.file("x/a", "a".repeat(2000))).pipe(
        Stream.pipeThroughChannel(Tar.encode()),
        Stream.runCollect,
        Effect.map(Buffer.concat)
      )
      const error = yield* Container.copyDirectoryFrom("id", "/x", `${home}/to`).pipe(
        Effect.provide(engine({ copyOut: () => Stream.make(bytes.subarray(0, 1800)) })),
        Effect.flip
      )
      assert.strictEqual(error._tag === "ContainerCopy" ? error.reason._tag : error._tag, "Protocol")
    }))
})

layer(NodeFileSystem.layer, { excludeTestServices: true })("a directory into a container", (it) => {
  it.effect("of which something is no file is refused by its name; an interruption closes what is open", () =>
    Effect.gen(function*() {
      const { fs, home } = yield* prepared
      yield* fs.writeFile(`${home}/outside/large`, new Uint8Array(5_000_000))
      let opened = 0
      const counted = FileSystem.FileSystem.of({
        ...fs,
        open: (path, options) =>
          Effect.acquireRelease(
            Effect.tap(fs.open(path, options), () => Effect.sync(() => opened++)),
            () => Effect.sync(() => opened--)
          )
      })
      const begun = yield* Deferred.make<void>()
      const slow = engine({
        copyIn: (_id, _path, archive) =>
          Stream.runForEach(archive, () => Effect.andThen(Deferred.succeed(begun, undefined), Effect.never))
      })
      const fiber = yield* Container.copyDirectoryTo("id", "/x", `${home}/outside`).pipe(
        Effect.provideService(FileSystem.FileSystem, counted),
        Effect.provide(slow),
        Effect.forkChild
      )
      yield* Deferred.await(begun)
      assert.strictEqual(opened, 1)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(opened, 0)

      const taking = engine({ copyIn: (_id, _path, archive) => Stream.runDrain(archive) })
      const shrinking = FileSystem.FileSystem.of({
        ...fs,
        open: (path, options) => Effect.andThen(fs.truncate(path, 10), fs.open(path, options))
      })
      const shorter = yield* Container.copyDirectoryTo("id", "/x", `${home}/outside`).pipe(
        Effect.provideService(FileSystem.FileSystem, shrinking),
        Effect.provide(taking),
        Effect.flip
      )
      assert.include(shorter.message, "\"large\" became shorter while it was read")

      const piped = FileSystem.FileSystem.of({
        ...fs,
        lstat: (path) => Effect.map(fs.lstat(path), (info) => ({ ...info, type: "FIFO" as const }))
      })
      const error = yield* Container.copyDirectoryTo("id", "/x", `${home}/outside`).pipe(
        Effect.provideService(FileSystem.FileSystem, piped),
        Effect.provide(taking),
        Effect.flip
      )
      assert.strictEqual(error._tag === "ContainerCopy" ? error.reason._tag : error._tag, "InvalidArgument")
      assert.include(error.message, "\"large\"")
    }))
})

layer(Memory.layer({ images: [Memory.image("app", () => 0)] }))("a directory of a container", (it) => {
  const copies = {
    copyDirectoryTo: Container.copyDirectoryTo,
    copyDirectoryFrom: Container.copyDirectoryFrom
  }
  for (const [field, copy] of Object.entries(copies)) {
    it.effect(`is not copied within it: ${field}`, () =>
      Effect.gen(function*() {
        const container = yield* Container.create(Container.name(Container.make("app"), field))
        for (const [one, same] of [[container, container.id], [field, container], [container.id, field]] as const) {
          const error = yield* copy(one, "/srv", "/tmp").pipe(
            Effect.provide(ContainerFileSystem.layer(same)),
            Effect.flip
          )
          assert.strictEqual(error._tag, "ContainerOptions")
          assert.strictEqual(error._tag === "ContainerOptions" ? error.field : "", field)
        }
      }))
  }

  it.effect("is copied into another one", () =>
    Effect.gen(function*() {
      const from = yield* Container.create(Container.make("app"))
      const to = yield* Container.create(Container.make("app"))
      yield* Container.copyTo(from, "/tmp/file", "there")
      yield* Effect.provide(Container.copyDirectoryTo(to, "/srv", "/tmp"), ContainerFileSystem.layer(from))
      assert.strictEqual(yield* Container.readText(to, "/srv/file"), "there")
    }))
})
