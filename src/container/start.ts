import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import { Backend, type ContainerInfo, type LogsOptions } from "../Backend.ts"
import * as Errors from "../Errors.ts"
import type { ExitStatus } from "../ExitStatus.ts"
import type { Frame } from "../Logs.ts"
import { imageName } from "./config.ts"
import { create as createScoped } from "./create.ts"
import type { Container } from "./description.ts"
import { exitCodeOf, kill, type KillOptions, logs, stop, wait } from "./manage.ts"
import { feed } from "./run.ts"
import * as TimeLimit from "./timeLimit.ts"

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
  /** Standard input, if it was started with `{ stdin: true }`. When the sink is done, standard input is closed. Single use. */
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
}

/**
 * A container that was created and does not run yet.
 *
 * @category models
 * @since 0.1.0
 */
export interface CreatedContainer {
  readonly id: string
  readonly image: string
  readonly name: string
  /** Starts it. The scope that is open now stops it, unless it was created with `detach`. */
  readonly start: Effect.Effect<
    ContainerHandle,
    Errors.ContainerStart | Errors.ContainerAttach,
    Scope.Scope
  >
}

/**
 * @category models
 * @since 0.1.0
 */
export interface StartOptions {
  /** Keep standard input open for the handle's `stdin`. Default `false`. */
  readonly stdin?: boolean | undefined
  /**
   * Let it go on when the scope closes, and when this program ends: it is then for somebody to find it by its name or
   * labels, and to remove it. `Container.sweep` removes it when its lease (`Container.lease`) is over. Default `false`.
   */
  readonly detach?: boolean | undefined
}

/**
 * Creates a container without starting it, and removes it when the scope closes.
 *
 * @category starting
 * @since 0.1.0
 */
export const create = Effect.fn("Container.create")(function*(
  self: Container,
  options?: StartOptions
): Effect.fn.Return<
  CreatedContainer,
  Errors.ContainerOptions | Errors.ImagePull | Errors.ContainerCreate,
  Backend | Scope.Scope
> {
  const backend = yield* Backend
  yield* Effect.annotateCurrentSpan("container.image.name", imageName(self))
  const open = options?.stdin === true
  const detach = options?.detach === true
  if (detach && self.options.timeLimit !== undefined) {
    return yield* new Errors.ContainerOptions({
      image: imageName(self),
      field: "timeLimit",
      issue: "nobody is there to end a container that outlives its program: give it a lease instead"
    })
  }
  // One that could not be started is removed all the same.
  let isStarted = false
  const { config, id, image, stopGrace, timeLimit } = yield* createScoped(self, {
    background: false,
    openStdin: open,
    detached: detach ? () => isStarted : undefined
  })
  yield* Effect.annotateCurrentSpan({ "container.id": id, "container.name": config.name })
  const here = Effect.provideService(Backend, backend)

  const begin = Effect.fnUntraced(function*(): Effect.fn.Return<
    ContainerHandle,
    Errors.ContainerStart | Errors.ContainerAttach,
    Scope.Scope
  > {
    // Output is read from what the engine keeps, so only input has to be attached to, and before it starts.
    const attachment = config.stdin
      ? yield* backend.attach(id, { stdin: true, output: false, tty: config.tty })
      : undefined
    yield* Effect.uninterruptible(Effect.andThen(
      backend.start(id),
      detach
        ? Effect.sync(() => {
          isStarted = true
        })
        // One that cannot be stopped is removed by force next, and what that cannot do is logged.
        : Effect.addFinalizer(() => Effect.ignore(backend.stop(id, { grace: stopGrace })))
    ))
    yield* TimeLimit.begin(backend, id, timeLimit)
    if (attachment !== undefined && self.options.stdin !== undefined && !open) {
      yield* Effect.forkScoped(feed(self.options.stdin, attachment))
    }
    const unattached = (reason: Errors.Reason) => new Errors.ContainerAttach({ id, image, reason })
    const read = (options: LogsOptions) =>
      Stream.provideService(logs(id, { follow: true, ...options }), Backend, backend)
    const bytes = (options: LogsOptions) => Stream.mapArray(read(options), (frames) => mapFrames(frames))
    return {
      id,
      image,
      name: config.name!,
      stdin: attachment !== undefined && open
        ? Sink.mapError(attachment.stdin, unattached)
        : Sink.fail(unattached(
          new Errors.Unsupported({
            operation: "stdin",
            message: "standard input is not open",
            hint: "start the container with { stdin: true }"
          })
        )),
      stdout: bytes({ stderr: false }),
      stderr: bytes({ stdout: false }),
      all: bytes({}),
      logs: (options = {}) => read(options),
      exitStatus: here(wait(id)),
      exitCode: here(exitCodeOf(id)),
      isRunning: Effect.map(backend.inspect(id), ({ state }) => state === "running" || state === "paused"),
      kill: (options) => here(kill(id, options)),
      stop: (options) => here(stop(id, { grace: options?.grace ?? stopGrace })),
      inspect: backend.inspect(id)
    }
  })

  return { id, image, name: config.name!, start: begin() }
})

const mapFrames = (frames: readonly [Frame, ...Array<Frame>]): readonly [Uint8Array, ...Array<Uint8Array>] => {
  const [first, ...rest] = frames
  return [first.bytes, ...rest.map((frame) => frame.bytes)]
}

/**
 * Starts a container and gives a handle to it. When the scope closes, it is stopped (asked to end, killed after a grace,
 * see `Container.stopWith`) and removed; with `detach` it goes on.
 *
 * @category starting
 * @since 0.1.0
 */
export const start = Effect.fn("Container.start")(function*(
  self: Container,
  options?: StartOptions
): Effect.fn.Return<
  ContainerHandle,
  | Errors.ContainerOptions
  | Errors.ImagePull
  | Errors.ContainerCreate
  | Errors.ContainerStart
  | Errors.ContainerAttach,
  Backend | Scope.Scope
> {
  yield* Effect.annotateCurrentSpan("container.image.name", imageName(self))
  const created = yield* create(self, options)
  return yield* created.start
})
