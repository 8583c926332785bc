import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Errors from "../../Errors.ts"
import { type Found, runOf, type Swarm, watching } from "./known.ts"
import { isOver } from "./task.ts"

/** Whether a container runs, or is about to. */
export const isRunning = (swarm: Swarm, found: Found): Effect.Effect<boolean, Errors.Reason> => {
  const run = runOf(found)
  const total = found.spec.mode?.job?.total ?? 0
  if (run === 0 || total === 0) return Effect.succeed(false)
  return swarm.watch.until(
    watching(found, run),
    ({ isGone, task }) => Result.succeed(task === undefined || !isOver(task) && !isGone)
  )
}
