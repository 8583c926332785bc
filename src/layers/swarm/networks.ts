import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { Primitives } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import * as Networks from "../dockerApi/networks.ts"
import type { Client } from "../dockerApi/request.ts"
import { said } from "./errors.ts"
import type { Swarm } from "./known.ts"

type Operations = Pick<Primitives, "createNetwork" | "inspectNetwork" | "listNetworks" | "removeNetwork">

/** A removal that is refused names the network by its id alone. */
const inUse = (network: string) => (error: Errors.Reason): Errors.Reason =>
  /in use by/.test(error.message)
    ? reason("Conflict", {
      operation: error.operation,
      message: `${network}: ${said(error).message}`,
      code: error.code,
      hint: "remove the containers that are in it"
    })
    : said(error)

/** The manager has it until its own part of it is taken down, a moment later. */
const gone = (client: Client, network: string): Effect.Effect<void, Errors.Reason> =>
  Networks.make(client).inspectNetwork(network).pipe(
    Effect.repeat(Schedule.upTo(Schedule.spaced("50 millis"), { times: 200 })),
    Effect.catchTag("NotFound", () => Effect.void),
    Effect.asVoid
  )

/** It gets its addresses a moment after it was made. Nothing is wrong where it does not: a container waits for them, too. */
const addressed = (client: Client, network: string): Effect.Effect<void> =>
  Networks.make(client).inspectNetwork(network).pipe(
    Effect.repeat({
      until: ({ subnets }) => subnets.length > 0,
      schedule: Schedule.upTo(Schedule.spaced("20 millis"), { times: 100 })
    }),
    Effect.ignore
  )

/** Networks that span the nodes. */
export const make = ({ client }: Swarm): Operations => {
  const networks = Networks.make(client)
  return {
    createNetwork: (config) =>
      Effect.tap(
        Effect.mapError(networks.createNetwork({ ...config, driver: config.driver ?? "overlay" }), said),
        (id) => config.driver === undefined ? addressed(client, id) : Effect.void
      ),
    inspectNetwork: (network) => Effect.mapError(networks.inspectNetwork(network), said),
    listNetworks: (filter) => Effect.mapError(networks.listNetworks(filter), said),
    removeNetwork: (network) =>
      Effect.andThen(Effect.mapError(networks.removeNetwork(network), inUse(network)), gone(client, network))
  }
}
