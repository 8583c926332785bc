import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Container from "../../Container.ts"
import { type Case, group, job, part } from "../case.ts"
import { equal, equalBytes, fails } from "../expect.ts"
import { Fixture } from "../fixture.ts"

const it = group("copying files")

const created = (script: string) => Effect.flatMap(job(script), Container.create)

const copies = <E>(name: string, run: Effect.Effect<unknown, E, Effect.Services<ReturnType<typeof created>>>): Case =>
  it(
    name,
    part("copy", Effect.flatMap(created("true"), ({ id }) => Container.copyTo(id, "/tmp/file", "x")), run)
  )

const pattern = Uint8Array.from({ length: 300_000 }, (_, n) => n % 251)

export const cases: ReadonlyArray<Case> = [
  copies(
    "text before it starts, and what it made of it afterwards",
    Effect.gen(function*() {
      const container = yield* created("cat /tmp/given > /tmp/made; echo more >> /tmp/made")
      yield* Container.copyTo(container, "/tmp/given", "from outside: \u{e9}\n")
      const { exitCode } = yield* container.start
      yield* equal("exitCode", yield* exitCode, 0)
      yield* equal("made", yield* Container.readText(container, "/tmp/made"), "from outside: \u{e9}\nmore\n")
    })
  ),
  copies(
    "bytes of every value, as a Stream, into one that runs",
    Effect.gen(function*() {
      const handle = yield* Effect.flatMap(job(["sleep", "600"]), Container.start)
      const pieces = Stream.make(pattern.subarray(0, 100_000), pattern.subarray(100_000))
      yield* Container.copyTo(handle, "/tmp/bytes", pieces, { size: pattern.length })
      const back = Buffer.concat(yield* Stream.runCollect(Container.copyFrom(handle, "/tmp/bytes")))
      yield* equalBytes("back", back, pattern)
      yield* Container.copyTo(handle, "/tmp/bytes", "")
      yield* equal("replaced", yield* Container.readText(handle, "/tmp/bytes"), "")
    })
  ),
  copies(
    "what is no file, or not there",
    Effect.gen(function*() {
      const container = yield* created("true")
      const read = (path: string) => Container.readText(container, path)
      yield* fails(read("/etc"), { tag: "ContainerCopy", reason: "InvalidArgument", names: ["/etc", "directory"] })
      yield* fails(read("/etc/none"), { tag: "ContainerCopy", reason: "NotFound" })
      yield* fails(Container.copyTo(container, "/none/file", "x"), { tag: "ContainerCopy", reason: "NotFound" })
      yield* fails(Container.copyTo("efc-no-such-container", "/tmp/file", "x"), {
        tag: "ContainerCopy",
        reason: "NotFound"
      })
    })
  ),
  copies(
    "a Stream of another size than was said",
    Effect.gen(function*() {
      const container = yield* created("true")
      for (const size of [2, 4]) {
        yield* fails(Container.copyTo(container, "/tmp/file", Stream.make(Uint8Array.of(1, 2, 3)), { size }), {
          tag: "ContainerCopy",
          reason: "InvalidArgument",
          names: ["/tmp/file"]
        })
      }
    })
  ),
  copies(
    "whose file it is, and who may read it",
    Effect.gen(function*() {
      const container = yield* created("stat -c '%a %u %g' /tmp/key /tmp/plain")
      const { ways = [] } = yield* Fixture
      const copied = Container.copyTo(container, "/tmp/key", "secret", { mode: 0o600, uid: 1000, gid: 1001 })
      if (ways.includes("its files are given to root alone")) {
        yield* fails(copied, { tag: "ContainerCopy", reason: "PermissionDenied", names: ["/tmp/key"] })
        const own = yield* created("stat -c '%a %u %g' /tmp/plain")
        yield* Container.copyTo(own, "/tmp/plain", "plain")
        const { stdout } = yield* own.start
        return yield* equal("root's", yield* Stream.mkString(Stream.decodeText(stdout)), "644 0 0\n")
      }
      yield* copied
      yield* Container.copyTo(container, "/tmp/plain", "plain")
      const handle = yield* container.start
      const said = yield* Stream.mkString(Stream.decodeText(handle.stdout))
      if (ways.includes("its files have no owners")) return
      yield* equal("modes and owners", said, "600 1000 1001\n644 0 0\n")
    })
  ),
  ...([
    ["a path that is relative", "file", "x", {}],
    ["a path of a directory", "/tmp/", "x", {}],
    ["a path with a NUL", "/tmp/\0", "x", {}],
    ["a Stream without a size", "/tmp/file", Stream.make(Uint8Array.of(1)), {}]
  ] as const).map(([name, path, content, options]) =>
    it(
      `${name} is refused before the engine is asked`,
      fails(Container.copyTo("none", path, content, options), { tag: "ContainerOptions", field: "copyTo" })
    )
  )
]
