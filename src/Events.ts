/**
 * What happens in an engine, to containers, images, networks and volumes, whoever makes it happen.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { Backend, type EngineEvent } from "./Backend.ts"
import * as Errors from "./Errors.ts"
import { reason } from "./errors/make.ts"
import { Trail } from "./events/trail.ts"
import type { Filter } from "./Filter.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface StreamOptions {
  /** Default: all that happens. */
  readonly filter?: Filter | undefined
  /** Begin with what happened since then. Only where the engine knows it (`Capabilities.eventHistory`). */
  readonly since?: DateTime.Utc | undefined
  /**
   * When a connection that is lost is made again; it begins anew with each one that tells something. Default: after a tenth
   * of a second, twice as long each time, up to ten times: about a minute and a half. `Schedule.recurs(0)`: never.
   */
  readonly reconnect?: Schedule.Schedule<unknown, Errors.EngineEvents> | undefined
}

const patiently: Schedule.Schedule<unknown, Errors.EngineEvents> = Schedule.upTo(Schedule.exponential("100 millis"), {
  times: 10
})

const failed = (engine: string, message: string) =>
  new Errors.EngineEvents({
    engine,
    reason: reason("Unavailable", { operation: "events", message, hint: "look at what is there, and begin again" })
  })

/**
 * What happens in the engine from now on, or from `since`. It has no end. A connection that is lost is made again, and goes
 * on after the last event that came, so that none is missing and none comes twice.
 *
 * That takes an engine that keeps what has happened. Docker keeps the last 256 events, and none when its daemon is started
 * again: where some are missing, it fails with reason `Unavailable`, and who needs to know looks at what is there and
 * begins again. containerd keeps none, so there a lost connection is such a failure at once.
 *
 * Fails with `EngineEvents`: `InvalidArgument` for a filter that there is not, `Unsupported` for `since` on an engine that
 * keeps nothing.
 *
 * **Example** (The first container that starts)
 *
 * ```ts import.meta.vitest
 * import { DateTime, Effect, Option, Stream } from "effect"
 * import { Container, Events, Filter } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const program = Effect.gen(function*() {
 *   const since = yield* DateTime.now
 *   yield* Container.run(Container.make("app").pipe(Container.name("job")))
 *   const first = yield* Stream.runHead(Events.stream({ filter: Filter.event("start"), since }))
 *   return Option.map(first, ({ action, attributes }) => `${attributes["name"]}: ${action}`)
 * }).pipe(Effect.provide(Memory.layer({ images: [Memory.image("app", () => ({ exitCode: 0 }))] })))
 * await Effect.runPromise(Effect.map(program, Option.getOrNull)) // => "job: start"
 * ```
 *
 * @category streams
 * @since 0.1.0
 */
export const stream = (options: StreamOptions = {}): Stream.Stream<EngineEvent, Errors.EngineEvents, Backend> =>
  Stream.unwrap(Effect.gen(function*() {
    const { capabilities, events, name } = yield* Backend
    const { filter, since } = options
    const begun = since ?? (yield* DateTime.now)
    const reconnect = capabilities.eventHistory ? options.reconnect ?? patiently : Schedule.recurs(0)
    const trail = new Trail()
    let isAgain = false
    const told = Stream.suspend(() => {
      if (isAgain) {
        trail.restart()
        return events({ filter, since: trail.since ?? begun })
      }
      isAgain = true
      return events({ filter, since })
    })
    return told.pipe(
      Stream.retry(Schedule.while(reconnect, ({ input }) => input.isRetryable)),
      Stream.filterEffect((event) => {
        const how = trail.take(event)
        return how === "lost"
          ? Effect.fail(failed(name, "it has forgotten some that happened while the connection was lost"))
          : Effect.succeed(how === "new")
      })
    )
  }))
