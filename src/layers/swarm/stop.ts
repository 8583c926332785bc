import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Errors from "../../Errors.ts"
import { look, runOf, type Swarm, watching } from "./known.ts"
import { isRunning } from "./running.ts"
import { setTotal } from "./total.ts"
import { ended } from "./wait.ts"

/**
 * Ends what runs, with the grace that the container was created with, and waits for it. The Swarm forgets such a task a
 * moment after its end: how it ended is kept here, as far as it was seen.
 */
export const stop = Effect.fnUntraced(function*(swarm: Swarm, id: string): Effect.fn.Return<void, Errors.Reason> {
  const operation = "stop"
  const found = yield* look(swarm, operation, id)
  if (!(yield* isRunning(swarm, found))) return
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
