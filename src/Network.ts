/**
 * Networks in which containers find each other by name, and which go with their scope.
 *
 * **Example** (Two containers that nobody else reaches)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Container, Network } from "effect-containers"
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* Network.make({ internal: true })
 *   yield* Container.start(Container.make("postgres:17").pipe(Container.network(network, { aliases: ["db"] })))
 *   return yield* Container.string(
 *     Container.make("postgres:17").pipe(Container.network(network), Container.command(["pg_isready", "-h", "db"]))
 *   )
 * }).pipe(Effect.scoped)
 * ```
 *
 * Containers find each other by their names and by the aliases that they have there. On Docker a server of names says
 * them, in the container's `/etc/resolv.conf`; on containerd they are in `/etc/hosts`, which is kept up to date: see `Cni` of
 * `effect-containers/layers/Containerd`.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import { isIP } from "node:net"
import { Backend, type NetworkInfo } from "./Backend.ts"
import * as Removal from "./backend/removal.ts"
import * as Errors from "./Errors.ts"
import * as Filter from "./Filter.ts"
import * as Owner from "./Owner.ts"

/**
 * A network that the engine has.
 *
 * @category models
 * @since 0.1.0
 */
export interface Network {
  readonly id: string
  readonly name: string
}

/**
 * @category models
 * @since 0.1.0
 */
export interface MakeOptions {
  /** Default: a name that no other has. */
  readonly name?: string | undefined
  /** Default: the engine's own, `"bridge"`. */
  readonly driver?: string | undefined
  /** Its containers reach each other and nothing else. Default `false`. */
  readonly internal?: boolean | undefined
  /** Addresses of IPv6 besides those of IPv4. Default `false`. */
  readonly ipv6?: boolean | undefined
  /** In CIDR form, `"10.5.0.0/16"`. Default: of the engine's choice. */
  readonly subnet?: string | undefined
  /** An address of the subnet. Default: of the engine's choice. */
  readonly gateway?: string | undefined
  /** What only the driver understands. */
  readonly options?: Readonly<Record<string, string>> | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** After so long `Container.sweep` removes it, whoever is alive. Default: when its program is dead. */
  readonly lease?: Duration.Input | undefined
}

type Issue = readonly [field: string, issue: string]

const names = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/

/** What every container's network may be called besides those that are made. */
const reserved: ReadonlySet<string> = new Set(["none", "host", "bridge", "default"])

const isSubnet = (text: string): boolean => {
  const [address = "", bits = "", more] = text.split("/")
  const version = isIP(address)
  return version !== 0 && more === undefined && /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)
}

const issueOf = (name: string, { gateway, subnet }: MakeOptions): Issue | undefined => {
  if (!names.test(name)) {
    return ["name", `${JSON.stringify(name)} is not a name: letters, digits, "_", "." and "-", from the second on`]
  }
  if (reserved.has(name)) return ["name", `${name} is the engine's own`]
  if (subnet !== undefined && !isSubnet(subnet)) {
    return ["subnet", `${JSON.stringify(subnet)} is not a subnet, such as "10.5.0.0/16"`]
  }
  if (gateway !== undefined && isIP(gateway) === 0) return ["gateway", `${JSON.stringify(gateway)} is not an address`]
  return gateway !== undefined && subnet === undefined ? ["gateway", "it needs a subnet to be of"] : undefined
}

/**
 * Makes a network, and removes it when the scope closes. Containers of the same scope that are started later are gone by
 * then; one that is still in it is waited for, 30 seconds at most.
 *
 * Fails with `NetworkOptions` before any engine is called, and with `NetworkCreate`: `AlreadyExists` for a name that is
 * taken, `Unsupported` on an engine that makes no networks or none of that kind: those of containerd are bridges with
 * addresses of IPv4.
 *
 * @category making
 * @since 0.1.0
 */
export const make = Effect.fn("Network.make")(function*(
  options: MakeOptions = {}
): Effect.fn.Return<Network, Errors.NetworkOptions | Errors.NetworkCreate, Backend | Scope.Scope> {
  const backend = yield* Backend
  const name = options.name ?? `effect-containers-${randomBytes(8).toString("hex")}`
  const issue = issueOf(name, options)
  if (issue !== undefined) return yield* new Errors.NetworkOptions({ network: name, field: issue[0], issue: issue[1] })
  const labels = { ...yield* Owner.labelled(options.lease), ...options.labels }
  const { driver, gateway, internal = false, ipv6 = false, subnet } = options
  const config = { name, driver, internal, ipv6, subnet, gateway, options: options.options ?? {}, labels }
  const removal = Removal.patient(`network ${name}`, backend.removeNetwork(name))
  const id = yield* Effect.acquireRelease(
    Effect.tapError(
      backend.createNetwork(config),
      ({ reason }) => Removal.isLost(reason) ? backend.background(removal) : Effect.void
    ),
    () => removal
  )
  return { id, name }
})

/**
 * The networks that pass a filter (`Filter.label`, `Filter.name`). Default: all, the engine's own among them. Fails with
 * `NetworkList`.
 *
 * @category managing
 * @since 0.1.0
 */
export const list = Effect.fn("Network.list")(function*(
  filter: Filter.Filter = Filter.all
): Effect.fn.Return<ReadonlyArray<NetworkInfo>, Errors.NetworkList, Backend> {
  return yield* (yield* Backend).listNetworks(filter)
})

/**
 * What the engine knows of a network, by its id or name. Fails with `NetworkInspect`.
 *
 * @category managing
 * @since 0.1.0
 */
export const inspect = Effect.fn("Network.inspect")(function*(
  network: string
): Effect.fn.Return<NetworkInfo, Errors.NetworkInspect, Backend> {
  return yield* (yield* Backend).inspectNetwork(network)
})

/**
 * Removes a network, by its id or name. Fails with `NetworkRemove`: `Conflict` while containers are in it.
 *
 * @category managing
 * @since 0.1.0
 */
export const remove = Effect.fn("Network.remove")(function*(
  network: string
): Effect.fn.Return<void, Errors.NetworkRemove, Backend> {
  yield* (yield* Backend).removeNetwork(network)
})
