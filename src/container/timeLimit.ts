import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Backend } from "../Backend.ts"

/** Whether a container was killed because its time was over. */
export interface TimeLimit {
  readonly isOver: () => boolean
}

const none: TimeLimit = { isOver: () => false }

/** Kills a container that runs for longer than this (milliseconds), as long as the scope is open. */
export const begin = (
  backend: Backend["Service"],
  id: string,
  limit: number | undefined
): Effect.Effect<TimeLimit, never, Scope.Scope> => {
  if (limit === undefined) return Effect.succeed(none)
  let isOver = false
  return Effect.suspend(() => {
    // Before the signal: its end may be known before the signal's answer is.
    isOver = true
    return backend.signal(id, "SIGKILL")
  }).pipe(
    Effect.retry({ times: 2, while: (error) => error.isRetryable }),
    // It may have ended by itself just before.
    Effect.catch((error) =>
      error.reason._tag === "NotFound" || error.reason._tag === "Conflict"
        ? Effect.void
        : Effect.logWarning(`container ${id} could not be ended at its time limit: ${error.message}`)
    ),
    Effect.delay(limit),
    Effect.forkScoped,
    Effect.as({ isOver: () => isOver })
  )
}
