import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import type { Backend } from "../Backend.ts"
import * as Container from "../Container.ts"
import * as ExitStatus from "../ExitStatus.ts"
import { type At, fromProgram, platformError, systemError } from "./failure.ts"

/** The container does not run, or has no such program: there may be another way. */
export class Unrunnable extends Data.TaggedError("Unrunnable")<{ readonly error: PlatformError }> {}

const execute = Effect.fnUntraced(function*(
  container: Container.Target,
  at: At,
  command: readonly [program: string, ...args: ReadonlyArray<string>],
  stdin?: Uint8Array
) {
  const handle = yield* Container.exec(container, command, { user: "0:0", workDir: "/", env: { LC_ALL: "C" }, stdin })
    .pipe(
      Effect.mapError((error) => {
        const failure = platformError(at, error)
        if (error._tag === "ContainerOptions") return failure
        if (error.reason._tag === "Conflict") return new Unrunnable({ error: failure })
        // Of the container: a path is what programs tell of.
        return error.reason._tag === "NotFound" ? systemError(at, "BadResource", error.message, error) : failure
      })
    )
  const stdout: Array<Uint8Array> = []
  const stderr: Array<Uint8Array> = []
  yield* Stream.runForEachArray(handle.output, (frames) => {
    for (const { bytes, source } of frames) (source === "stderr" ? stderr : stdout).push(bytes.slice())
    return Effect.void
  }).pipe(Effect.mapError((error) => platformError(at, error)))
  const exit = yield* Effect.mapError(handle.exitStatus, (error) => platformError(at, error))
  if (exit._tag === "StartFailed") {
    const issue = exit.issue === "not found"
      ? `the container has no program ${JSON.stringify(command[0])}, which this takes`
      : `the container's program ${JSON.stringify(command[0])} cannot be executed`
    return yield* new Unrunnable({ error: systemError(at, "BadResource", issue) })
  }
  if (exit._tag === "Exited" && exit.code === 0) return Buffer.concat(stdout)
  return yield* fromProgram(at, `${command[0]} ${ExitStatus.format(exit)}`, Buffer.concat(stderr).toString())
}, Effect.scoped)

/** Runs a program as root to its end; gives what it wrote to standard output. */
export const attempt: (
  container: Container.Target,
  at: At,
  command: readonly [program: string, ...args: ReadonlyArray<string>],
  stdin?: Uint8Array
) => Effect.Effect<Buffer, PlatformError | Unrunnable, Backend> = execute

/** {@link attempt}, where there is no other way. */
export const run = (
  container: Container.Target,
  at: At,
  command: readonly [program: string, ...args: ReadonlyArray<string>],
  stdin?: Uint8Array
): Effect.Effect<Buffer, PlatformError, Backend> =>
  Effect.mapError(
    attempt(container, at, command, stdin),
    (error) => error._tag === "Unrunnable" ? error.error : error
  )
