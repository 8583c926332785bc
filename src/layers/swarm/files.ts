import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Primitives } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import { type Client, open, segment, stream } from "../dockerApi/request.ts"
import { inside, taskNow, unreached } from "./inside.ts"
import { look, runOf, type Swarm } from "./known.ts"
import { standIn } from "./standIn.ts"

const gone = (operation: string, id: string): Errors.NotFound =>
  reason("NotFound", { operation, message: `the Swarm has forgotten what container ${id} was, with its files` })

/** Where the files of a container are: on its node, or before it has one, in the manager's stand-in for it. */
const placeOf = Effect.fnUntraced(function*(
  swarm: Swarm,
  operation: string,
  id: string,
  isWritten: boolean
): Effect.fn.Return<{ readonly client: Client; readonly path: string }, Errors.Reason, Scope.Scope> {
  const found = yield* look(swarm, operation, id)
  if (runOf(found) === 0) {
    return { client: swarm.client, path: `/containers/${segment(yield* standIn(swarm, found, isWritten))}/archive` }
  }
  const task = yield* taskNow(swarm, found)
  const there = yield* inside(swarm, operation, task)
  if (there !== undefined) return { client: there.client, path: `/containers/${segment(there.id)}/archive` }
  return yield* task === undefined
    ? Effect.fail(gone(operation, id))
    : Effect.fail(unreached(swarm, operation, task))
})

export const make = (swarm: Swarm): Pick<Primitives, "copyIn" | "copyOut"> => ({
  copyIn: (id, path, archive) => {
    const operation = "copyIn"
    return Effect.scoped(Effect.gen(function*() {
      const place = yield* placeOf(swarm, operation, id, true)
      const { body } = yield* open(place.client, {
        operation,
        method: "PUT",
        path: place.path,
        query: { path },
        archive
      })
      yield* Stream.runDrain(body)
    }))
  },
  copyOut: (id, path) => {
    const operation = "copyOut"
    return Stream.unwrap(Effect.map(
      placeOf(swarm, operation, id, false),
      (place) => stream(place.client, { operation, method: "GET", path: place.path, query: { path } })
    ))
  }
})
