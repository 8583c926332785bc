import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Pipes from "../../../../src/layers/containerd/stdio/pipes.ts"

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "effect-containers-pipes-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)

const input = Stream.make(new TextEncoder().encode("hello"))

/** What another program reads from a pipe, which it opens after so many seconds. */
const reads = (path: string, seconds: number) =>
  Effect.callback<string>((resume) => {
    const child = spawn("sh", ["-c", `sleep ${seconds}; exec cat "$0"`, path])
    let text = ""
    child.stdout.on("data", (bytes) => void (text += String(bytes)))
    child.once("close", () => resume(Effect.succeed(text)))
    return Effect.sync(() => void child.kill())
  })

describe("pipes of a process on containerd", () => {
  const make = Effect.flatMap(folder, (folder) =>
    Pipes.make({
      operation: "start",
      folder: join(folder, "process"),
      stdin: true,
      output: false,
      tty: false,
      close: Effect.void
    }))

  it.live("input waits for a shim that says it has started before it has opened the pipe", () =>
    Effect.scoped(Effect.gen(function*() {
      const pipes = yield* make
      yield* pipes.started
      const [text] = yield* Effect.all([reads(pipes.stdin, 0.3), Stream.run(input, pipes.attachment.stdin)], {
        concurrency: "unbounded"
      })
      assert.strictEqual(text, "hello")
    })))

  it.live("input of a process that is closed fails, though nobody ever opened the pipe", () =>
    Effect.gen(function*() {
      const pipes = yield* Effect.scoped(Effect.tap(make, ({ started }) => started))
      const error = yield* Effect.flip(Stream.run(input, pipes.attachment.stdin))
      assert.strictEqual(error._tag, "Conflict")
    }))
})
