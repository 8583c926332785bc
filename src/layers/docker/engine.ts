import * as Effect from "effect/Effect"
import type { EngineEvent, EngineInfo, Primitives } from "../../Backend.ts"
import * as Filter from "../../Filter.ts"
import * as Connection from "../dockerApi/connection.ts"
import { filters } from "../dockerApi/filters.ts"
import { values } from "../dockerApi/ndjson.ts"
import * as Podman from "../dockerApi/podman.ts"
import { ask, type Client, stream } from "../dockerApi/request.ts"
import * as Schemas from "../dockerApi/schemas.ts"
import * as Time from "../dockerApi/time.ts"

const eventOf = (event: Schemas.Event, isPodman: boolean): EngineEvent => ({
  type: event.type,
  action: isPodman ? Podman.action(event.type, event.action) : event.action,
  id: event.actor.id,
  attributes: isPodman
    ? Podman.attributes(event.actor.attributes ?? {}, event.type)
    : event.actor.attributes ?? {},
  time: event.timeNano === undefined
    ? Time.fromSeconds(event.time)
    : Time.fromMillis(Math.floor(event.timeNano / 1e6))
})

export const make = (client: Client): Pick<Primitives, "health" | "events"> => ({
  health: Effect.map(
    ask(client, { operation: "health", method: "GET", path: "/version" }, Schemas.version),
    (version): EngineInfo => {
      const podman = version.components?.find(({ name }) => name === Podman.component)
      return {
        name: client.isPodman || podman !== undefined ? "podman" : "docker",
        version: podman?.version ?? version.version,
        apiVersion: client.apiVersion,
        os: version.os ?? "linux",
        architecture: version.architecture ?? "",
        address: Connection.address(client.connection.endpoint)
      }
    }
  ),
  events: ({ filter = Filter.all, since }) =>
    values(
      stream(client, {
        operation: "events",
        method: "GET",
        path: "/events",
        query: { since: Time.parameter(since), filters: filters(client.isPodman ? Podman.eventFilter(filter) : filter) }
      }),
      "events",
      Schemas.event,
      (event, out: Array<EngineEvent>) => {
        out.push(eventOf(event, client.isPodman))
        return undefined
      }
    )
})
