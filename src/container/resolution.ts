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
