import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Errors from "../Errors.ts"
import * as ExitStatus from "../ExitStatus.ts"
import * as Logs from "../Logs.ts"
import type { Begun } from "./exec.ts"
import type { ExecRunOptions, Executed } from "./execRun.ts"
import { type Issue, size } from "./issue.ts"
import { Tail } from "./tail.ts"

/** What begins a command, wherever that is. The scope kills it. */
export type Beginning<E, R> = Effect.Effect<Begun, E, R | Scope.Scope>

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
  begun: Begun,
  exit: ExitStatus.ExitStatus,
  expect: ReadonlyArray<number>,
  logs: Executed["logs"]
): Effect.Effect<void, Errors.ExitCode | Errors.ContainerExec> => {
  if (exit._tag === "Exited" && expect.includes(exit.code)) return Effect.void
  return Effect.flatMap(codeOf(begun, exit), (code) =>
    Effect.fail(
      new Errors.ExitCode({
        ...begun.container,
        code,
        oomKilled: exit._tag === "OomKilled",
        timedOut: begun.isTimedOut?.() === true && exit._tag === "Killed",
        logs,
        command: begun.config.command,
        ...(exit._tag === "Killed" ? { signal: exit.signal } : exit._tag === "OomKilled" ? { signal: "SIGKILL" } : {})
      })
    ))
}

const refused = (image: string, [field, issue]: Issue) => new Errors.ContainerOptions({ image, field, issue })

const limitOf = (
  image: string,
  input: ExecRunOptions["outputLimit"]
): Effect.Effect<number | undefined, Errors.ContainerOptions> => {
  const bytes = input === undefined ? undefined : size("outputLimit", input)
  return bytes === undefined || typeof bytes === "number" ? Effect.succeed(bytes) : Effect.fail(refused(image, bytes))
}

const checkExpect = (image: string, expect: ReadonlyArray<number>): Effect.Effect<void, Errors.ContainerOptions> => {
  const bad = expect.find((code) => !Number.isInteger(code) || code < 0 || code > 255)
  return bad === undefined
    ? Effect.void
    : Effect.fail(refused(image, ["expect", `${bad} is not an exit code: it must be a whole number from 0 to 255`]))
}

const toEnd = Effect.fnUntraced(function*<E, R>(
  image: string,
  begin: Beginning<E, R>,
  outputLimit: ExecRunOptions["outputLimit"]
): Effect.fn.Return<
  { readonly begun: Begun; readonly executed: Executed },
  E | Errors.ContainerOptions | Errors.ContainerExec,
  R | Scope.Scope
> {
  const collector = new Logs.Collector({ limit: yield* limitOf(image, outputLimit) })
  const begun = yield* begin
  yield* Effect.mapError(
    Stream.runForEachArray(begun.process.output, (frames) => {
      collector.pushAll(frames)
      return Effect.void
    }),
    begun.failed
  )
  const exit = yield* exitOf(begun)
  yield* Effect.annotateCurrentSpan("process.exit.code", ExitStatus.toCode(exit))
  return { begun, executed: { exit, logs: collector.output() } }
})

/** How it ended, with what it wrote, when that is as expected. */
export const run = Effect.fnUntraced(function*<E, R>(
  image: string,
  begin: Beginning<E, R>,
  { expect = [0], outputLimit }: Pick<ExecRunOptions, "expect" | "outputLimit">
): Effect.fn.Return<
  Executed,
  E | Errors.ContainerOptions | Errors.ContainerExec | Errors.ExitCode,
  Exclude<R, Scope.Scope>
> {
  yield* checkExpect(image, expect)
  const { begun, executed } = yield* Effect.scoped(toEnd(image, begin, outputLimit))
  yield* judge(begun, executed.exit, expect, executed.logs)
  return executed
})

/** The code that a shell would show. */
export const exitCode = <E, R>(image: string, begin: Beginning<E, R>) =>
  Effect.flatMap(Effect.scoped(toEnd(image, begin, 0)), ({ begun, executed }) => codeOf(begun, executed.exit))

/** How much of the output a stream's `ExitCode` carries: bytes of its end. Whoever streams has seen the rest. */
const tailOfStream = 64 * 1024

/** Its output as it comes, and then its end, when that is not as expected. */
export const stream = <E, R>(
  image: string,
  begin: Beginning<E, R>,
  { expect = [0] }: Pick<ExecRunOptions, "expect">
): Stream.Stream<
  Logs.Frame,
  E | Errors.ContainerOptions | Errors.ContainerExec | Errors.ExitCode,
  Exclude<R, Scope.Scope>
> =>
  Stream.unwrap(Effect.gen(function*() {
    yield* checkExpect(image, expect)
    const begun = yield* begin
    const tail = new Tail(tailOfStream)
    const end = Effect.flatMap(exitOf(begun), (exit) => judge(begun, exit, expect, tail.output()))
    return begun.process.output.pipe(
      Stream.mapError(begun.failed),
      Stream.mapArray((frames) => {
        tail.push(frames)
        return frames
      }),
      Stream.concat(Stream.drain(Stream.fromEffect(end)))
    )
  }))
