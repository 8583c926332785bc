import * as Effect from "effect/Effect"
import { randomUUID } from "node:crypto"
import type { Primitives, VolumeInfo } from "../../Backend.ts"
import { reason } from "../dockerApi/errors.ts"
import { filters } from "../dockerApi/filters.ts"
import { ask, type Client, segment, send } from "../dockerApi/request.ts"
import * as Schemas from "../dockerApi/schemas.ts"
import * as Time from "../dockerApi/time.ts"

type Operations = Pick<Primitives, "createVolume" | "inspectVolume" | "listVolumes" | "removeVolume">

/** Tells a volume that was made now from one that was there: the engine takes both for a success. */
const made = "effect-containers.made"

const infoOf = (found: Schemas.Volume): VolumeInfo => {
  const { [made]: _, ...labels } = found.labels ?? {}
  return { name: found.name, driver: found.driver, labels, createdAt: Time.read(found.created) }
}

export const make = (client: Client): Operations => ({
  createVolume: Effect.fnUntraced(function*({ driver, labels, name, options }) {
    const operation = "createVolume"
    const mine = randomUUID()
    const found = yield* ask(client, {
      operation,
      method: "POST",
      path: "/volumes/create",
      json: { Name: name, Driver: driver, DriverOpts: options, Labels: { ...labels, [made]: mine } }
    }, Schemas.volume)
    if (found.labels?.[made] !== mine) {
      return yield* reason("AlreadyExists", { operation, message: `there is a volume named ${name} already` })
    }
  }),
  inspectVolume: (volume) =>
    Effect.map(
      ask(
        client,
        { operation: "inspectVolume", method: "GET", path: `/volumes/${segment(volume)}` },
        Schemas.volume
      ),
      infoOf
    ),
  listVolumes: (filter) =>
    Effect.map(
      ask(client, {
        operation: "listVolumes",
        method: "GET",
        path: "/volumes",
        query: { filters: filters(filter) }
      }, Schemas.volumes),
      ({ volumes = [] }) => volumes.map(infoOf)
    ),
  removeVolume: (volume) =>
    Effect.asVoid(send(client, { operation: "removeVolume", method: "DELETE", path: `/volumes/${segment(volume)}` }))
})
