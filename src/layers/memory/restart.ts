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

/** Starts it whenever it has ended, until that is no more what its policy wants. */
const supervise = Effect.fnUntraced(function*(world: World, held: Held): Effect.fn.Return<void, Errors.Reason> {
  for (let pause = first;; pause = Math.min(pause * 2, longest)) {
    yield* held.process === undefined ? Effect.void : held.process.exit
    if (held.state !== "restarting") return
    yield* Effect.sleep(pause)
    // It may have been stopped, or removed, in the meantime.
    if (held.state !== "restarting" || !world.containers.has(held.id)) return
    held.restarts++
    yield* begin(world, held)
  }
})

/** Starts a container, with the checks and the starts that are its engine's to make. */
export const start = Effect.fnUntraced(function*(world: World, id: string): Effect.fn.Return<void, Errors.Reason> {
  const held = yield* Containers.get(world, "start", id)
  if (held.state === "running" || held.state === "restarting") return
  held.isStopped = false
  held.restarts = 0
  yield* begin(world, held)
  if (held.config.restart !== undefined) yield* Effect.forkIn(Effect.ignore(supervise(world, held)), world.scope)
}, Effect.uninterruptible)
