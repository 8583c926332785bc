import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import { look, runOf, type Swarm, watching, watchingOwn } from "./known.ts"
import { lost } from "./lost.ts"
import { exitOf, isOrphaned, isOver } from "./task.ts"
import type { Run, Seen } from "./watch.ts"

/** How a run has ended, once it has. */
const endOf = (
  swarm: Swarm,
  operation: string,
  { isGone, lost: node, task }: Seen
): Result.Result<ExitStatus.ExitStatus, Errors.Reason> | undefined => {
  if (node !== undefined) return Result.fail(lost(operation, node))
  if (task === undefined) return undefined
  if (isOrphaned(task)) return Result.fail(lost(operation, swarm.watch.nodes.nameOf(task.node)))
  if (isOver(task)) return Result.succeed(exitOf(task))
  return isGone ? Result.succeed(new ExitStatus.Unknown()) : undefined
}

/** Waits for the end of this run. */
export const ended = (swarm: Swarm, operation: string, run: Run): Effect.Effect<ExitStatus.ExitStatus, Errors.Reason> =>
  swarm.watch.until(run, (seen) => endOf(swarm, operation, seen))

/** Waits for the end of the run that is now. */
export const wait = Effect.fnUntraced(function*(
  swarm: Swarm,
  id: string
): Effect.fn.Return<ExitStatus.ExitStatus, Errors.Reason> {
  const operation = "wait"
  const mine = swarm.known.get(id)
  if (mine?.ended !== undefined) return mine.ended
  if (mine !== undefined && mine.run > 0) return yield* ended(swarm, operation, watchingOwn(swarm, id, mine.run))
  const found = yield* look(swarm, operation, id)
  const run = runOf(found)
  if (run === 0) return yield* reason("Conflict", { operation, message: "the container was never started" })
  // Somebody else has stopped it.
  if (found.spec.mode?.job?.total !== 1) return new ExitStatus.Unknown()
  return yield* ended(swarm, operation, watching(found, run))
})
