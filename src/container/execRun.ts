import type * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Backend } from "../Backend.ts"
import * as Errors from "../Errors.ts"
import * as ExitStatus from "../ExitStatus.ts"
import * as Logs from "../Logs.ts"
import type { Output } from "../Output.ts"
import { begin, type Begun } from "./exec.ts"
import type { ExecOptions } from "./execConfig.ts"
import { size } from "./issue.ts"
import { linesOf } from "./run.ts"
import { identify, type Target } from "./target.ts"

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

/** What never was a process is a failure of the engine's, not an exit. */
const unstartable = ({ config, failed }: Begun, exit: ExitStatus.ExitStatus): Errors.ContainerExec | undefined => {
  if (exit._tag !== "StartFailed") return undefined
  const command = JSON.stringify(config.command[0] ?? "")
  return failed(
    exit.issue === "not found"
      ? new Errors.NotFound({ operation: "exec", message: `the executable ${command} is not found in the container` })
      : new Errors.PermissionDenied({ operation: "exec", message: `${command} cannot be executed` })
  )
}

const exitOf = (begun: Begun): Effect.Effect<ExitStatus.ExitStatus, Errors.ContainerExec> =>
  Effect.flatMap(Effect.mapError(begun.process.exit, begun.failed), (exit) => {
    const failure = unstartable(begun, exit)
    return failure === undefined ? Effect.succeed(exit) : Effect.fail(failure)
  })

const codeOf = ({ failed }: Begun, exit: ExitStatus.ExitStatus): Effect.Effect<number, Errors.ContainerExec> => {
  const code = ExitStatus.toCode(exit)
  return code !== undefined ? Effect.succeed(code) : Effect.fail(
    failed(new Errors.Unavailable({ operation: "exec", message: `the process ${ExitStatus.format(exit)}` }))
  )
}

const judge = (
  target: Target,
  begun: Begun,
  exit: ExitStatus.ExitStatus,
  expect: ReadonlyArray<number>,
  logs: Output
): Effect.Effect<void, Errors.ExitCode | Errors.ContainerExec> => {
  if (exit._tag === "Exited" && expect.includes(exit.code)) return Effect.void
  return Effect.flatMap(codeOf(begun, exit), (code) =>
    Effect.fail(
      new Errors.ExitCode({
        ...identify(target),
        code,
        oomKilled: exit._tag === "OomKilled",
        timedOut: false,
        logs,
        command: begun.config.command,
        ...(exit._tag === "Killed" ? { signal: exit.signal } : exit._tag === "OomKilled" ? { signal: "SIGKILL" } : {})
      })
    ))
}

const limitOf = (target: Target, input: ByteSize.Input | undefined) => {
  const bytes = input === undefined ? undefined : size("outputLimit", input)
  return bytes === undefined || typeof bytes === "number"
    ? Effect.succeed(bytes)
    : Effect.fail(
      new Errors.ContainerOptions({ image: identify(target).image, field: bytes[0], issue: bytes[1] })
    )
}

const checkExpect = (target: Target, expect: ReadonlyArray<number>) => {
  const bad = expect.find((code) => !Number.isInteger(code) || code < 0 || code > 255)
  return bad === undefined ? Effect.void : Effect.fail(
    new Errors.ContainerOptions({
      image: identify(target).image,
      field: "expect",
      issue: `${bad} is not an exit code: it must be a whole number from 0 to 255`
    })
  )
}

const toEnd = Effect.fnUntraced(function*(
  target: Target,
  command: string | ReadonlyArray<string>,
  options: ExecRunOptions
): Effect.fn.Return<{ readonly begun: Begun; readonly executed: Executed }, ExecError, Backend | Scope.Scope> {
  const collector = new Logs.Collector({ limit: yield* limitOf(target, options.outputLimit) })
  const begun = yield* begin(target, command, options)
  yield* Effect.mapError(
    Stream.runForEachArray(begun.process.output, (frames) => {
      for (const frame of frames) collector.push(frame)
      return Effect.void
    }),
    begun.failed
  )
  const exit = yield* exitOf(begun)
  yield* Effect.annotateCurrentSpan("process.exit.code", ExitStatus.toCode(exit))
  return { begun, executed: { exit, logs: collector.output() } }
})

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
  const { expect = [0] } = options
  yield* checkExpect(target, expect)
  const { begun, executed } = yield* Effect.scoped(toEnd(target, command, options))
  yield* judge(target, begun, executed.exit, expect, executed.logs)
  return executed
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
  const { begun, executed } = yield* Effect.scoped(toEnd(target, command, { ...options, outputLimit: 0 }))
  return yield* codeOf(begun, executed.exit)
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

/** How much of the output a stream's `ExitCode` carries: bytes of its end. Whoever streams has seen the rest. */
const tailOfStream = 64 * 1024

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
  Stream.unwrap(Effect.gen(function*() {
    const { expect = [0] } = options
    yield* checkExpect(target, expect)
    const begun = yield* begin(target, command, options)
    const collector = new Logs.Collector({ limit: tailOfStream })
    const end = Effect.flatMap(
      exitOf(begun),
      (exit) => judge(target, begun, exit, expect, collector.output())
    )
    return begun.process.output.pipe(
      Stream.mapError(begun.failed),
      Stream.mapArray((frames) => {
        for (const frame of frames) collector.push(frame)
        return frames
      }),
      Stream.concat(Stream.drain(Stream.fromEffect(end)))
    )
  })).pipe(Stream.withSpan("Container.execStream", { attributes: { "container.id": identify(target).id } }))
