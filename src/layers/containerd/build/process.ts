import * as NodeStream from "@effect/platform-node-shared/NodeStream"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { spawn } from "node:child_process"
import type * as Errors from "../../../Errors.ts"
import { fromCause, reason } from "../errors.ts"

const operation = "build"

/** How long a program may take to end by itself, once it was asked to. */
const patience = "5 seconds"

export interface Command {
  readonly command: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
}

export interface Running {
  /** What it writes, to whichever of its outputs, in that order. To be run once. */
  readonly output: Stream.Stream<Uint8Array, Errors.Reason>
  readonly exitCode: Effect.Effect<number, Errors.Reason>
}

/** Both outputs are one pipe, so that nothing changes its place. */
const merged = ["/bin/sh", "-c", "exec \"$@\" 2>&1", "sh"]

/**
 * Starts a program with a process group of its own. When the scope closes it has ended, and so has whatever it started
 * in that group: it is asked first, so that it can clean up.
 */
export const start = (
  { command, cwd, env }: Command
): Effect.Effect<Running, Errors.Reason, Scope.Scope> =>
  Effect.gen(function*() {
    const ended = yield* Deferred.make<number, Errors.Reason>()
    const child = yield* Effect.acquireRelease(
      Effect.try({
        try: () => {
          const [program = "", ...args] = [...merged, ...command]
          const child = spawn(program, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "ignore"] })
          child.once("error", (cause) => Deferred.doneUnsafe(ended, Effect.fail(fromCause(operation, cause))))
          child.once("exit", (code, signal) =>
            Deferred.doneUnsafe(
              ended,
              code === null
                ? Effect.fail(reason("Internal", { operation, message: `${command[0] ?? ""} was ended by ${signal}` }))
                : Effect.succeed(code)
            ))
          return child
        },
        catch: (cause) => fromCause(operation, cause)
      }),
      (child) => {
        const kill = (signal: NodeJS.Signals) =>
          Effect.sync(() => {
            if (child.pid === undefined) return
            try {
              process.kill(-child.pid, signal)
            } catch {
              // Nobody is left in the group.
            }
          })
        const gone = Effect.exit(Deferred.await(ended))
        return Effect.gen(function*() {
          if (child.exitCode === null && child.signalCode === null) {
            yield* kill("SIGTERM")
            // Nobody reads any more, and it must not wait for that.
            child.stdout.resume()
            yield* Effect.timeoutOrElse(gone, { duration: patience, orElse: () => kill("SIGKILL") })
          }
          yield* kill("SIGKILL")
          yield* gone
          child.stdout.destroy()
        })
      }
    )
    return {
      output: NodeStream.fromReadable<Uint8Array, Errors.Reason>({
        evaluate: () => child.stdout,
        closeOnDone: false,
        onError: (cause) => fromCause(operation, cause)
      }),
      exitCode: Deferred.await(ended)
    }
  })

/** Longer than any answer: characters. */
const longest = 1024 * 1024

/** Runs a program to its end; what it wrote, of which a failure has the end. */
export const run = (command: Command): Effect.Effect<{ readonly code: number; readonly text: string }, Errors.Reason> =>
  Effect.scoped(Effect.gen(function*() {
    const { exitCode, output } = yield* start(command)
    const text = yield* Stream.runFold(
      Stream.decodeText(output),
      () => "",
      (text, more) => (text + more).slice(-longest)
    )
    return { code: yield* exitCode, text }
  }))
