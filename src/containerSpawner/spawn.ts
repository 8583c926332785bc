import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as PlatformError from "effect/PlatformError"
import type * as ChildProcess from "effect/process/ChildProcess"
import { type ChildProcessHandle, ExitCode, makeHandle, ProcessId } from "effect/process/ChildProcessSpawner"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type { Backend } from "../Backend.ts"
import * as Container from "../Container.ts"
import * as ExitStatus from "../ExitStatus.ts"
import { badArgument, platformError, systemError } from "./failure.ts"
import { inputOf, outputOf } from "./stdio.ts"

type Bytes = Stream.Stream<Uint8Array, PlatformError.PlatformError>

const unwrap = (word: string | Redacted.Redacted<string>): string =>
  Redacted.isRedacted(word) ? Redacted.value(word) : word

/** What cannot be done in a container, or at all. */
const issueOf = ({ args, command, options }: ChildProcess.StandardCommand): string | undefined => {
  const { shell } = options
  if (shell !== undefined && shell !== false && args.length > 0) {
    return "The shell option cannot be combined with arguments; pass the whole script as the command"
  }
  if (command.includes("\0")) return "The command contains a NUL character"
  const bad = args.findIndex((arg) => unwrap(arg).includes("\0"))
  if (bad !== -1) return `Argument ${bad + 1} contains a NUL character`
  if (Object.keys(options.additionalFds ?? {}).length > 0) {
    return "A process in a container has no file descriptors but its standard input, output and error"
  }
  return inputOf(options).stream === "inherit"
    ? "A process in a container cannot inherit standard input; pass it as a stream"
    : undefined
}

const commandOf = ({ args, command, options: { shell } }: ChildProcess.StandardCommand): ReadonlyArray<string> =>
  shell === undefined || shell === false
    ? [command, ...args.map(unwrap)]
    : [shell === true ? "/bin/sh" : shell, "-c", command]

const environmentOf = (
  { env = {} }: ChildProcess.CommandOptions
): Record<string, string | Redacted.Redacted<string>> => {
  const given: Record<string, string | Redacted.Redacted<string>> = {}
  for (const [name, value] of Object.entries(env)) if (value !== undefined) given[name] = value
  return given
}

/** In place of the number of a process that its engine forgot when it ended: no process has this one. */
const gone = 0

/** How long a process that is to end may take until it is killed, unless its command says so. */
const grace = "5 seconds"

/** To an output of this process, as a child that inherits it would. */
const inherit = (side: "stdout" | "stderr") => (bytes: Uint8Array): Effect.Effect<void> =>
  Effect.callback((resume) => {
    process[side].write(bytes, () => resume(Effect.void))
  })

/** What is read of an output, and what goes on with it in the background. */
const outputs = Effect.fnUntraced(function*(command: ChildProcess.StandardCommand, handle: Container.ExecHandle) {
  const background: Array<Fiber.Fiber<unknown, unknown>> = []
  const side = Effect.fnUntraced(function*(name: "stdout" | "stderr") {
    const to = outputOf(command.options, name)
    const bytes: Bytes = Stream.mapError(handle[name], platformError(command, name))
    if (Sink.isSink(to)) return Stream.transduce(bytes, to)
    if (to === "pipe" || to === "overlapped") return bytes
    background.push(
      yield* Effect.forkScoped(
        to === "inherit" ? Stream.runForEach(bytes, inherit(name)) : Stream.runDrain(bytes)
      )
    )
    return Stream.empty
  })
  const stdout: Bytes = yield* side("stdout")
  const stderr: Bytes = yield* side("stderr")
  const piped = (["stdout", "stderr"] as const).every((name) =>
    ["pipe", "overlapped"].includes(String(outputOf(command.options, name)))
  )
  return {
    stdout,
    stderr,
    // In order of arrival, where nothing else is done with one of them.
    all: piped ? Stream.mapError(handle.all, platformError(command, "all")) : Stream.merge(stdout, stderr),
    drained: Effect.forEach(background, Fiber.await, { discard: true })
  }
})

/** Executes one command in the container. The scope ends it. */
export const spawn = Effect.fnUntraced(function*(
  container: Container.Target,
  command: ChildProcess.StandardCommand
): Effect.fn.Return<ChildProcessHandle, PlatformError.PlatformError, Backend | Scope.Scope> {
  const { options } = command
  const issue = issueOf(command)
  if (issue !== undefined) return yield* badArgument(issue)
  const input = inputOf(options)
  const failed = (method: string) => platformError(command, method)
  const handle = yield* Effect.mapError(
    Container.exec(container, commandOf(command), {
      env: environmentOf(options),
      workDir: options.cwd,
      stdin: input.stream !== "ignore"
    }),
    failed("spawn")
  )
  const pid = yield* Effect.mapError(handle.pid, failed("spawn"))
  if (pid === undefined) {
    const exit = yield* Effect.mapError(handle.exitStatus, failed("spawn"))
    if (exit._tag === "StartFailed") {
      return yield* systemError(
        command,
        "spawn",
        exit.issue === "not executable" ? "PermissionDenied" : "NotFound",
        `the command ${ExitStatus.format(exit)}`
      )
    }
  }
  // Asked first, and killed then; what is killed at once never gets to clean up after itself. What goes
  // wrong here is for the scope of the command, which kills in any case and says when it cannot.
  yield* Effect.addFinalizer(() =>
    Effect.flatMap(handle.isRunning, (isRunning) =>
      isRunning
        ? handle.kill({ killSignal: options.killSignal, forceKillAfter: options.forceKillAfter ?? grace })
        : Effect.void).pipe(Effect.ignore)
  )
  const { all, drained, stderr, stdout } = yield* outputs(command, handle)
  const stdin = Sink.mapError(handle.stdin, failed("stdin"))
  const cutShort = Deferred.makeUnsafe<never, PlatformError.PlatformError>()
  if (Stream.isStream(input.stream)) {
    const bytes = Stream.tapError(input.stream, (error) => Deferred.fail(cutShort, error))
    yield* Effect.forkScoped(
      Stream.run(input.endOnDone === false ? Stream.concat(bytes, Stream.never) : bytes, stdin)
    )
  }
  const exited = Effect.flatMap(Effect.mapError(handle.exitStatus, failed("exitCode")), (exit) => {
    const code = ExitStatus.toCode(exit)
    return code === undefined || exit._tag === "Killed" || exit._tag === "OomKilled"
      ? Effect.fail(systemError(command, "exitCode", "Unknown", `the process ${ExitStatus.format(exit)}`))
      : Effect.as(drained, ExitCode(code))
  })
  return makeHandle({
    pid: ProcessId(pid ?? gone),
    exitCode: Effect.raceFirst(exited, Deferred.await(cutShort)),
    isRunning: Effect.mapError(handle.isRunning, failed("isRunning")),
    kill: (given) =>
      Effect.mapError(
        handle.kill({
          killSignal: given?.killSignal ?? options.killSignal,
          forceKillAfter: given?.forceKillAfter ?? options.forceKillAfter
        }),
        failed("kill")
      ),
    stdin: input.stream === "ignore" ? Sink.drain : stdin,
    stdout,
    stderr,
    all,
    getInputFd: () => Sink.drain,
    getOutputFd: () => Stream.empty,
    unref: Effect.succeed(Effect.void)
  })
})
