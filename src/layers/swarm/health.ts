import * as Effect from "effect/Effect"
import type { EngineInfo, Primitives } from "../../Backend.ts"
import * as Connection from "../dockerApi/connection.ts"
import * as Schemas from "../dockerApi/schemas.ts"
import { ask, type Swarm } from "./known.ts"

export const make = (swarm: Swarm): Pick<Primitives, "health"> => ({
  health: Effect.map(
    ask(swarm, { operation: "health", method: "GET", path: "/version" }, Schemas.version),
    (version): EngineInfo => ({
      name: "swarm",
      version: version.version,
      apiVersion: swarm.client.apiVersion,
      os: version.os ?? "linux",
      architecture: version.architecture ?? "",
      address: Connection.address(swarm.client.connection.endpoint)
    })
  )
})
