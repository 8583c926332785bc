import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import { look, runOf, type Swarm, watching } from "./known.ts"
import { lost } from "./lost.ts"
import { isRunning } from "./running.ts"
import type * as Schemas from "./schemas.ts"
import { committed } from "./standIn.ts"
import { hasStarted, isUnplaced, refused } from "./task.ts"
import { setTotal } from "./total.ts"

const operation = "start"

/** Why no node takes it. */
const unplaced = (timeout: number, task: Schemas.Task | undefined): Errors.ResourceExhausted =>
  reason("ResourceExhausted", {
    operation,
    message: `no node takes it within ${timeout} ms: ${task?.status.error ?? task?.status.message ?? "it has no task"}`,
    hint: "look at what it asks of a node: constraints, reservations, platform, ports"
  })

/** Starts it, and waits until it runs or has run. */
export const start = Effect.fnUntraced(function*(swarm: Swarm, id: string): Effect.fn.Return<void, Errors.Reason> {
  const found = yield* look(swarm, operation, id)
  if (yield* isRunning(swarm, found)) return
  const { nodes, until } = swarm.watch
  const run = runOf(found) + 1
  yield* setTotal(swarm, operation, found, 1, yield* committed(swarm, found))
  const mine = swarm.known.get(found.service.id)
  if (mine !== undefined) {
    mine.run = run
    mine.ended = undefined
    mine.isKilled = false
  }
  const timeout = swarm.config.placementTimeout ?? 60_000
  const clock = yield* Clock.Clock
  const begun = clock.currentTimeMillisUnsafe()
  yield* until(watching(found, run), ({ lost: node, task }): Result.Result<void, Errors.Reason> | undefined => {
    if (node !== undefined) return Result.fail(lost(operation, node))
    if (task !== undefined && hasStarted(task)) {
      const failure = refused(task, nodes.nameOf(task.node))
      return failure === undefined ? Result.void : Result.fail(failure)
    }
    return (task === undefined || isUnplaced(task)) && clock.currentTimeMillisUnsafe() - begun > timeout
      ? Result.fail(unplaced(timeout, task))
      : undefined
  })
})
