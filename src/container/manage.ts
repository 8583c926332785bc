import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Backend, type ContainerInfo, type ContainerSummary, type LogsOptions, type Usage } from "../Backend.ts"
import * as Errors from "../Errors.ts"
import { type ExitStatus, signalNumber } from "../ExitStatus.ts"
import * as Filter from "../Filter.ts"
import type { Frame } from "../Logs.ts"
import { codeOf } from "./launch.ts"

/**
 * The containers of the engine, running or not. Default: all of them, whoever made them. Fails with `ContainerList`.
 *
 * @category managing
 * @since 0.1.0
 */
export const list = Effect.fn("Container.list")(function*(
  filter: Filter.Filter = Filter.all
): Effect.fn.Return<ReadonlyArray<ContainerSummary>, Errors.ContainerList, Backend> {
  return yield* (yield* Backend).list(filter)
})

/**
 * A container as its engine shows it now, by id or name. Fails with `ContainerInspect`, `NotFound` when it is gone.
 *
 * @category managing
 * @since 0.1.0
 */
export const inspect = Effect.fn("Container.inspect")(function*(
  id: string
): Effect.fn.Return<ContainerInfo, Errors.ContainerInspect, Backend> {
  return yield* (yield* Backend).inspect(id)
})

/**
 * Waits until a container that was started does not run, and says how it ended. Fails with `ContainerWait`.
 *
 * @category managing
 * @since 0.1.0
 */
export const wait = Effect.fn("Container.wait")(function*(
  id: string
): Effect.fn.Return<ExitStatus, Errors.ContainerWait, Backend> {
  return yield* (yield* Backend).wait(id)
})

/** {@link wait}, as the code that a shell would show. */
export const exitCodeOf = (id: string): Effect.Effect<number, Errors.ContainerWait, Backend> =>
  Effect.flatMap(wait(id), (exit) => codeOf({ id, image: "" }, exit))

/**
 * What the engine kept of a container's output. Default: all that is there now; `follow` goes on until it ends. Fails
 * with `ContainerLogs`, after what had arrived.
 *
 * @category managing
 * @since 0.1.0
 */
export const logs = (
  id: string,
  options: LogsOptions = {}
): Stream.Stream<Frame, Errors.ContainerLogs, Backend> => {
  const { tail } = options
  if (tail !== undefined && !(Number.isSafeInteger(tail) && tail >= 0)) {
    return Stream.fail(
      new Errors.ContainerLogs({
        id,
        image: "",
        reason: new Errors.InvalidArgument({
          operation: "logs",
          message: `tail is ${tail}, which is not a number of lines`,
          hint: "give a whole number from 0 on"
        })
      })
    )
  }
  return Stream.unwrap(Effect.map(Backend, (backend) => backend.logs(id, options))).pipe(
    Stream.withSpan("Container.logs", { attributes: { "container.id": id } })
  )
}

/**
 * Asks a container to end with its stop signal, and kills it after `grace` (default 10 seconds). One that does not run is
 * no failure. Fails with `ContainerStop`.
 *
 * @category managing
 * @since 0.1.0
 */
export const stop = Effect.fn("Container.stop")(function*(
  id: string,
  options?: { readonly grace?: Duration.Input | undefined }
): Effect.fn.Return<void, Errors.ContainerStop, Backend> {
  const grace = options?.grace === undefined ? 10_000 : Duration.toMillis(options.grace)
  yield* (yield* Backend).stop(id, { grace })
})

/**
 * @category models
 * @since 0.1.0
 */
export interface KillOptions {
  /** Default `"SIGTERM"`. */
  readonly killSignal?: string | undefined
  /** When it has not ended by then it is sent SIGKILL. Default: never. */
  readonly forceKillAfter?: Duration.Input | undefined
}

/**
 * Sends a container a signal and waits until it has ended. Fails with `ContainerSignal`, `Conflict` when it does not run,
 * and with `ContainerWait`.
 *
 * @category managing
 * @since 0.1.0
 */
export const kill = Effect.fn("Container.kill")(function*(
  id: string,
  options?: KillOptions
): Effect.fn.Return<void, Errors.ContainerSignal | Errors.ContainerWait, Backend> {
  const backend = yield* Backend
  yield* signal(id, options?.killSignal ?? "SIGTERM")
  const ended = Effect.asVoid(backend.wait(id))
  yield* options?.forceKillAfter === undefined ? ended : Effect.timeoutOrElse(ended, {
    duration: options.forceKillAfter,
    orElse: () =>
      Effect.andThen(
        // It may have ended in this very moment.
        Effect.catchReason(backend.signal(id, "SIGKILL"), "ContainerSignal", "Conflict", () => Effect.void),
        ended
      )
  })
})

/**
 * Sends a container a signal, by name or number, and does not wait. Fails with `ContainerSignal`: `InvalidArgument` when
 * there is no such signal, `Conflict` when it does not run.
 *
 * @category managing
 * @since 0.1.0
 */
export const signal = Effect.fn("Container.signal")(function*(
  id: string,
  signal: string
): Effect.fn.Return<void, Errors.ContainerSignal, Backend> {
  if (signalNumber(signal) === undefined) {
    return yield* new Errors.ContainerSignal({
      id,
      image: "",
      reason: new Errors.InvalidArgument({ operation: "signal", message: `${JSON.stringify(signal)} is not a signal` })
    })
  }
  yield* (yield* Backend).signal(id, signal)
})

/**
 * Stops all processes of a container where they are, without their noticing, until {@link unpause}. Fails with
 * `ContainerPause`: `Conflict` when it does not run or is paused already.
 *
 * @category managing
 * @since 0.1.0
 */
export const pause = Effect.fn("Container.pause")(function*(
  id: string
): Effect.fn.Return<void, Errors.ContainerPause, Backend> {
  yield* (yield* Backend).pause(id)
})

/**
 * Lets a paused container go on. Fails with `ContainerPause`: `Conflict` when it is not paused.
 *
 * @category managing
 * @since 0.1.0
 */
export const unpause = Effect.fn("Container.unpause")(function*(
  id: string
): Effect.fn.Return<void, Errors.ContainerPause, Backend> {
  yield* (yield* Backend).unpause(id)
})

/**
 * What a container uses now: CPU time in nanoseconds, memory in bytes, processes. Fails with `ContainerStats`: `Conflict`
 * when it does not run.
 *
 * @category managing
 * @since 0.1.0
 */
export const usage = Effect.fn("Container.usage")(function*(
  id: string
): Effect.fn.Return<Usage, Errors.ContainerStats, Backend> {
  return yield* (yield* Backend).usage(id)
})

/**
 * Removes a container that does not run, or with `force` also one that does. Fails with `ContainerRemove`: `NotFound`
 * when it is gone already, `Conflict` when it runs.
 *
 * @category managing
 * @since 0.1.0
 */
export const remove = Effect.fn("Container.remove")(function*(
  id: string,
  options?: { readonly force?: boolean | undefined }
): Effect.fn.Return<void, Errors.ContainerRemove, Backend> {
  yield* (yield* Backend).remove(id, { force: options?.force ?? false })
})
