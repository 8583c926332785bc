import type { Primitives } from "../../Backend.ts"
import * as Networks from "../dockerApi/networks.ts"
import type { Swarm } from "./known.ts"

type Operations = Pick<Primitives, "createNetwork" | "inspectNetwork" | "listNetworks" | "removeNetwork">

/** Networks that span the nodes. */
export const make = ({ client }: Swarm): Operations => {
  const networks = Networks.make(client)
  return {
    ...networks,
    createNetwork: (config) => networks.createNetwork({ ...config, driver: config.driver ?? "overlay" })
  }
}
