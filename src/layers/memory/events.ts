import type * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { EngineEvent, EventsOptions } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import * as Filter from "../../Filter.ts"
import { refused } from "./store.ts"

/** How many events are kept for who asks later. Docker keeps as many. */
const kept = 256

/** What happens in the engine, for who listens. */
export class Events {
  #history: Array<EngineEvent> = []
  readonly #listeners = new Set<(event: EngineEvent) => void>()

  publish(
    type: "container" | "image",
    action: string,
    id: string,
    attributes: Readonly<Record<string, string>>,
    millis: number
  ): void {
    const event: EngineEvent = { type, action, id, attributes, time: DateTime.makeUnsafe(millis) }
    this.#history.push(event)
    if (this.#history.length > 2 * kept) this.#history = this.#history.slice(-kept)
    for (const listener of this.#listeners) listener(event)
  }

  stream(options: EventsOptions): Stream.Stream<EngineEvent, Errors.Reason> {
    const filter = options.filter ?? Filter.all
    const passes = (event: EngineEvent): boolean => Result.getOrElse(Filter.matchEvent(filter, event), () => false)
    // Whether the filter is one at all does not depend on the event.
    const known = Filter.matchEvent(filter, { type: "container", action: "", id: "", attributes: {} })
    if (Result.isFailure(known)) return Stream.fail(refused("events", known.failure))
    return Stream.callback<EngineEvent, Errors.Reason>((queue: Queue.Queue<EngineEvent, Errors.Reason | Cause.Done>) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const listener = (event: EngineEvent) => {
            if (passes(event)) Queue.offerUnsafe(queue, event)
          }
          const { since } = options
          if (since !== undefined) {
            for (const event of this.#history.slice(-kept)) {
              if (DateTime.toEpochMillis(event.time) >= DateTime.toEpochMillis(since)) listener(event)
            }
          }
          this.#listeners.add(listener)
          return listener
        }),
        (listener) => Effect.sync(() => this.#listeners.delete(listener))
      )
    )
  }
}
