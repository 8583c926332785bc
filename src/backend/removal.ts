import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Errors from "../Errors.ts"

/** The answer to a request to make something was lost, so it may be there all the same. */
export const isLost = (reason: Errors.Reason): boolean =>
  reason._tag === "Unavailable" || reason._tag === "TimedOut" || reason._tag === "Protocol"

/** How long a removal may take. */
const deadline = "30 seconds"

interface Failure {
  readonly reason: Errors.Reason
  readonly message: string
}

/**
 * A removal that nobody is left to handle the failure of. It waits for who still uses the thing. What could not be removed
 * is logged, and is for `sweep`.
 */
export const patient = (what: string, removal: Effect.Effect<void, Failure>): Effect.Effect<void> =>
  removal.pipe(
    Effect.retry({
      while: ({ reason }) => reason._tag === "Conflict" || reason.isRetryable,
      schedule: Schedule.spaced("100 millis")
    }),
    Effect.catchIf(({ reason }) => reason._tag === "NotFound", () => Effect.void),
    Effect.timeout(deadline),
    Effect.catch((error) =>
      Effect.logWarning(`${what} is left behind, for Container.sweep to remove: ${error.message}`)
    )
  )
