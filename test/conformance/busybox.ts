/**
 * `busybox:test` of the in-memory engine: does what the conformance cases' scripts say, as the real one would.
 */
import { Effect } from "effect"
import { ExitStatus } from "effect-containers"
import * as Memory from "effect-containers/layers/Memory"
import { run } from "./shell.ts"
import { inputOf } from "./system.ts"

/** Signals that end a process which does not handle them, unless it is process 1. */
const signals = ["SIGHUP", "SIGINT", "SIGUSR1", "SIGUSR2", "SIGTERM"]

const recipe: Memory.Recipe = (process) =>
  Effect.gen(function*() {
    const pid = process.init || process.isExec || process.isBuild ? 7 : 1
    if (pid === 1) { for (const signal of signals) yield* process.trap(signal, Effect.void) }
    const ended = yield* run(process, process.command, {
      stdin: yield* inputOf(process),
      stdout: process.stdout,
      stderr: process.stderr,
      isTerminal: () => process.tty,
      env: new Map(Object.entries(process.env)),
      directory: process.workDir,
      pid
    }).pipe(Effect.catchTag("NotRunnable", ({ code }) => Effect.succeed({ code })))
    if (typeof ended === "number") return ended
    if ("signal" in ended) return new ExitStatus.Killed({ signal: ended.signal })
    return ended.code === 127 ? Memory.notFound : Memory.notExecutable
  }).pipe(Effect.scoped)

export const busybox = Memory.image("busybox:test", recipe, {
  env: { PATH: "/bin" },
  exec: recipe,
  files: { "/etc/passwd": "root:x:0:0:root:/:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\n" }
})
