import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Errors from "../../Errors.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import { reason } from "../dockerApi/errors.ts"
import { ask } from "../dockerApi/request.ts"
import * as Schemas from "../dockerApi/schemas.ts"
import { stateOf } from "./info.ts"
import { type Containers, look, path } from "./known.ts"

const asked = Effect.fnUntraced(function*(
  containers: Containers,
  id: string
): Effect.fn.Return<ExitStatus.ExitStatus, Errors.Reason> {
  const { client, known } = containers
  const operation = "wait"
  if (known.get(id)?.isStarted !== true) {
    // The engine says 0 of one that never ran.
    const { state } = yield* look(containers, operation, id)
    if (stateOf(state.status) === "created") {
      return yield* reason("Conflict", { operation, message: "the container was never started" })
    }
  }
  const { code, error } = yield* ask(
    client,
    {
      operation,
      method: "POST",
      path: path(id, "/wait"),
      query: { condition: "not-running" }
    },
    Schemas.waited,
    { deadline: "none" }
  )
  if (error?.message !== undefined && error.message !== "") {
    return yield* reason("Internal", { operation, message: error.message })
  }
  if (code < 0) return new ExitStatus.Unknown()
  if (code !== 137) return ExitStatus.fromCode(code)
  const { isLimited = false, isSignalled = false } = known.get(id) ?? {}
  const oomKilled = yield* look(containers, operation, id).pipe(
    Effect.map(({ state }) => state.oomKilled === true),
    Effect.repeat({
      until: (oomKilled) => oomKilled,
      // A busy engine hears of the end first, and of its cause a moment later.
      schedule: Schedule.upTo(Schedule.spaced("100 millis"), { times: !isLimited ? 0 : isSignalled ? 2 : 10 })
    }),
    Effect.catchTag("NotFound", () => Effect.succeed(false))
  )
  return ExitStatus.fromCode(code, { oomKilled })
})

/** Waits as {@link wait}, which then need not ask again. */
export const ended = (containers: Containers, id: string): Effect.Effect<unknown, Errors.Reason> =>
  Effect.flatMap(Effect.result(asked(containers, id)), (result) => {
    const mine = containers.known.get(id)
    if (mine !== undefined) mine.ended = result
    return Effect.fromResult(result)
  })

/** Waits for the end of the run that is now. */
export const wait = (containers: Containers, id: string): Effect.Effect<ExitStatus.ExitStatus, Errors.Reason> =>
  Effect.suspend(() => {
    const mine = containers.known.get(id)
    if (mine?.ended === undefined) return asked(containers, id)
    const { ended } = mine
    mine.ended = undefined
    return Effect.fromResult(ended)
  })
