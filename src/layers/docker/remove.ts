import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Errors from "../../Errors.ts"
import { reason } from "../dockerApi/errors.ts"
import * as Podman from "../dockerApi/podman.ts"
import { send } from "../dockerApi/request.ts"
import { type Containers, look, path } from "./known.ts"

/** Between two looks at whether an engine is back: milliseconds. */
const rest = 250

/** Nobody listens where the engine was. */
const isAway = (error: Errors.Reason): boolean =>
  error._tag === "Unavailable" && (error.code === "ECONNREFUSED" || error.code === "ENOENT")

const once = Effect.fnUntraced(function*(
  containers: Containers,
  id: string,
  force: boolean
): Effect.fn.Return<void, Errors.Reason> {
  const { client, known } = containers
  const operation = "remove"
  if (force && client.isPodman && Podman.killBeforeRemoval) {
    // It may have ended; what else is wrong its removal says.
    yield* Effect.ignore(
      send(client, { operation, method: "POST", path: path(id, "/kill"), query: { signal: "KILL" } })
    )
  }
  yield* send(client, { operation, method: "DELETE", path: path(id), query: { v: 1, force: force ? 1 : 0 } }).pipe(
    Effect.asVoid,
    Effect.catchIf(
      (error) => error._tag === "Conflict" && /already in progress/.test(error.message),
      // Somebody else removes it. It is removed when it is gone.
      () =>
        look(containers, operation, id).pipe(
          Effect.repeat(Schedule.spaced("50 millis")),
          Effect.catchTag("NotFound", () => Effect.void),
          Effect.timeoutOrElse({
            duration: client.requestTimeout,
            orElse: () =>
              Effect.fail(reason("TimedOut", { operation, message: "somebody else's removal of it does not end" }))
          }),
          Effect.asVoid
        )
    )
  )
  known.delete(id)
})

/** Removes it, and asks again for as long as it may take while the engine is away: milliseconds. */
export const remove = (
  containers: Containers,
  id: string,
  { force, patience = 0 }: { readonly force: boolean; readonly patience?: number | undefined }
): Effect.Effect<void, Errors.Reason> =>
  Effect.retry(once(containers, id, force), {
    while: isAway,
    schedule: Schedule.upTo(Schedule.spaced(rest), { times: Math.ceil(patience / rest) })
  })

/** Removes what could not be made whole, where nothing more can be done about a failure than to say it. */
export const removeOrSay = (containers: Containers, id: string): Effect.Effect<void> =>
  Effect.catch(
    remove(containers, id, { force: true }),
    (error) => Effect.logWarning(`container ${id} is left behind, for Container.sweep to remove: ${error.message}`)
  )
