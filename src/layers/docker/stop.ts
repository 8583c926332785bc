import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import { send } from "../dockerApi/request.ts"
import { type Containers, look, path } from "./known.ts"

const operation = "stop"

/** Podman takes this long at most to start a container again, or to put away what one leaves that has ended. */
const patience = Schedule.upTo(Schedule.spaced("100 millis"), { times: 60 })

/** So often in a row it has been put away, 100 milliseconds apart, before it counts as stopped. */
const often = 10

const isRestarted = (policy = ""): boolean => policy !== "" && policy !== "no"

/**
 * Stops it. Between the end of a container and its being started again Podman says that it is stopped already, puts it away and
 * starts it again all the same: it is asked again whenever it has not put it away, until it has stayed put away for a second.
 */
export const stop = (containers: Containers, id: string, grace: number): Effect.Effect<void, Errors.Reason> => {
  const { client, known } = containers
  const once = send(
    client,
    { operation, method: "POST", path: path(id, "/stop"), query: { t: Math.ceil(grace / 1000) } },
    { deadline: grace + client.requestTimeout }
  )
  if (!client.isPodman || known.get(id)?.isRestarted === false) return Effect.asVoid(once)
  return Effect.suspend(() => {
    let times = 0
    const isOver = look(containers, operation, id).pipe(
      Effect.map(({ host, state }) => {
        times = state.status === "exited" ? times + 1 : 0
        return times >= (isRestarted(host?.restart?.name) ? often : 1)
      }),
      // It has removed itself.
      Effect.catchTag("NotFound", () => Effect.succeed(true))
    )
    return Effect.suspend(() => times === 0 ? Effect.andThen(once, isOver) : isOver).pipe(
      Effect.repeat({ until: (isOver) => isOver, schedule: patience }),
      Effect.filterOrFail(
        (isOver) => isOver,
        () => reason("TimedOut", { operation, message: `Podman starts container ${id} again each time it is stopped` })
      ),
      Effect.asVoid
    )
  })
}
