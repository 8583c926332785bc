import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import * as Https from "node:https"
import * as Net from "node:net"
import type { Readable } from "node:stream"
import type * as Errors from "../../Errors.ts"
import { reason } from "./errors.ts"

/** Certificates and key as PEM text. */
export interface Tls {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: Redacted.Redacted<string> | undefined
  /** Whether the engine's certificate must be valid. */
  readonly verify: boolean
}

/** Where an engine listens. */
export type Endpoint =
  | { readonly _tag: "Unix"; readonly path: string }
  | { readonly _tag: "Tcp"; readonly host: string; readonly port: number; readonly prefix: string; readonly tls?: Tls }

/** One exchange, as it goes over the wire. */
export interface Dial {
  readonly method: string
  /** With its query, encoded. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Readable | undefined
  /** Whether the engine is to hand the connection over. */
  readonly hijack: boolean
  /** Called once: with the head of the answer, with the connection as it was handed over, or with why there is neither. */
  readonly answered: (answer: Http.IncomingMessage | Net.Socket | undefined, error: unknown) => void
}

/** A pool of connections to one engine. */
export interface Connection {
  readonly endpoint: Endpoint
  /** Where requests without a version go, `""` or the path below which a proxy offers the engine. */
  readonly prefix: string
  /** Sends a request. Throws when Node refuses what is in it. */
  readonly dial: (options: Dial) => Http.ClientRequest
  /** Those that are open now. */
  readonly sockets: ReadonlySet<Net.Socket>
}

/** Keeps connections alive, gives up on those that cannot be opened, and knows them all. */
const makeAgent = (endpoint: Endpoint, connectTimeout: number, sockets: Set<Net.Socket>): Http.Agent => {
  const tls = endpoint._tag === "Tcp" ? endpoint.tls : undefined
  const agent: Http.Agent = tls === undefined
    ? new Http.Agent({ keepAlive: true })
    : new Https.Agent({
      keepAlive: true,
      rejectUnauthorized: tls.verify,
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls.cert === undefined ? {} : { cert: tls.cert }),
      ...(tls.key === undefined ? {} : { key: Redacted.value(tls.key) })
    })

  const connect = agent.createConnection.bind(agent)
  agent.createConnection = (options, callback) => {
    const socket = connect(options, callback)
    if (socket instanceof Net.Socket) {
      // The kernel connects or refuses a local socket at once: there a deadline could only hit a process that is busy.
      const timer = endpoint._tag === "Unix" ? undefined : setTimeout(() => {
        socket.destroy(Object.assign(new Error(`no connection within ${connectTimeout} ms`), { code: "ETIMEDOUT" }))
      }, connectTimeout)
      sockets.add(socket)
      socket.once(tls === undefined ? "connect" : "secureConnect", () => clearTimeout(timer))
      socket.once("close", () => {
        clearTimeout(timer)
        sockets.delete(socket)
      })
    }
    return socket
  }

  return agent
}

const dialer = (endpoint: Endpoint, agent: Http.Agent): Connection["dial"] => {
  const { request: ask } = endpoint._tag === "Tcp" && endpoint.tls !== undefined ? Https : Http
  const where = endpoint._tag === "Unix" ? { socketPath: endpoint.path } : { host: endpoint.host, port: endpoint.port }
  return ({ answered, body, headers, hijack, method, path }) => {
    const request = ask({ ...where, agent, method, path, headers })
    let isAnswered = false
    const answer: Dial["answered"] = (answer, error) => {
      if (isAnswered) return
      isAnswered = true
      answered(answer, error)
    }
    request.on("response", (response) => answer(response, undefined))
    if (hijack) {
      request.on("upgrade", (_, socket: Net.Socket, head) => {
        if (head.length > 0) socket.unshift(head)
        answer(socket, undefined)
      })
    }
    // Also after the answer: nobody may be missing who hears that the connection broke.
    request.on("error", (error) => answer(undefined, error))
    if (body === undefined || typeof body === "string") request.end(body)
    else {
      body.on("error", (error) => request.destroy(error))
      body.pipe(request)
    }
    return request
  }
}

/**
 * A connection to the engine at an endpoint; nothing is sent yet. Closing the scope closes every socket.
 */
export const make = Effect.fnUntraced(function*(
  endpoint: Endpoint,
  options: { readonly connectTimeout: number }
): Effect.fn.Return<Connection, Errors.InvalidArgument, Scope.Scope> {
  const sockets = new Set<Net.Socket>()
  const invalid = (cause: unknown) =>
    reason("InvalidArgument", {
      operation: "connect",
      message: cause instanceof Error ? cause.message : String(cause),
      hint: "check the TLS material, and DOCKER_HOST and DOCKER_CERT_PATH"
    })
  const agent = yield* Effect.acquireRelease(
    Effect.try({ try: () => makeAgent(endpoint, options.connectTimeout, sockets), catch: invalid }),
    (agent) =>
      Effect.sync(() => {
        agent.destroy()
        for (const socket of sockets) socket.destroy()
      })
  )
  return {
    endpoint,
    prefix: endpoint._tag === "Tcp" ? endpoint.prefix : "",
    dial: dialer(endpoint, agent),
    sockets
  }
})

/** The address as a person writes it. */
export const address = (endpoint: Endpoint): string =>
  endpoint._tag === "Unix"
    ? `unix://${endpoint.path}`
    : `${endpoint.tls === undefined ? "tcp" : "https"}://${endpoint.host}:${endpoint.port}${endpoint.prefix}`
