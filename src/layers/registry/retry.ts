import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Errors from "../../Errors.ts"
import type { Settings } from "./config.ts"

/** What a registry asked to wait, in milliseconds: no part of a reason, and forgotten with it. */
const waits = new WeakMap<Errors.Reason, number>()

/** Remembers a `Retry-After` header: seconds, or a date. */
export const noteWait = (reason: Errors.Reason, header: string | undefined, now: number): void => {
  if (header === undefined) return
  const wait = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now
  if (Number.isFinite(wait) && wait > 0) waits.set(reason, wait)
}

type Retries = Settings["retries"]

/** Whether trying again may help, and soon enough. */
export const isWorthIt = (retries: Retries, reason: Errors.Reason): boolean =>
  reason.isRetryable && (waits.get(reason) ?? 0) <= retries.maximumDelay

/** Waits before the repetition `attempt`, counted from 1: with jitter, and no shorter than the registry asked for. */
export const backOff = (retries: Retries, reason: Errors.Reason, attempt: number): Effect.Effect<void> =>
  Effect.flatMap(Random.next, (random) => {
    const delay = Math.min(retries.delay * 2 ** (attempt - 1), retries.maximumDelay)
    return Effect.sleep(Math.max(delay * (0.75 + random / 2), waits.get(reason) ?? 0))
  })

/** Tries again what may get better. `reasonOf` gives `undefined` for a failure that is not the registry's. */
export const retrying = <A, E, R>(
  retries: Retries,
  effect: Effect.Effect<A, E, R>,
  reasonOf: (error: E) => Errors.Reason | undefined
): Effect.Effect<A, E, R> => {
  const from = (attempt: number): Effect.Effect<A, E, R> =>
    Effect.catch(effect, (error) => {
      const reason = reasonOf(error)
      return reason !== undefined && attempt <= retries.times && isWorthIt(retries, reason)
        ? Effect.andThen(backOff(retries, reason, attempt), from(attempt + 1))
        : Effect.fail(error)
    })
  return from(1)
}
