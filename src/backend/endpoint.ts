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
 * Where a published port is reached. `host` is the engine's machine as seen from here. Of several bindings the first one
 * of IPv4 is taken. Fails `InvalidArgument` when the port is not published, or only to the engine's own machine, which is
 * another.
 *
 * @category combinators
 * @since 0.1.0
 */
export const endpoint = (
  host: string,
  ports: ReadonlyArray<PortBinding>,
  port: number,
  protocol: "tcp" | "udp"
): Result.Result<Endpoint, Errors.InvalidArgument> => {
  const operation = "port"
  const mine = ports.filter((one) => one.containerPort === port && one.protocol === protocol)
  const found = mine.find(({ hostIp }) => !hostIp.includes(":")) ?? mine[0]
  if (found === undefined) {
    const others = ports.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`).join(", ")
    return Result.fail(
      new Errors.InvalidArgument({
        operation,
        message: `port ${port}/${protocol} is not published; ${others === "" ? "none is" : `published are ${others}`}`,
        hint: `describe the container with Container.port(${port}${
          protocol === "udp" ? ", { protocol: \"udp\" }" : ""
        }); a container that does not run publishes none`
      })
    )
  }
  if (isLoopback(found.hostIp) && !isLoopback(host)) {
    return Result.fail(
      new Errors.InvalidArgument({
        operation,
        message:
          `port ${port}/${protocol} is published on ${found.hostIp} of ${host}, where only that machine reaches it`,
        hint: `publish it with Container.port(${port}, { hostIp: "0.0.0.0" })`
      })
    )
  }
  return Result.succeed({ host: anywhere.has(found.hostIp) ? host : found.hostIp, port: found.hostPort })
}
