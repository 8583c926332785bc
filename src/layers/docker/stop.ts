import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Errors from "../../Errors.ts"
import { send } from "../dockerApi/request.ts"
import { type Containers, look, path } from "./known.ts"

const operation = "stop"

/** Podman takes this long at most to start a container again, or to put away what one leaves that has ended. */
const patience = Schedule.upTo(Schedule.spaced("100 millis"), { times: 50 })

/**
 * Stops it. Between the end of a container and its being started again Podman says that it is stopped already, and starts it
 * again: it is asked until it has put the container away, which it does with none that it starts again.
 */
export const stop = (containers: Containers, id: string, grace: number): Effect.Effect<void, Errors.Reason> => {
  const { client, known } = containers
  const once = send(
    client,
    { operation, method: "POST", path: path(id, "/stop"), query: { t: Math.ceil(grace / 1000) } },
    { deadline: grace + client.requestTimeout }
  )
  if (!client.isPodman || known.get(id)?.isRestarted === false) return Effect.asVoid(once)
  const isOver = Effect.map(look(containers, operation, id), ({ state }) => state.status === "exited").pipe(
    // It has removed itself.
    Effect.catchTag("NotFound", () => Effect.succeed(true))
  )
  return Effect.asVoid(
    Effect.repeat(Effect.andThen(once, isOver), { until: (isOver) => isOver, schedule: patience })
  )
}
