import * as Effect from "effect/Effect"
import type { ContainerConfig } from "../../ContainerConfig.ts"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import { ask, type Swarm } from "./known.ts"
import * as Schemas from "./schemas.ts"
import { platformOf } from "./service.ts"

const operation = "create"

/** Machines are known by two names each. */
const others: Readonly<Record<string, string>> = { amd64: "x86_64", arm64: "aarch64" }

const hasPlatform = (platform: string) => ({ description }: Schemas.Node): boolean => {
  const { Architecture, OS } = platformOf(platform)
  const { architecture = "", os } = description?.platform ?? {}
  return os === OS && (others[architecture] ?? architecture) === Architecture
}

const hasDriver = (name: string) => ({ description }: Schemas.Node): boolean =>
  description?.engine?.plugins?.some((plugin) => plugin.type === "Log" && plugin.name === name) === true

/** Refuses what no node has: the Swarm would wait until one comes that does. Asks only when something of the kind is wanted. */
export const check = (
  swarm: Swarm,
  { logDriver, platform }: ContainerConfig
): Effect.Effect<void, Errors.Reason> => {
  if (logDriver === undefined && platform === undefined) return Effect.void
  return Effect.flatMap(
    ask(swarm, { operation, method: "GET", path: "/nodes" }, Schemas.nodes),
    (nodes): Effect.Effect<void, Errors.Reason> =>
      platform !== undefined && !nodes.some(hasPlatform(platform))
        ? Effect.fail(reason("NotFound", { operation, message: `no node of the Swarm has the platform ${platform}` }))
        : logDriver !== undefined && !nodes.some(hasDriver(logDriver.name))
        ? Effect.fail(
          reason("InvalidArgument", { operation, message: `no node of the Swarm has the log driver ${logDriver.name}` })
        )
        : Effect.void
  )
}
