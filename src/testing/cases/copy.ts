import * as Effect from "effect/Effect"
import * as Tar from "effect/encoding/Tar"
import * as Stream from "effect/Stream"
import { Backend } from "../../Backend.ts"
import * as Container from "../../Container.ts"
import { type Case, group, job, part } from "../case.ts"
import { equal, equalBytes, fails } from "../expect.ts"

const it = group("copy")

/** A tar archive of these files. */
const tar = (files: Readonly<Record<string, string | Uint8Array>>) =>
  Stream.fromIterable(Object.entries(files)).pipe(
    Stream.map(([name, content]) => Tar.file(name, content)),
    Stream.pipeThroughChannel(Tar.encode()),
    Stream.runCollect,
    Effect.map(Buffer.concat)
  )

/** The files of a tar archive, by name. */
const untar = Effect.fnUntraced(function*(bytes: Uint8Array) {
  const files: Record<string, Buffer> = {}
  yield* Stream.succeed(bytes).pipe(
    Stream.pipeThroughChannel(Tar.decode()),
    Stream.runForEach(Effect.fnUntraced(function*({ body, header }) {
      const content = Buffer.concat(yield* Stream.runCollect(body))
      if (header.type === "File") files[header.path] = content
    }))
  )
  return files
})

const copyIn = Effect.fnUntraced(function*(id: string, path: string, archive: Uint8Array) {
  yield* (yield* Backend).copyIn(id, path, Stream.make(archive))
})

const copyOut = Effect.fnUntraced(function*(id: string, path: string) {
  const chunks = yield* Stream.runCollect((yield* Backend).copyOut(id, path))
  return yield* untar(Buffer.concat(chunks))
})

const created = Effect.flatMap(job("cat /tmp/given; echo made > /tmp/made"), Container.create)

const copies = <E>(name: string, run: Effect.Effect<unknown, E, Effect.Services<typeof created>>): Case =>
  it(name, part("copy", Effect.flatMap(created, ({ id }) => copyOut(id, "/etc/passwd")), run))

export const cases: ReadonlyArray<Case> = [
  copies(
    "in before it starts, out after it has ended",
    Effect.gen(function*() {
      const { id, start } = yield* created
      yield* copyIn(id, "/tmp", yield* tar({ given: "from outside\n" }))
      const handle = yield* start
      yield* equal("exitCode", yield* handle.exitCode, 0)
      yield* equal("stdout", yield* Stream.mkString(Stream.decodeText(handle.stdout)), "from outside\n")
      const files = yield* copyOut(id, "/tmp/made")
      yield* equal("files", [Object.keys(files), String(files["made"])], [["made"], "made\n"])
    })
  ),
  copies(
    "into and out of one that runs",
    Effect.gen(function*() {
      const handle = yield* Effect.flatMap(
        // It may be there before its content is.
        job("until test -s /tmp/given; do sleep 0.05; done; cat /tmp/given > /tmp/copy; sleep 600"),
        Container.start
      )
      yield* copyIn(handle.id, "/tmp", yield* tar({ given: "seen" }))
      const taken = copyOut(handle.id, "/tmp/copy").pipe(
        Effect.map((files) => String(files["copy"])),
        Effect.catchReason("ContainerCopy", "NotFound", () => Effect.succeed("")),
        Effect.repeat({ until: (text) => text === "seen" })
      )
      yield* equal("content", yield* taken, "seen")
    })
  ),
  copies(
    "a directory, with bytes of every value",
    Effect.gen(function*() {
      const { id } = yield* created
      const bytes = Uint8Array.from({ length: 300_000 }, (_, n) => n % 256)
      yield* copyIn(id, "/tmp", yield* tar({ "sub/one": "1", "sub/deep/two": bytes }))
      const files = yield* copyOut(id, "/tmp/sub")
      yield* equal("names", Object.keys(files).toSorted(), ["sub/deep/two", "sub/one"])
      yield* equalBytes("content", files["sub/deep/two"]!, bytes)
    })
  ),
  copies(
    "into a directory that is not there",
    Effect.gen(function*() {
      const { id } = yield* created
      yield* fails(copyIn(id, "/no/such/directory", yield* tar({ a: "a" })), {
        tag: "ContainerCopy",
        reason: "NotFound",
        id,
        names: ["/no/such/directory"]
      })
    })
  ),
  copies(
    "out what is not there",
    Effect.gen(function*() {
      const { id } = yield* created
      yield* fails(copyOut(id, "/no/such/file"), {
        tag: "ContainerCopy",
        reason: "NotFound",
        id,
        names: ["/no/such/file"]
      })
    })
  ),
  copies(
    "of a container that is not there",
    Effect.gen(function*() {
      const id = "efc-no-such-container"
      yield* fails(copyOut(id, "/etc"), { tag: "ContainerCopy", reason: "NotFound", id, names: [id] })
      yield* fails(copyIn(id, "/tmp", yield* tar({ a: "a" })), {
        tag: "ContainerCopy",
        reason: "NotFound",
        id,
        names: [id]
      })
    })
  ),
  copies(
    "whose source fails",
    Effect.gen(function*() {
      const { id } = yield* created
      const archive = yield* tar({ a: "a".repeat(10_000) })
      const broken = Stream.concat(
        Stream.make(archive.subarray(0, 1000)),
        Stream.fail({ _tag: "Broken", message: "mine" })
      )
      yield* fails((yield* Backend).copyIn(id, "/tmp", broken), { tag: "Broken", names: ["mine"] })
    })
  ),
  copies(
    "to what a run works on, and from what it made",
    Effect.gen(function*() {
      const seen: Array<string> = []
      const { logs } = yield* Effect.flatMap(
        job("cat /tmp/given; echo made > /tmp/made"),
        (spec) =>
          Container.run(spec, {
            prepare: (container) => Container.copyTo(container, "/tmp/given", "given\n"),
            collect: (container, { exit }) =>
              Effect.map(Container.readText(container, "/tmp/made"), (text) => seen.push(exit._tag, text))
          })
      )
      yield* equal("stdout", logs.stdoutText, "given\n")
      yield* equal("collected", seen, ["Exited", "made\n"])
    })
  ),
  copies(
    "from a run that did not end as expected: nothing is collected",
    Effect.gen(function*() {
      let isCollected = false
      const failing = Effect.flatMap(job("exit 3"), (spec) =>
        Container.run(spec, {
          collect: () =>
            Effect.sync(() => {
              isCollected = true
            })
        }))
      yield* fails(failing, { tag: "ExitCode" })
      yield* equal("collected", isCollected, false)
    })
  )
]
