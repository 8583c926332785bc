import * as Effect from "effect/Effect"
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import type * as Errors from "../../../Errors.ts"
import { fromCause, reason } from "../errors.ts"
import * as Conf from "./conf.ts"
import * as Plugins from "./plugins.ts"

/** What is said about networks, completed. */
export interface Settings {
  readonly plugins: Plugins.Plugins
  /** Where administrators describe networks. */
  readonly folder: string
  /** The link of the default network on this machine. */
  readonly bridge: string
  readonly subnet: string
  /** Of which networks that programs make get their subnets. */
  readonly pool: string
  /** Where those are, a folder each. */
  readonly made: string
}

/** The default network as it may be asked for, besides its own name. */
export const alias = "bridge"

export const own = {
  bridge: "efc0",
  name: "effect-containers",
  subnet: "10.87.0.0/16",
  pool: "10.160.0.0/12"
} as const

/** Its addresses are kept by its name: another bridge is another network. */
export const nameOf = ({ bridge }: Settings): string => bridge === own.bridge ? own.name : `${own.name}-${bridge}`

/** What the default network cannot be without, and what publishing ports cannot. */
export const needed = ["bridge", "host-local"] as const
export const forPorts = "portmap"

/** What lets packets through where a machine forwards none by default, as one with Docker. */
const forForwarding = "firewall"

/** A version that plugins of all ages know. */
const version = "0.4.0"

/** A bridge of this machine. One that is internal has no address on it, and so no way out. */
export const bridgeOf = (
  { plugins }: Settings,
  { bridge, internal, name, ...ipam }: {
    readonly name: string
    readonly bridge: string
    readonly internal: boolean
    readonly subnet: string
    readonly gateway?: string | undefined
    /** Where its addresses are kept. Default: where the plugin keeps those of all. */
    readonly dataDir?: string | undefined
  }
): Conf.Network => {
  const has = (type: string): boolean => Plugins.find(plugins, type) !== undefined
  const { dataDir, gateway, subnet } = ipam
  return {
    cniVersion: version,
    name,
    plugins: [
      {
        type: "bridge",
        bridge,
        isGateway: !internal,
        ipMasq: !internal,
        hairpinMode: true,
        ipam: {
          type: "host-local",
          ...dataDir === undefined ? {} : { dataDir },
          ranges: [[{ subnet, ...gateway === undefined ? {} : { gateway } }]],
          ...internal ? {} : { routes: [{ dst: "0.0.0.0/0" }] }
        }
      },
      ...!internal && has(forPorts) ? [{ type: forPorts, capabilities: { portMappings: true } }] : [],
      ...has(forForwarding) ? [{ type: forForwarding }] : []
    ]
  }
}

const defaultOf = (settings: Settings): Conf.Network =>
  bridgeOf(settings, { name: nameOf(settings), bridge: settings.bridge, subnet: settings.subnet, internal: false })

/** All networks that administrators have described, the first of a name. */
export const described = (
  folder: string,
  operation: string
): Effect.Effect<ReadonlyMap<string, Conf.Network>, Errors.Reason> =>
  Effect.tryPromise({
    try: async () => {
      const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return []
        throw error
      })
      const found = new Map<string, Conf.Network>()
      for (const name of names.filter((name) => /\.(?:conflist|conf|json)$/.test(name)).toSorted()) {
        const network = Conf.parse(await readFile(join(folder, name), "utf8"), name.endsWith(".conflist"))
        if (network !== undefined && !found.has(network.name)) found.set(network.name, network)
      }
      return found
    },
    catch: (cause) => fromCause(operation, cause)
  })

const pluginsThere = (
  { plugins }: Settings,
  network: Conf.Network,
  operation: string
): Effect.Effect<Conf.Network, Errors.Reason> => {
  const ipam = network.plugins.flatMap(({ ipam }) =>
    typeof ipam === "object" && ipam !== null && "type" in ipam && typeof ipam.type === "string" ? [ipam.type] : []
  )
  const missing = Plugins.missing(plugins, [...network.plugins.map(Conf.typeOf), ...ipam])
  return missing.length === 0 ? Effect.succeed(network) : Effect.fail(reason("Unsupported", {
    operation,
    message: `network ${network.name} needs the CNI plugin ${missing.join(", ")}, which is not in ${
      plugins.folders.join(", ")
    }`,
    hint: "install the CNI plugins, or say where they are"
  }))
}

/** Whether this is what the default network is called. */
export const isDefault = (settings: Settings, name: string): boolean => name === alias || name === nameOf(settings)

/** The network of a name that no program has made, with all its plugins there. */
export const find = Effect.fnUntraced(function*(
  settings: Settings,
  name: string,
  operation: string
): Effect.fn.Return<Conf.Network, Errors.Reason> {
  if (isDefault(settings, name)) return yield* pluginsThere(settings, defaultOf(settings), operation)
  const all = yield* described(settings.folder, operation)
  const network = all.get(name)
  if (network === undefined) {
    return yield* reason("NotFound", {
      operation,
      message: `there is no network ${name}, made by a program or described in ${settings.folder}`,
      hint: `there are: ${[alias, ...all.keys()].join(", ")}`
    })
  }
  return yield* pluginsThere(settings, network, operation)
})
