import * as Effect from "effect/Effect"
import type { NetworkInfo, Primitives } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import { reason } from "./errors.ts"
import { filters } from "./filters.ts"
import * as Podman from "./podman.ts"
import { ask, type Client, segment, send } from "./request.ts"
import * as Schemas from "./schemas.ts"
import * as Time from "./time.ts"

type Operations = Pick<Primitives, "createNetwork" | "inspectNetwork" | "listNetworks" | "removeNetwork">

const infoOf = (found: Schemas.Network): NetworkInfo => ({
  id: found.id,
  name: found.name,
  driver: found.driver,
  internal: found.internal ?? false,
  ipv6: found.ipv6 ?? false,
  subnets: (found.ipam?.config ?? []).flatMap(({ subnet }) => subnet === undefined ? [] : [subnet]),
  labels: found.labels ?? {},
  createdAt: Time.read(found.created)
})

/** What a removal says of a network that containers are in, in words alone. */
const inUse = ({ code, message, operation }: Errors.Reason): Errors.Conflict | undefined =>
  /active endpoints|network is being used/.test(message)
    ? reason("Conflict", { operation, message, code, hint: "remove the containers that are in it" })
    : undefined

export const make = (client: Client): Operations => ({
  createNetwork: (config) =>
    Effect.map(
      ask(client, {
        operation: "createNetwork",
        method: "POST",
        path: "/networks/create",
        json: {
          Name: config.name,
          // Older engines take two of a name otherwise.
          CheckDuplicate: true,
          Driver: config.driver,
          Internal: config.internal,
          EnableIPv6: config.ipv6,
          IPAM: config.subnet === undefined
            ? undefined
            : { Driver: "default", Config: [{ Subnet: config.subnet, Gateway: config.gateway }] },
          Options: client.isPodman ? Podman.networkOptions(config) : config.options,
          Labels: config.labels
        }
      }, Schemas.networkCreated),
      ({ id }) => id
    ).pipe(
      Effect.catchTag("Conflict", (error) =>
        Effect.fail(
          /already (?:exists|used)/.test(error.message)
            ? reason("AlreadyExists", { operation: "createNetwork", message: error.message, code: error.code })
            : error
        ))
    ),
  inspectNetwork: (network) =>
    Effect.map(
      ask(
        client,
        { operation: "inspectNetwork", method: "GET", path: `/networks/${segment(network)}` },
        Schemas.network
      ),
      infoOf
    ),
  listNetworks: (filter) =>
    Effect.map(
      ask(client, {
        operation: "listNetworks",
        method: "GET",
        path: "/networks",
        query: { filters: filters(filter) }
      }, Schemas.networks),
      (list) => list.map(infoOf)
    ),
  removeNetwork: (network) => {
    const operation = "removeNetwork"
    return send(client, { operation, method: "DELETE", path: `/networks/${segment(network)}` }).pipe(
      Effect.asVoid,
      // The API says that it is forbidden, and Podman's that something broke.
      Effect.catchTags({
        PermissionDenied: (error) => Effect.fail(inUse(error) ?? error),
        Internal: (error) => Effect.fail(inUse(error) ?? error)
      })
    )
  }
})
