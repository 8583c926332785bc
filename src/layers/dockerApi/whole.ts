import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Errors from "../../Errors.ts"
import { reason } from "./errors.ts"

/** How long after its output a process may take to end, also on a machine that is busy. */
const patience = "10 seconds"

/**
 * Nothing in a connection that was handed over says that it is complete. Engines close it with the process's end, also
 * where the process closed its output before, and so whoever else closes it is found out by the process that runs on:
 * what that writes then is not in the output. `end` is over with the process, however that is; what it fails with is told
 * to who waits for it.
 */
export const whole = <E>(
  operation: string,
  end: Effect.Effect<unknown, E>,
  isRunning: Effect.Effect<boolean, Errors.Reason>
): Effect.Effect<void, Errors.Reason> =>
  Effect.flatMap(
    Effect.timeoutOption(Effect.ignore(end), patience),
    (ended) =>
      Option.isSome(ended) ? Effect.void : Effect.flatMap(isRunning, (is) =>
        is
          ? Effect.fail(
            reason("Unavailable", {
              operation,
              message: "the connection was closed before the process ended: the rest of its output is lost"
            })
          )
          : Effect.void)
  )
