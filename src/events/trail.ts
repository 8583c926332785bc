import * as DateTime from "effect/DateTime"
import type { EngineEvent } from "../Backend.ts"

/** Events of one moment may arrive in any order: so long ago the engine is asked to begin again. Milliseconds. */
const overlap = 1000

const keyOf = ({ action, attributes, id, time, type }: EngineEvent): string =>
  JSON.stringify([DateTime.toEpochMillis(time), type, action, id, attributes])

/**
 * The last events that were seen, by which those that an engine tells again are known, and by whose absence it is known
 * that it has forgotten some.
 */
export class Trail {
  #last: Array<{ readonly time: number; readonly key: string }> = []
  #kept = 0
  #newest = Number.NEGATIVE_INFINITY
  /** How often each of those is still to be told again, and which one is the last. */
  #again: { readonly counts: Map<string, number>; readonly end: string } | undefined

  /** When the engine is to begin if the connection is lost now; `undefined` when nothing was seen. */
  get since(): DateTime.Utc | undefined {
    return this.#last.length === 0 ? undefined : DateTime.makeUnsafe(this.#newest - overlap)
  }

  /** What comes now begins at {@link since}. */
  restart(): void {
    this.#last = this.#last.filter((entry) => entry.time >= this.#newest - overlap)
    const end = this.#last.at(-1)
    if (end === undefined) return
    const counts = new Map<string, number>()
    for (const { key } of this.#last) counts.set(key, (counts.get(key) ?? 0) + 1)
    this.#again = { counts, end: end.key }
  }

  /** Whether an event is a new one, was seen before, or is new although not all that was seen has been told again. */
  take(event: EngineEvent): "new" | "seen" | "lost" {
    const key = keyOf(event)
    if (this.#again !== undefined) {
      const { counts, end } = this.#again
      const count = counts.get(key) ?? 0
      if (count === 0) return "lost"
      counts.set(key, count - 1)
      if (key === end && count === 1) this.#again = undefined
      return "seen"
    }
    const time = DateTime.toEpochMillis(event.time)
    this.#last.push({ time, key })
    this.#newest = Math.max(this.#newest, time)
    // Rarely, for each costs as much as there are.
    if (this.#last.length >= 2 * this.#kept + 16) {
      this.#last = this.#last.filter((entry) => entry.time >= this.#newest - overlap)
      this.#kept = this.#last.length
    }
    return "new"
  }
}
