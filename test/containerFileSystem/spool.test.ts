import * as NodeFileSystem from "@effect/platform-node-shared/NodeFileSystem"
import { assert, it } from "@effect/vitest"
import { Effect, FileSystem, Stream } from "effect"
import * as Spool from "effect-containers/containerFileSystem/spool"

/** Temporary files are in a directory of the test's own. */
const apart = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const home = yield* fs.makeTempDirectoryScoped()
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const before = process.env["TMPDIR"]
      process.env["TMPDIR"] = home
      return before
    }),
    (before) =>
      Effect.sync(() => {
        if (before === undefined) delete process.env["TMPDIR"]
        else process.env["TMPDIR"] = before
      })
  )
  return () => fs.readDirectory(home)
})

it.effect("what is kept of a file has no name on this machine that a crash could leave behind", () =>
  Effect.gen(function*() {
    const names = yield* apart
    const spool = yield* Spool.make({ method: "open", path: "/there" })
    yield* spool.append(Buffer.from("one "))
    yield* spool.append(Buffer.from("two"))
    assert.deepStrictEqual(yield* names(), [])
    assert.strictEqual(yield* Stream.mkString(Stream.decodeText(Spool.stream(spool))), "one two")
  }).pipe(Effect.provide(NodeFileSystem.layer)))
