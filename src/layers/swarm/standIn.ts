import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Errors from "../../Errors.ts"
import * as Images from "../dockerApi/images.ts"
import { ask as askEngine, segment, send as tellEngine } from "../dockerApi/request.ts"
import * as Schemas from "../dockerApi/schemas.ts"
import { pin, type Pinned } from "./images.ts"
import { type Found, imageIdLabel, labelsOf, type Swarm } from "./known.ts"

/**
 * A job has no container before it is started, and then it runs. What is copied into it before is put into a container of
 * the manager's, which never runs, and of which an image is made when the job is started: its nodes get it as any other.
 */
export const standIn = Effect.fnUntraced(function*(
  { client, known }: Swarm,
  found: Found,
  isWritten: boolean
): Effect.fn.Return<string, Errors.Reason> {
  const mine = known.get(found.service.id)
  const name = nameOf(found)
  if (mine?.standIn === undefined) {
    yield* askEngine(client, {
      operation: "copyIn",
      method: "POST",
      path: "/containers/create",
      query: { name },
      json: { Image: labelsOf(found.spec)[imageIdLabel], Labels: labelsOf(found.spec) }
    }, Schemas.created).pipe(
      // Somebody else's copy has made it.
      Effect.catchTag(["AlreadyExists", "Conflict"], () => Effect.void)
    )
  }
  if (mine !== undefined) {
    mine.isAlone = false
    mine.standIn = mine.standIn === "written" || isWritten ? "written" : "read"
  }
  return name
})

const nameOf = ({ spec }: Found): string => `${spec.name}-files`

/** The image of what was copied into a container before it is started; `undefined`: nothing was. */
export const committed = Effect.fnUntraced(function*(
  swarm: Swarm,
  found: Found
): Effect.fn.Return<Pinned | undefined, Errors.Reason> {
  const { client, known } = swarm
  const mine = known.get(found.service.id)
  if (mine?.standIn !== "written") return undefined
  const operation = "start"
  const { id } = yield* askEngine(client, {
    operation,
    method: "POST",
    path: "/commit",
    query: { container: nameOf(found), pause: 0 },
    json: {}
  }, Schemas.created)
  mine.image = id
  return yield* pin(swarm, id)
})

const saying = (what: string, removal: Effect.Effect<unknown, Errors.Reason>): Effect.Effect<void> =>
  removal.pipe(
    Effect.asVoid,
    Effect.catchTag("NotFound", () => Effect.void),
    Effect.catch((error) => Effect.logWarning(`${what} is left on the manager: ${error.message}`))
  )

/** What runs of an image ends, and then it can be removed. */
const fading = {
  while: ({ _tag }: Errors.Reason) => _tag === "Conflict",
  schedule: Schedule.upTo(Schedule.spaced("200 millis"), { times: 50 })
}

/** Takes the stand-in away, and the image that was made of it. What stays is said: it is on the manager's disk. */
export const dismissed = (swarm: Swarm, found: Found): Effect.Effect<void> => {
  const { client, known } = swarm
  const mine = known.get(found.service.id)
  if (mine !== undefined && mine.standIn === undefined) return Effect.void
  const { image } = mine ?? {}
  return saying(
    nameOf(found),
    tellEngine(client, {
      operation: "remove",
      method: "DELETE",
      path: `/containers/${segment(nameOf(found))}`,
      query: { force: 1, v: 1 }
    })
  ).pipe(
    Effect.andThen(
      // The manager may have run it itself, and then has a container of it for a moment longer.
      image === undefined
        ? Effect.void
        : saying(image, Images.make(client).removeImage(image, { force: true }).pipe(Effect.retry(fading)))
    )
  )
}
