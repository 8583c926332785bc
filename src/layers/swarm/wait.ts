import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import { ask as askEngine, segment } from "../dockerApi/request.ts"
import { container } from "../dockerApi/schemas.ts"
import { inside } from "./inside.ts"
import { look, runOf, type Swarm, watching, watchingOwn } from "./known.ts"
import { lost, taken } from "./lost.ts"
import { exitOf, isOrphaned, isOver, isTaken } from "./task.ts"
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
  if (isTaken(task)) return Result.fail(taken(operation, swarm.watch.nodes.nameOf(task.node)))
  if (isOver(task)) return Result.succeed(exitOf(task))
  return isGone ? Result.succeed(new ExitStatus.Unknown()) : undefined
}

/** Waits for the end of this run. */
export const ended = (swarm: Swarm, operation: string, run: Run): Effect.Effect<ExitStatus.ExitStatus, Errors.Reason> =>
  Effect.map(
    swarm.watch.until(run, (seen) => endOf(swarm, operation, seen)),
    // It ran when we had it killed, and the Swarm has forgotten it since.
    (exit) =>
      exit._tag === "Unknown" && swarm.known.get(run.service)?.isKilled === true
        ? new ExitStatus.Killed({ signal: "SIGKILL" })
        : exit
  )

/** Whether memory ran out its node's engine knows, where it is reached. */
const explained = Effect.fnUntraced(function*(
  swarm: Swarm,
  run: Run,
  exit: ExitStatus.ExitStatus
): Effect.fn.Return<ExitStatus.ExitStatus, Errors.Reason> {
  if (exit._tag !== "Killed" || exit.signal !== "SIGKILL" || swarm.known.get(run.service)?.isLimited === false) {
    return exit
  }
  const task = yield* swarm.watch.until(run, ({ task }) => Result.succeed(task))
  const isOom = yield* Effect.gen(function*() {
    const there = yield* inside(swarm, "wait", task)
    if (there === undefined) return false
    return yield* askEngine(
      there.client,
      { operation: "wait", method: "GET", path: `/containers/${segment(there.id)}/json` },
      container
    ).pipe(
      Effect.map(({ state }) => state.oomKilled === true),
      Effect.repeat({
        until: (isOom) => isOom,
        // A busy engine hears of the end first, and of its cause a moment later.
        schedule: Schedule.upTo(Schedule.spaced("100 millis"), { times: 5 })
      })
    )
  }).pipe(
    Effect.scoped,
    // Its node has removed it.
    Effect.catchTag("NotFound", () => Effect.succeed(false)),
    // That it was killed is known, and worth more than why.
    Effect.catch((error) =>
      Effect.as(
        Effect.logWarning(`whether memory killed container ${run.service} cannot be told: ${error.message}`),
        false
      )
    )
  )
  return isOom ? new ExitStatus.OomKilled() : exit
})

const whole = (swarm: Swarm, operation: string, run: Run) =>
  Effect.flatMap(ended(swarm, operation, run), (exit) => explained(swarm, run, exit))

/** Waits for the end of the run that is now. */
export const wait = Effect.fnUntraced(function*(
  swarm: Swarm,
  id: string
): Effect.fn.Return<ExitStatus.ExitStatus, Errors.Reason> {
  const operation = "wait"
  const mine = swarm.known.get(id)
  if (mine?.ended !== undefined) return mine.ended
  if (mine !== undefined && mine.run > 0) return yield* whole(swarm, operation, watchingOwn(swarm, id, mine.run))
  const found = yield* look(swarm, operation, id)
  const run = runOf(found)
  if (run === 0) return yield* reason("Conflict", { operation, message: "the container was never started" })
  // Somebody else has stopped it.
  if (found.spec.mode?.job?.total !== 1) return new ExitStatus.Unknown()
  return yield* whole(swarm, operation, watching(found, run))
})
