import * as Result from "effect/Result"
import type { PortBinding } from "../ContainerConfig.ts"
import * as Errors from "../Errors.ts"

/**
 * Where a port of a container is reached from here.
 *
 * @category models
 * @since 0.1.0
 */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

const isLoopback = (host: string): boolean => host === "localhost" || host === "::1" || host.startsWith("127.")

/** Listening on all addresses is no address to connect to. */
const anywhere: ReadonlySet<string> = new Set(["", "0.0.0.0", "::"])

/**
 * Which of a container's ports is meant.
 *
 * @category models
 * @since 0.1.0
 */
export interface PortOptions {
  /** Default `"tcp"`. */
  readonly protocol?: "tcp" | "udp" | undefined
  /**
   * Of which family the address is to be, for whoever connects with that one only: an engine may publish a port under
   * different numbers in each. Default: either, that of IPv4 first.
   */
  readonly family?: Family | undefined
}

/**
 * A family of addresses, as `node:net` calls it.
 *
 * @category models
 * @since 0.1.0
 */
export type Family = "IPv4" | "IPv6"

const isOf = (family: Family, address: string): boolean =>
  // A binding without an address is one of both.
  address === "" || address.includes(":") === (family === "IPv6")

const numeric = /^[0-9.]+$|:/

/** The engine's machine in a family; `undefined`: it is known by an address of the other. A name has addresses of both. */
const machine = (host: string, family: Family): string | undefined =>
  isLoopback(host)
    ? family === "IPv6" ? "::1" : "127.0.0.1"
    : numeric.test(host) && !isOf(family, host)
    ? undefined
    : host

/**
 * Where a published port is reached. `host` is the engine's machine as seen from here. Of several bindings the first one
 * of IPv4 is taken, or of the family that is asked for. Fails `InvalidArgument` when the port is not published there, or
 * only to the engine's own machine, which is another.
 *
 * @category combinators
 * @since 0.1.0
 */
export const endpoint = (
  host: string,
  ports: ReadonlyArray<PortBinding>,
  port: number,
  { family, protocol = "tcp" }: PortOptions = {}
): Result.Result<Endpoint, Errors.InvalidArgument> => {
  const refused = (message: string, hint: string) =>
    Result.fail(new Errors.InvalidArgument({ operation: "port", message, hint }))
  const mine = ports.filter((one) => one.containerPort === port && one.protocol === protocol)
  const found = mine.find(({ hostIp }) => isOf(family ?? "IPv4", hostIp)) ??
    (family === undefined ? mine[0] : undefined)
  if (found === undefined && mine.length > 0) {
    return refused(
      `port ${port}/${protocol} is not published for ${family}; it is on ${
        mine.map(({ hostIp }) => hostIp).join(", ")
      }`,
      `publish it with Container.port(${port}, { hostIp: "${family === "IPv6" ? "::1" : "127.0.0.1"}" })`
    )
  }
  if (found === undefined) {
    const others = ports.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`).join(", ")
    return refused(
      `port ${port}/${protocol} is not published; ${others === "" ? "none is" : `published are ${others}`}`,
      `describe the container with Container.port(${port}${
        protocol === "udp" ? ", { protocol: \"udp\" }" : ""
      }); a container that does not run publishes none`
    )
  }
  if (isLoopback(found.hostIp) && !isLoopback(host)) {
    return refused(
      `port ${port}/${protocol} is published on ${found.hostIp} of ${host}, where only that machine reaches it`,
      `publish it with Container.port(${port}, { hostIp: "0.0.0.0" })`
    )
  }
  if (!anywhere.has(found.hostIp)) return Result.succeed({ host: found.hostIp, port: found.hostPort })
  const reached = family === undefined ? host : machine(host, family)
  return reached === undefined
    ? refused(
      `port ${port}/${protocol} is published for ${family}, but the engine's machine is known by ${host} alone`,
      "name the machine in the engine's address in place of its number"
    )
    : Result.succeed({ host: reached, port: found.hostPort })
}
