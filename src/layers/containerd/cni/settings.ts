import * as Effect from "effect/Effect"
import type { Capabilities } from "../../../Capabilities.ts"
import type { Cni } from "../config.ts"
import type { Environment } from "../environment.ts"
import * as Link from "./link.ts"
import * as Networks from "./networks.ts"
import * as Plugins from "./plugins.ts"

/** What connects containers on this machine, and what they can have thereby. */
export interface Found {
  /** `undefined`: nothing does. */
  readonly settings: Networks.Settings | undefined
  readonly capabilities: Pick<Capabilities, "bridgeNetworks" | "networks" | "ports">
}

const nothing: Found = {
  settings: undefined,
  capabilities: { bridgeNetworks: false, networks: false, ports: false }
}

/** Looks for plugins. That some are missing is said only to who has spoken of them. */
export const look = (
  config: Cni | undefined,
  environment: Pick<Environment, "CNI_PATH" | "PATH">,
  { made, rootless }: { readonly rootless: boolean; readonly made: string }
): Effect.Effect<Found> =>
  Effect.gen(function*() {
    const say = (why: string) =>
      config === undefined
        ? Effect.succeed(nothing)
        : Effect.as(Effect.logWarning(`containers have no networks of their own: ${why}`), nothing)
    if (rootless || process.getuid?.() !== 0) return yield* say("CNI plugins need root")
    const plugins = Plugins.make(config?.plugins, environment)
    const missing = Plugins.missing(plugins, Networks.needed)
    if (missing.length > 0) {
      return yield* say(`${missing.join(", ")} not in ${plugins.folders.join(", ")}`)
    }
    return {
      settings: {
        plugins,
        folder: config?.networks ?? "/etc/cni/net.d",
        bridge: config?.bridge ?? Networks.own.bridge,
        subnet: config?.subnet ?? Networks.own.subnet,
        pool: config?.pool ?? Networks.own.pool,
        made
      },
      capabilities: {
        bridgeNetworks: true,
        // Plugins make links, but take none away.
        networks: Plugins.isInPath(plugins, Link.program),
        ports: Plugins.find(plugins, Networks.forPorts) !== undefined
      }
    }
  })
