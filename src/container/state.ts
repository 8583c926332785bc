import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { Backend, type ContainerState } from "../Backend.ts"
import type * as Errors from "../Errors.ts"
import * as Filter from "../Filter.ts"
import { identify, type Target } from "./target.ts"

/** After these a container may be in another state. */
const actions: ReadonlySet<string> = new Set(["start", "restart", "die", "pause", "unpause", "destroy"])

/** When an engine whose events are lost is asked again: up to a minute and a half. */
const patiently: Schedule.Schedule<unknown, Errors.EngineEvents> = Schedule.upTo(Schedule.exponential("100 millis"), {
  times: 10
})

/**
 * It may take a while until the engine tells what happens, and it does not say from when on it does: until then its container
 * is looked at, ever less often, for half a minute.
 */
const unheard: Schedule.Schedule<unknown> = Schedule.upTo(Schedule.exponential("1 second"), { times: 5 })

/**
 * The state of a container: the one that it is in, and then each other one when it comes to be, until it is removed. Driven
 * by the engine's events, at which the engine is asked for the state; one that is over before the answer is left out. When
 * the connection is lost, it is made again, and nothing is missed of how things are.
 *
 * Fails with `ContainerInspect`: `NotFound` when there is none to begin with; and with `EngineEvents` when the engine stays
 * away.
 *
 * **Example** (Until it runs)
 *
 * ```ts import.meta.vitest
 * import { Effect, Stream } from "effect"
 * import { Container } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const program = Effect.gen(function*() {
 *   const container = yield* Container.create(Container.make("app"))
 *   yield* Effect.forkChild(Effect.delay(container.start, "10 millis"))
 *   return yield* Container.state(container).pipe(Stream.takeUntil((state) => state === "running"), Stream.runCollect)
 * }).pipe(Effect.scoped, Effect.provide(Memory.layer({ images: [Memory.image("app", () => Effect.never)] })))
 * await Effect.runPromise(program) // => ["created", "running"]
 * ```
 *
 * @category managing
 * @since 0.1.0
 */
export const state = (
  container: Target
): Stream.Stream<ContainerState, Errors.ContainerInspect | Errors.EngineEvents, Backend> =>
  Stream.unwrap(Effect.gen(function*() {
    const backend = yield* Backend
    const { id } = yield* backend.inspect(identify(container).id)
    const events = backend.events({ filter: Filter.container(id) }).pipe(
      Stream.filter((event) => event.id === id && actions.has(event.action))
    )
    const looks = Stream.concat(Stream.make(0), Stream.fromSchedule(unheard))
    return Stream.merge(events, looks).pipe(
      Stream.retry(Schedule.while(patiently, ({ input }) => input.isRetryable)),
      Stream.mapEffect(() =>
        backend.inspect(id).pipe(
          Effect.map(({ state }) => state),
          Effect.catchReason("ContainerInspect", "NotFound", () => Effect.undefined)
        )
      ),
      Stream.takeWhile((state) => state !== undefined),
      Stream.changes
    )
  }))
