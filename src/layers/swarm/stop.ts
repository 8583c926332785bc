import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import { segment, send } from "../dockerApi/request.ts"
import { inside, taskNow, unreached } from "./inside.ts"
import { type Found, look, runOf, type Swarm, watching } from "./known.ts"
import { isRunning } from "./running.ts"
import type * as Schemas from "./schemas.ts"
import { isOver } from "./task.ts"
import { setTotal } from "./total.ts"
import { ended } from "./wait.ts"

/**
 * Ends what runs by telling the Swarm that nothing is to run, with the grace that the container was created with. The Swarm
 * forgets such a task a moment after its end: how it ended is kept here, as far as it was seen.
 */
const withdraw = Effect.fnUntraced(function*(swarm: Swarm, operation: string, found: Found) {
  // Before it could be missed.
  const end = yield* Effect.forkChild(ended(swarm, operation, watching(found, runOf(found))), {
    startImmediately: true
  })
  yield* setTotal(swarm, operation, found, 0)
  yield* swarm.watch.look
  const exit = yield* Fiber.join(end)
  const mine = swarm.known.get(found.service.id)
  if (mine !== undefined) mine.ended = exit
})

const isRunningTask = (task: Schemas.Task | undefined): task is Schemas.Task =>
  task?.status.state === "running" && !isOver(task)

/** Asks the engine of its node, which keeps how it ended and what it wrote; where that is not reached, the Swarm. */
export const stop = Effect.fnUntraced(function*(
  swarm: Swarm,
  id: string,
  { grace }: { readonly grace: number }
): Effect.fn.Return<void, Errors.Reason> {
  const operation = "stop"
  const found = yield* look(swarm, operation, id)
  if (!(yield* isRunning(swarm, found))) return
  const task = yield* taskNow(swarm, found)
  const there = isRunningTask(task)
    ? yield* Effect.catch(
      Effect.scoped(inside(swarm, operation, task)),
      (error) => Effect.as(Effect.logWarning(`container ${id} is stopped by the Swarm: ${error.message}`), undefined)
    )
    : undefined
  if (there === undefined) return yield* withdraw(swarm, operation, found)
  const t = Math.ceil(grace / 1000)
  yield* send(
    there.client,
    { operation, method: "POST", path: `/containers/${segment(there.id)}/stop`, query: { t } },
    { deadline: grace + there.client.requestTimeout }
  )
  yield* ended(swarm, operation, watching(found, runOf(found)))
})

/**
 * Sends a signal by the engine of its node. Where that is not reached, there is one that the Swarm knows: that it is to
 * end.
 */
export const signal = Effect.fnUntraced(function*(
  swarm: Swarm,
  id: string,
  name: string
): Effect.fn.Return<void, Errors.Reason> {
  const operation = "signal"
  const found = yield* look(swarm, operation, id)
  const task = yield* taskNow(swarm, found)
  if (!isRunningTask(task)) return yield* reason("Conflict", { operation, message: `container ${id} is not running` })
  const there = yield* Effect.scoped(inside(swarm, operation, task))
  if (there !== undefined) {
    yield* send(there.client, {
      operation,
      method: "POST",
      path: `/containers/${segment(there.id)}/kill`,
      query: { signal: name }
    })
    return yield* swarm.watch.look
  }
  if (ExitStatus.signalNumber(name) !== 9) return yield* unreached(swarm, operation, task)
  const mine = swarm.known.get(found.service.id)
  if (mine !== undefined) mine.isKilled = true
  yield* withdraw(swarm, operation, found)
})
