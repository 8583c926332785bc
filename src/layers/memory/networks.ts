import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { randomBytes } from "node:crypto"
import type { NetworkConfig, NetworkInfo } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import * as Filter from "../../Filter.ts"
import { reasons } from "./reasons.ts"
import { refused } from "./store.ts"
import type { World } from "./world.ts"

/** What `default` stands for, as for Docker. */
const standard = "bridge"

/** By name, or id. */
export const find = ({ networks }: World, name: string): NetworkInfo | undefined =>
  networks.get(name === "default" ? standard : name) ?? [...networks.values()].find(({ id }) => id === name)

export const inspect = (
  world: World,
  name: string,
  operation = "inspectNetwork"
): Effect.Effect<NetworkInfo, Errors.Reason> =>
  Effect.suspend(() => {
    const found = find(world, name)
    return found === undefined
      ? Effect.fail(reasons(operation).notFound(`there is no network ${name}`))
      : Effect.succeed(found)
  })

/** Makes a network. It is a name: processes here do not speak to each other. */
export const create = Effect.fnUntraced(function*(
  world: World,
  config: NetworkConfig
): Effect.fn.Return<string, Errors.Reason> {
  const { driver = "bridge", internal, ipv6, labels, name, subnet } = config
  if (find(world, name) !== undefined) {
    return yield* reasons("createNetwork").alreadyExists(`there is a network named ${name} already`)
  }
  const id = randomBytes(32).toString("hex")
  const subnets = subnet === undefined ? [] : [subnet]
  world.networks.set(name, { id, name, driver, internal, ipv6, subnets, labels, createdAt: yield* DateTime.now })
  return id
})

export const list = (
  world: World,
  filter: Filter.Filter
): Effect.Effect<ReadonlyArray<NetworkInfo>, Errors.Reason> =>
  Effect.suspend(() => {
    const found: Array<NetworkInfo> = []
    for (const network of world.networks.values()) {
      const passes = Filter.matchNetwork(filter, network)
      if (Result.isFailure(passes)) return Effect.fail(refused("listNetworks", passes.failure))
      if (passes.success) found.push(network)
    }
    return Effect.succeed(found)
  })

export const remove = Effect.fnUntraced(function*(world: World, name: string): Effect.fn.Return<void, Errors.Reason> {
  const operation = "removeNetwork"
  const { id, name: own } = yield* inspect(world, name, operation)
  const isUsed = [...world.containers.values()].some(({ config, state }) =>
    state === "running" && config.networks.some((network) => find(world, network.name)?.id === id)
  )
  if (isUsed) return yield* reasons(operation).conflict(`containers are in network ${own}`)
  world.networks.delete(own)
})
