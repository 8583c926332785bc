import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import { Backend, type Exec, type TerminalSize } from "../Backend.ts"
import type { ExecConfig } from "../ContainerConfig.ts"
import * as Errors from "../Errors.ts"
import * as ExitStatus from "../ExitStatus.ts"
import * as Logs from "../Logs.ts"
import { type ExecOptions, settleExec } from "./execConfig.ts"
import { feed } from "./launch.ts"
import type { KillOptions } from "./manage.ts"
import { identify, type Target } from "./target.ts"

/**
 * A command that is executed in a container. Its names are those of a `ChildProcessHandle`.
 *
 * `stdout`, `stderr` and `all` can each be run once: either the two, in any order or only one of them, or `all`. What
 * nobody reads makes the process wait once the engine's buffers are full.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExecHandle {
  /** The container that it runs in. */
  readonly container: string
  /**
   * Its number among the processes of the engine's host, once it has one; `undefined`: it could not be executed, and
   * `exitStatus` says why; or it has ended, and the engine forgot it (Podman).
   */
  readonly pid: Effect.Effect<number | undefined, Errors.ContainerExec>
  /** Standard input, with `{ stdin: true }`. When the sink is done, standard input is closed. Single use. */
  readonly stdin: Sink.Sink<void, Uint8Array, never, Errors.ContainerExec>
  readonly stdout: Stream.Stream<Uint8Array, Errors.ContainerExec>
  readonly stderr: Stream.Stream<Uint8Array, Errors.ContainerExec>
  /** Both, in order of arrival. */
  readonly all: Stream.Stream<Uint8Array, Errors.ContainerExec>
  /** {@link all}, each piece with its source. */
  readonly output: Stream.Stream<Logs.Frame, Errors.ContainerExec>
  /** Waits until it has ended; the code that a shell would show. */
  readonly exitCode: Effect.Effect<number, Errors.ContainerExec>
  /** Waits until it has ended; how it did. */
  readonly exitStatus: Effect.Effect<ExitStatus.ExitStatus, Errors.ContainerExec>
  readonly isRunning: Effect.Effect<boolean, Errors.ContainerExec>
  /** Sends a signal (default SIGTERM) to it and to all that it started, and waits until it has ended. */
  readonly kill: (options?: KillOptions) => Effect.Effect<void, Errors.ContainerExec>
  /** Sends a signal, by name or number, to it and to all that it started, and does not wait. */
  readonly signal: (signal: string) => Effect.Effect<void, Errors.ContainerExec>
  /** Sets the size of its terminal. */
  readonly resize: (size: TerminalSize) => Effect.Effect<void, Errors.ContainerExec>
}

/** A command as it was begun. */
export interface Begun {
  readonly container: { readonly id: string; readonly image: string }
  readonly config: ExecConfig
  readonly process: Exec
  /** Whether it was killed because its time was over. */
  readonly isTimedOut?: (() => boolean) | undefined
  /** Names the container. */
  readonly failed: (reason: Errors.Reason) => Errors.ContainerExec
}

/** Checks, executes, and feeds what was given as input. The scope kills it. */
export const begin = Effect.fnUntraced(function*(
  target: Target,
  command: string | ReadonlyArray<string>,
  options: ExecOptions
): Effect.fn.Return<Begun, Errors.ContainerOptions | Errors.ContainerExec, Backend | Scope.Scope> {
  const backend = yield* Backend
  const { id, image } = identify(target)
  const config = yield* settleExec(image, command, options)
  yield* Effect.annotateCurrentSpan({ "container.id": id, "process.executable.name": config.command[0] })
  const process = yield* backend.exec(id, config)
  const { stdin } = options
  if (stdin !== undefined && typeof stdin !== "boolean") yield* Effect.forkScoped(feed(stdin, process))
  return {
    container: { id, image },
    config,
    process,
    failed: (reason) => new Errors.ContainerExec({ id, image, reason })
  }
})

const conflict = (message: string) => new Errors.Conflict({ operation: "exec", message })

/** The code that a shell would show. None is made up when the engine lost it. */
const codeOf = (exit: ExitStatus.ExitStatus): Effect.Effect<number, Errors.Unavailable> => {
  const code = ExitStatus.toCode(exit)
  return code === undefined
    ? Effect.fail(new Errors.Unavailable({ operation: "exec", message: `the process ${ExitStatus.format(exit)}` }))
    : Effect.succeed(code)
}

/** The end of a process that was sent a signal; after a while it is sent SIGKILL. */
const kill = (
  process: Exec,
  { forceKillAfter, killSignal = "SIGTERM" }: KillOptions
): Effect.Effect<void, Errors.Reason> => {
  const ended = Effect.asVoid(process.exit)
  return Effect.andThen(
    process.signal(killSignal),
    forceKillAfter === undefined ? ended : Effect.timeoutOrElse(ended, {
      duration: forceKillAfter,
      orElse: () => Effect.andThen(process.signal("SIGKILL"), ended)
    })
  )
}

/** Output that is read either as a whole or as its two sides. */
const outputsOf = Effect.fnUntraced(function*({ output }: Exec) {
  const scope = yield* Effect.scope
  const separated = yield* Effect.cached(Scope.provide(Logs.separated(output), scope))
  let read: "together" | "apart" | undefined
  const apart = (side: "stdout" | "stderr") =>
    Stream.unwrap(Effect.suspend(() => {
      if (read === "together") return Effect.fail(conflict("the output was already read as a whole"))
      read = "apart"
      return Effect.map(separated, (sides) => sides[side])
    }))
  const together = Stream.suspend((): Stream.Stream<Logs.Frame, Errors.Reason> => {
    if (read !== undefined) return Stream.fail(conflict("the output was already read"))
    read = "together"
    return output
  })
  return { stdout: apart("stdout"), stderr: apart("stderr"), output: together }
})

/**
 * Executes a further command in a container that runs. A list is run as it is, a string by the shell. When the scope
 * closes before it has ended, it is killed, and with it all that it started.
 *
 * It is found by a variable in its environment, by a further process, so on Docker and Podman the image needs a
 * `/bin/sh`: without one, it ends with its container, `kill` and `signal` fail `Unsupported`, and a warning is logged. On
 * containerd nothing is needed of the image.
 *
 * Fails with `ContainerOptions` before the engine is asked, and with `ContainerExec`: `Conflict` when the container does
 * not run. A command that is not there is no failure here: `exitStatus` says so.
 *
 * **Example** (A conversation)
 *
 * ```ts import.meta.vitest
 * import { Effect, Stream } from "effect"
 * import { Container } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const image = Memory.image("db", () => Effect.never, {
 *   exec: ({ stdin }) => Stream.map(stdin, (bytes) => `said ${new TextDecoder().decode(bytes)}`)
 * })
 * const program = Effect.gen(function*() {
 *   const db = yield* Container.start(Container.make("db"))
 *   const client = yield* Container.exec(db, ["client"], { stdin: true })
 *   yield* Stream.run(Stream.make(new TextEncoder().encode("hello")), client.stdin)
 *   return [yield* Stream.mkString(Stream.decodeText(client.stdout)), yield* client.exitCode]
 * }).pipe(Effect.scoped, Effect.provide(Memory.layer({ images: [image] })))
 * await Effect.runPromise(program) // => ["said hello", 0]
 * ```
 *
 * @category executing
 * @since 0.1.0
 */
export const exec = Effect.fn("Container.exec")(function*(
  target: Target,
  command: string | ReadonlyArray<string>,
  options: ExecOptions = {}
): Effect.fn.Return<ExecHandle, Errors.ContainerOptions | Errors.ContainerExec, Backend | Scope.Scope> {
  const { failed, process } = yield* begin(target, command, options)
  const outputs = yield* outputsOf(process)
  const output = Stream.mapError(outputs.output, failed)
  return {
    container: identify(target).id,
    pid: Effect.mapError(process.pid, failed),
    stdin: options.stdin === true
      ? Sink.mapError(process.stdin, failed)
      : Sink.fail(failed(
        new Errors.Unsupported({
          operation: "stdin",
          message: "standard input is not open",
          hint: "execute the command with { stdin: true }"
        })
      )),
    stdout: Stream.mapError(outputs.stdout, failed),
    stderr: Stream.mapError(outputs.stderr, failed),
    all: Logs.combined(output),
    output,
    exitStatus: Effect.mapError(process.exit, failed),
    exitCode: Effect.mapError(Effect.flatMap(process.exit, codeOf), failed),
    isRunning: Effect.mapError(process.isRunning, failed),
    kill: (options = {}) => Effect.mapError(kill(process, options), failed),
    signal: (signal) => Effect.mapError(process.signal(signal), failed),
    resize: (size) => Effect.mapError(process.resize(size), failed)
  }
})
