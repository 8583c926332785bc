import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import { Backend, type ContainerInfo, type Endpoint, endpoint, type LogsOptions, type PortOptions } from "../Backend.ts"
import * as Errors from "../Errors.ts"
import type { ExitStatus } from "../ExitStatus.ts"
import type { Frame } from "../Logs.ts"
import { exitCodeOf, kill, type KillOptions, logs, stop, wait } from "./manage.ts"

/**
 * A container that was started. Its names are those of a `ChildProcessHandle`.
 *
 * Its output is what the engine keeps of it: it can be read at any time, again and by several at once, from the beginning
 * each time, and the container never waits for a reader. The streams end when the container does.
 *
 * @category models
 * @since 0.1.0
 */
export interface ContainerHandle {
  /** The engine's id. */
  readonly id: string
  /** The image as it was named. */
  readonly image: string
  /** Its name in the engine. */
  readonly name: string
  /** Standard input, if it was started here and with `{ stdin: true }`. When the sink is done, standard input is closed. Single use. */
  readonly stdin: Sink.Sink<void, Uint8Array, never, Errors.ContainerAttach>
  readonly stdout: Stream.Stream<Uint8Array, Errors.ContainerLogs>
  readonly stderr: Stream.Stream<Uint8Array, Errors.ContainerLogs>
  /** Both, in order of arrival. */
  readonly all: Stream.Stream<Uint8Array, Errors.ContainerLogs>
  /** Both, in order of arrival, each piece with its source; a part of it with `LogsOptions`. Default: all, followed. */
  readonly logs: (options?: LogsOptions) => Stream.Stream<Frame, Errors.ContainerLogs>
  /** Waits until it has ended; the code that a shell would show. */
  readonly exitCode: Effect.Effect<number, Errors.ContainerWait>
  /** Waits until it has ended; how it did. */
  readonly exitStatus: Effect.Effect<ExitStatus, Errors.ContainerWait>
  readonly isRunning: Effect.Effect<boolean, Errors.ContainerInspect>
  /** Sends a signal (default SIGTERM) and waits until it has ended. */
  readonly kill: (options?: KillOptions) => Effect.Effect<void, Errors.ContainerSignal | Errors.ContainerWait>
  /** Asks it to end and kills it after a while (default: what `Container.stopWith` said, else 10 seconds). */
  readonly stop: (
    options?: { readonly grace?: Duration.Input | undefined }
  ) => Effect.Effect<void, Errors.ContainerStop>
  readonly inspect: Effect.Effect<ContainerInfo, Errors.ContainerInspect>
  /** The name or address of the engine's machine, as seen from here. */
  readonly host: string
  /**
   * Where a port of the container (default: of TCP, at an address of either family) is reached from here, if it is
   * published (`Container.port`). Fails `InvalidArgument` when it is not, or only to the engine's own machine, which is
   * another.
   */
  readonly port: (port: number, options?: PortOptions) => Effect.Effect<Endpoint, Errors.ContainerInspect>
}

const mapFrames = (frames: readonly [Frame, ...Array<Frame>]): readonly [Uint8Array, ...Array<Uint8Array>] => {
  const [first, ...rest] = frames
  return [first.bytes, ...rest.map((frame) => frame.bytes)]
}

/** A handle to a container that was started, by whomever. */
export const handleOf = (
  backend: Backend["Service"],
  { id, image, name, stdin, stopGrace }: {
    readonly id: string
    readonly image: string
    readonly name: string
    /** Milliseconds. */
    readonly stopGrace: number
    readonly stdin: Sink.Sink<void, Uint8Array, never, Errors.Reason> | undefined
  }
): ContainerHandle => {
  const here = Effect.provideService(Backend, backend)
  const unattached = (reason: Errors.Reason) => new Errors.ContainerAttach({ id, image, reason })
  const read = (options: LogsOptions) => Stream.provideService(logs(id, { follow: true, ...options }), Backend, backend)
  const bytes = (options: LogsOptions) => Stream.mapArray(read(options), (frames) => mapFrames(frames))
  return {
    id,
    image,
    name,
    stdin: stdin === undefined
      ? Sink.fail(unattached(
        new Errors.Unsupported({
          operation: "stdin",
          message: "standard input is not open",
          hint: "start the container with { stdin: true }"
        })
      ))
      : Sink.mapError(stdin, unattached),
    stdout: bytes({ stderr: false }),
    stderr: bytes({ stdout: false }),
    all: bytes({}),
    logs: (options = {}) => read(options),
    exitStatus: here(wait(id)),
    exitCode: here(exitCodeOf(id)),
    isRunning: Effect.map(backend.inspect(id), ({ state }) => state === "running" || state === "paused"),
    kill: (options) => here(kill(id, options)),
    stop: (options) => here(stop(id, { grace: options?.grace ?? stopGrace })),
    inspect: backend.inspect(id),
    host: backend.host,
    port: (port, options) =>
      Effect.flatMap(backend.inspect(id), ({ ports }) =>
        Effect.mapError(
          Effect.fromResult(endpoint(backend.host, ports, port, options)),
          (reason) => new Errors.ContainerInspect({ id, image, reason })
        ))
  }
}

/**
 * A handle to a container that is there, by its name or id, whoever started it: it is adopted, not owned, and goes on when
 * this program ends. All of the handle works, its outputs too, from their beginning and as they come: they are the log that
 * the engine keeps. Not so the standard input: it belongs to whoever started the container, of whom alone the engine knows
 * when he has nothing more to say, so writing to it fails `Unsupported`. `Container.exec` has an input of its own.
 *
 * Fails with `ContainerInspect`, `NotFound` when there is none.
 *
 * **Example** (A container that outlives its program)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { Container } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const cache = Container.make("redis").pipe(Container.name("cache"))
 * const program = Effect.gen(function*() {
 *   yield* Effect.scoped(Container.start(cache, { detach: true }))
 *   const found = yield* Container.get("cache")
 *   return [found.image, yield* found.isRunning]
 * }).pipe(Effect.provide(Memory.layer({ images: [Memory.image("redis", () => Effect.never)] })))
 * await Effect.runPromise(program) // => ["redis", true]
 * ```
 *
 * @category managing
 * @since 0.1.0
 */
export const get = Effect.fn("Container.get")(function*(
  nameOrId: string
): Effect.fn.Return<ContainerHandle, Errors.ContainerInspect, Backend> {
  const backend = yield* Backend
  const { id, image, name } = yield* backend.inspect(nameOrId)
  return handleOf(backend, { id, image, name, stopGrace: 10_000, stdin: undefined })
})
