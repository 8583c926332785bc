import Docker from "dockerode"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import * as Https from "node:https"
import * as Net from "node:net"
import { inspect } from "node:util"
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

/** Among the headers of a request: who is told of it when it is made, since the modem does not show it. */
export const onRequest: unique symbol = Symbol("effect-containers/layers/dockerApi/onRequest")

/** What `dial` of dockerode's modem takes, as far as it is used here. */
export interface Dial {
  readonly path: string
  readonly method: string
  readonly options?: { readonly _query: object; readonly _body: object } | undefined
  readonly file?: NodeJS.ReadableStream | Buffer | undefined
  readonly headers: Record<string, string> & { readonly [onRequest]?: (request: Http.ClientRequest) => void }
  readonly isStream: true
  readonly hijack?: boolean | undefined
  readonly statusCodes: Readonly<Record<number, true>>
}

type Callback = (error: unknown, result: unknown) => void

/** A pool of connections to one engine. */
export interface Connection {
  readonly endpoint: Endpoint
  /** Where requests without a version go, `""` or the path below which a proxy offers the engine. */
  readonly prefix: string
  readonly dial: (options: Dial, callback: Callback) => void
  /** Those that are open now. */
  readonly sockets: ReadonlySet<Net.Socket>
}

/**
 * The agent under the modem: keeps connections alive, gives up on those that cannot be opened, and knows them all.
 */
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

  // The modem follows redirects with a request of its own that has no handler for errors: one that fails would end the
  // process. No engine redirects, so its follower, the only listener there is at this moment, is taken away.
  const hidden = agent as { addRequest?: (request: Http.ClientRequest, options: Pick<Dial, "headers">) => void }
  const add = hidden.addRequest
  if (add !== undefined) {
    hidden.addRequest = (request, options) => {
      request.removeAllListeners("response")
      options.headers[onRequest]?.(request)
      Reflect.apply(add, agent, [request, options])
    }
  }

  // The modem prints each request's options into a string, debugging or not. With a pool of sockets and TLS keys in it
  // that costs half a millisecond a request, and shows what nobody should see.
  return Object.defineProperty(agent, inspect.custom, { value: () => "Agent" })
}

const modemOf = (endpoint: Endpoint, agent: Http.Agent): { readonly dial: Connection["dial"] } => {
  const docker = new Docker({
    // Each is named, so that none comes from the environment: finding the engine is not the modem's business.
    socketPath: endpoint._tag === "Unix" ? endpoint.path : undefined,
    host: endpoint._tag === "Tcp" ? endpoint.host : undefined,
    port: endpoint._tag === "Tcp" ? endpoint.port : undefined,
    protocol: endpoint._tag === "Tcp" && endpoint.tls !== undefined ? "https" : "http",
    pathPrefix: "/",
    agent,
    version: undefined,
    timeout: undefined,
    connectionTimeout: undefined,
    ca: undefined,
    cert: undefined,
    key: undefined
  } as Docker.DockerOptions)
  return docker.modem as { readonly dial: Connection["dial"] }
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
  const modem = yield* Effect.try({ try: () => modemOf(endpoint, agent), catch: invalid })
  return {
    endpoint,
    prefix: endpoint._tag === "Tcp" ? endpoint.prefix : "",
    dial: (options, callback) => modem.dial(options, callback),
    sockets
  }
})

/** The address as a person writes it. */
export const address = (endpoint: Endpoint): string =>
  endpoint._tag === "Unix"
    ? `unix://${endpoint.path}`
    : `${endpoint.tls === undefined ? "tcp" : "https"}://${endpoint.host}:${endpoint.port}${endpoint.prefix}`
