import * as Effect from "effect/Effect"
import { createSocket } from "node:dgram"
import { createServer } from "node:net"
import type { PortBinding } from "../../../ContainerConfig.ts"
import type * as Errors from "../../../Errors.ts"
import { fromCause, reason } from "../errors.ts"
import * as Claims from "./claims.ts"

/**
 * Which ports of this machine lead to containers. The kernel sends packets on without a socket that would show it, so
 * each has a file here.
 */
const claims = Claims.make("/run/effect-containers/ports")

const operation = "start"

const fileOf = ({ hostIp, hostPort, protocol }: PortBinding): string =>
  `${protocol}-${hostPort}-${hostIp.replaceAll(":", "_")}`

const everywhere: ReadonlySet<string> = new Set(["0.0.0.0", "__"])

const shown = ({ hostIp, hostPort, protocol }: PortBinding): string =>
  `${hostIp.includes(":") ? `[${hostIp}]` : hostIp}:${hostPort}/${protocol}`

const taken = (port: PortBinding) =>
  reason("Conflict", {
    operation,
    message: `port ${shown(port)} of this machine is taken`,
    hint: "choose another, or leave the choice to the engine"
  })

const failure = (port: PortBinding, cause: unknown): Errors.Reason => {
  const error = fromCause(operation, cause)
  switch (error.code) {
    case "EADDRINUSE":
      return taken(port)
    case "EADDRNOTAVAIL":
    case "EINVAL":
      return reason("InvalidArgument", {
        operation,
        message: `${port.hostIp} is not an address of this machine`,
        code: error.code,
        cause
      })
    default:
      return error
  }
}

/** Takes a port for a moment, to see whether somebody has it; which one it was. */
const probe = (port: PortBinding): Effect.Effect<number, Errors.Reason> =>
  Effect.callback<number, Errors.Reason>((resume) => {
    const fail = (cause: unknown) => resume(Effect.fail(failure(port, cause)))
    if (port.protocol === "udp") {
      const socket = createSocket(port.hostIp.includes(":") ? "udp6" : "udp4")
      socket.once("error", (cause) => {
        socket.close()
        fail(cause)
      })
      socket.bind({ address: port.hostIp, port: port.hostPort, exclusive: true }, () => {
        const found = socket.address().port
        socket.close(() => resume(Effect.succeed(found)))
      })
      return
    }
    const server = createServer()
    server.once("error", fail)
    server.listen({ host: port.hostIp, port: port.hostPort, exclusive: true }, () => {
      const address = server.address()
      const found = typeof address === "object" && address !== null ? address.port : 0
      server.close(() => resume(Effect.succeed(found)))
    })
  })

/** A port for a holder; false: another has it, or one that overlaps. */
const claim = async (port: PortBinding, holder: string): Promise<boolean> => {
  const own = fileOf(port)
  if (!(await claims.take(own, holder))) return false
  const same = own.slice(0, own.lastIndexOf("-") + 1)
  const address = own.slice(same.length)
  const overlapping = await claims.held((other) =>
    other !== own && other.startsWith(same) && (everywhere.has(address) || everywhere.has(other.slice(same.length)))
  )
  if (overlapping.length > 0) await claims.release(own, holder)
  return overlapping.length === 0
}

const reserve = (port: PortBinding, holder: string): Effect.Effect<PortBinding, Errors.Reason> => {
  const attempt = (tries: number): Effect.Effect<PortBinding, Errors.Reason> =>
    Effect.gen(function*() {
      const found = { ...port, hostPort: yield* probe(port) }
      const isMine = yield* Effect.tryPromise({
        try: () => claim(found, holder),
        catch: (cause) => fromCause(operation, cause)
      })
      if (isMine) return found
      return port.hostPort === 0 && tries < 32 ? yield* attempt(tries + 1) : yield* taken(found)
    })
  return attempt(1)
}

/** Gives up ports, unless they have become another's. */
export const release = (ports: ReadonlyArray<PortBinding>, holder: string): Effect.Effect<void> =>
  Effect.forEach(ports, (port) =>
    Effect.catch(
      Effect.tryPromise(() => claims.release(fileOf(port), holder)),
      ({ cause }) => Effect.logWarning(`port ${shown(port)} is claimed as long as ${holder} is there: ${String(cause)}`)
    ), { discard: true })

/** Finds a port of this machine for each that has none, and keeps all of them for a holder, the path of whose file it is. */
export const acquire = (
  ports: ReadonlyArray<PortBinding>,
  holder: string
): Effect.Effect<ReadonlyArray<PortBinding>, Errors.Reason> =>
  Effect.suspend(() => {
    const mine: Array<PortBinding> = []
    return Effect.forEach(ports, (port) =>
      Effect.tap(reserve(port, holder), (found) => Effect.sync(() => mine.push(found)))).pipe(
        Effect.onError(() =>
          release(mine, holder)
        )
      )
  })
