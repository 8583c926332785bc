import * as Effect from "effect/Effect"
import type * as Errors from "../../Errors.ts"
import * as Containers from "./containers.ts"
import * as Health from "./health.ts"
import type { Held, World } from "./world.ts"

/** Before the first start, doubled with each: milliseconds. */
const first = 100
const longest = 60_000

const begin = Effect.fnUntraced(function*(world: World, held: Held): Effect.fn.Return<void, Errors.Reason> {
  yield* Containers.start(world, held.id)
  yield* Health.watch(world, held)
})

/** One that cannot be started is no more tried, and has exited as it last did, as Docker has it. */
const again = (world: World, held: Held): Effect.Effect<void> => {
  const { exit, finishedAt, health, startedAt } = held
  return Effect.catch(begin(world, held), ({ message }) => {
    held.state = "exited"
    held.exit = exit
    held.health = health
    held.startedAt = startedAt
    held.finishedAt = finishedAt
    return Effect.logWarning(`container ${held.id} could not be started again: ${message}`)
  })
}

/** Starts it whenever it has ended, until that is no more what its policy wants. */
const supervise = Effect.fnUntraced(function*(world: World, held: Held): Effect.fn.Return<void> {
  for (let pause = first;; pause = Math.min(pause * 2, longest)) {
    yield* held.process === undefined ? Effect.void : held.process.exit
    if (held.state !== "restarting") return
    yield* Effect.sleep(pause)
    // It may have been stopped, or removed, in the meantime.
    if (held.state !== "restarting" || !world.containers.has(held.id)) return
    held.restarts++
    yield* again(world, held)
  }
})

/** Starts a container, with the checks and the starts that are its engine's to make. */
export const start = Effect.fnUntraced(function*(world: World, id: string): Effect.fn.Return<void, Errors.Reason> {
  const held = yield* Containers.get(world, "start", id)
  if (held.state === "running" || held.state === "restarting") return
  held.isStopped = false
  held.restarts = 0
  yield* begin(world, held)
  if (held.config.restart !== undefined) yield* Effect.forkIn(supervise(world, held), world.scope)
}, Effect.uninterruptible)
