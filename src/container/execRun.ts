import type * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Backend } from "../Backend.ts"
import type * as Errors from "../Errors.ts"
import type * as ExitStatus from "../ExitStatus.ts"
import type * as Logs from "../Logs.ts"
import type { Output } from "../Output.ts"
import { begin } from "./exec.ts"
import type { ExecOptions } from "./execConfig.ts"
import { linesOf } from "./run.ts"
import { identify, type Target } from "./target.ts"
import * as ToEnd from "./toEnd.ts"

/**
 * How a command is executed in a container to its end.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExecRunOptions extends ExecOptions {
  /** What it reads from standard input. Default: nothing, it is closed from the start. */
  readonly stdin?: string | Uint8Array | Stream.Stream<Uint8Array> | undefined
  /** The exit codes that are no failure. Default `[0]`. */
  readonly expect?: ReadonlyArray<number> | undefined
  /** How much of the output is kept, in bytes or as `"1 MiB"`: the end of it. Default: everything. */
  readonly outputLimit?: ByteSize.Input | undefined
}

/**
 * What executing a command to its end can fail with, besides its exit code.
 *
 * @category models
 * @since 0.1.0
 */
export type ExecError = Errors.ContainerOptions | Errors.ContainerExec

/**
 * A command that was executed in a container and has ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface Executed {
  readonly exit: ExitStatus.ExitStatus
  /** All that it wrote, or as much as `outputLimit` lets be kept. */
  readonly logs: Output
}

/**
 * Executes a command in a container to its end. An interruption kills it, and all that it started: see {@link exec} for
 * where that is possible.
 *
 * Fails with `ExitCode`, which carries the output, when it does not end with a code that is expected; with
 * `ContainerExec`: `NotFound` or `PermissionDenied` when there is no such command, `Conflict` when the container does not
 * run; and with `ContainerOptions`, before the engine is asked.
 *
 * @category executing
 * @since 0.1.0
 */
export const execRun = Effect.fn("Container.execRun")(function*(
  target: Target,
  command: string | ReadonlyArray<string>,
  options: ExecRunOptions = {}
): Effect.fn.Return<Executed, ExecError | Errors.ExitCode, Backend> {
  return yield* ToEnd.run(identify(target).image, begin(target, command, options), options)
})

/**
 * {@link execRun}, giving the code that a shell would show, which is never a failure. The output is read and let go.
 *
 * @category executing
 * @since 0.1.0
 */
export const execExitCode = Effect.fn("Container.execExitCode")(function*(
  target: Target,
  command: string | ReadonlyArray<string>,
  options: Omit<ExecRunOptions, "expect" | "outputLimit"> = {}
): Effect.fn.Return<number, ExecError, Backend> {
  return yield* ToEnd.exitCode(identify(target).image, begin(target, command, options))
})

/**
 * {@link execRun}, giving what the command wrote to standard output as UTF-8 text; with `includeStderr` what it wrote to
 * standard error too, in order of arrival.
 *
 * **Example** (A query)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { Container } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const image = Memory.image("db", () => Effect.never, { exec: ({ command }) => ({ stdout: command.join(" ") }) })
 * const program = Container.start(Container.make("db")).pipe(
 *   Effect.flatMap((db) => Container.execString(db, ["psql", "-c", "select 1"])),
 *   Effect.scoped,
 *   Effect.provide(Memory.layer({ images: [image] }))
 * )
 * await Effect.runPromise(program) // => "psql -c select 1"
 * ```
 *
 * @category executing
 * @since 0.1.0
 */
export const execString = (
  target: Target,
  command: string | ReadonlyArray<string>,
  options: ExecRunOptions & { readonly includeStderr?: boolean | undefined } = {}
): Effect.Effect<string, ExecError | Errors.ExitCode, Backend> =>
  Effect.map(
    execRun(target, command, options),
    ({ logs }) => options.includeStderr === true ? logs.text : logs.stdoutText
  )

/**
 * The lines of {@link execString}, without their ends.
 *
 * @category executing
 * @since 0.1.0
 */
export const execLines = (
  target: Target,
  command: string | ReadonlyArray<string>,
  options: ExecRunOptions & { readonly includeStderr?: boolean | undefined } = {}
): Effect.Effect<Array<string>, ExecError | Errors.ExitCode, Backend> =>
  Effect.map(execString(target, command, options), linesOf)

/**
 * Executes a command in a container and gives its output as it arrives. A slow consumer slows it down; a stream that is
 * left early kills it. Fails as {@link execRun} does, after all output; `ExitCode` then carries the last 64 KiB.
 *
 * @category executing
 * @since 0.1.0
 */
export const execStream = (
  target: Target,
  command: string | ReadonlyArray<string>,
  options: Omit<ExecRunOptions, "outputLimit"> = {}
): Stream.Stream<Logs.Frame, ExecError | Errors.ExitCode, Backend> =>
  ToEnd.stream(identify(target).image, begin(target, command, options), options).pipe(
    Stream.withSpan("Container.execStream", { attributes: { "container.id": identify(target).id } })
  )
