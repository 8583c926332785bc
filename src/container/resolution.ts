import { dual } from "effect/Function"
import { type Container, isContainer, set } from "./description.ts"

/** What is said of name servers besides their addresses. */
interface DnsOptions {
  /** The domains in which a name without a dot is looked for. Default: the engine's. */
  readonly search?: ReadonlyArray<string> | undefined
  /** Of the resolver, such as `"ndots:2"`. Default: the engine's. */
  readonly options?: ReadonlyArray<string> | undefined
}

/**
 * Makes a name known to it as an IP address, in its `/etc/hosts` (hosts(5)). A name can have several addresses.
 *
 * **Example** (A service that is somewhere else in a test)
 *
 * ```ts import.meta.vitest
 * import { Container } from "effect-containers"
 *
 * const client = Container.make("curlimages/curl").pipe(Container.extraHost("api.example.com", "192.0.2.10"))
 * client.options.extraHosts // => [{ name: "api.example.com", address: "192.0.2.10" }]
 * ```
 *
 * @category networking
 * @since 0.1.0
 */
export const extraHost: {
  (name: string, address: string): (self: Container) => Container
  (self: Container, name: string, address: string): Container
} = dual(
  3,
  (self: Container, name: string, address: string) =>
    set(self, { extraHosts: [...self.options.extraHosts ?? [], { name, address }] })
)

/**
 * The name servers that it asks, by their IP addresses, in its `/etc/resolv.conf` (resolv.conf(5)); with none, those that
 * the engine gives. Set twice, the last one wins. In a network that was made by a program, Docker's own server is between:
 * it knows the other containers and asks these for the rest.
 *
 * @category networking
 * @since 0.1.0
 */
export const dns: {
  (servers: ReadonlyArray<string>, options?: DnsOptions): (self: Container) => Container
  (self: Container, servers: ReadonlyArray<string>, options?: DnsOptions): Container
} = dual(
  (args) => isContainer(args[0]),
  (self: Container, servers: ReadonlyArray<string>, { options = [], search = [] }: DnsOptions = {}) =>
    set(self, { dns: { servers, search, options } })
)

/** By which a container knows its host unless another name is given. */
const hostName = "host.containers.internal"

/**
 * Lets it reach the engine's host by a name, in its `/etc/hosts`: default `"host.containers.internal"`. Whatever listens there
 * on all addresses, or on that of the network's bridge, is reached at its own port; a server of this program's only if the
 * engine is on this machine. What listens on a loopback address is not reached, but by a container of the network `"host"`.
 *
 * A container that asks for no network gets the engine's bridge. Engines refuse it with `Unsupported` where there is no way to
 * the host, as in a network that is internal; without a network it is refused with `ContainerOptions`.
 *
 * **Example** (A program that calls back)
 *
 * ```ts import.meta.vitest
 * import { Container } from "effect-containers"
 *
 * const client = Container.make("curlimages/curl").pipe(
 *   Container.hostAccess("test"),
 *   Container.command(["curl", "http://test:8080/"])
 * )
 * client.options.hostAccess // => "test"
 * ```
 *
 * @category networking
 * @since 0.1.0
 */
export const hostAccess: {
  (name?: string): (self: Container) => Container
  (self: Container, name?: string): Container
} = dual(
  (args) => isContainer(args[0]),
  (self: Container, name: string = hostName) => set(self, { hostAccess: name })
)
