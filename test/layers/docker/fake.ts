import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { mkdtemp, rm } from "node:fs/promises"
import * as Http from "node:http"
import type * as Net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** A server that behaves as a test says, on a socket of its own. */
export interface Fake {
  readonly host: string
  /** Requests so far, as `METHOD /path`, without the API's version. */
  readonly requests: Array<string>
  readonly headers: Array<Http.IncomingHttpHeaders>
  /** Connections that are open now. */
  readonly sockets: ReadonlySet<Net.Socket>
}

export type Handler = (request: Http.IncomingMessage, response: Http.ServerResponse, path: string) => void

/** What an engine answers to `_ping`. */
export const pong = (response: Http.ServerResponse, apiVersion = "1.45", server = "Docker/26.1.5 (linux)"): void => {
  response.writeHead(200, { "Api-Version": apiVersion, Server: server, "Content-Type": "text/plain" })
  response.end("OK")
}

export const json = (response: Http.ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { "Content-Type": "application/json" })
  response.end(JSON.stringify(body))
}

const release = (server: Http.Server, sockets: ReadonlySet<Net.Socket>, directory: string) =>
  Effect.promise(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
    await rm(directory, { recursive: true })
  })

/** Answers `_ping` as Docker does, and the rest as `handler` says; with `onPing` that too. */
export const serve = Effect.fnUntraced(function*(
  handler: Handler,
  options: {
    readonly onPing?: Handler | undefined
    readonly onUpgrade?: ((request: Http.IncomingMessage, socket: Net.Socket, path: string) => void) | undefined
  } = {}
): Effect.fn.Return<Fake, never, Scope.Scope> {
  const sockets = new Set<Net.Socket>()
  const fake = { requests: new Array<string>(), headers: new Array<Http.IncomingHttpHeaders>() }
  const note = (request: Http.IncomingMessage): string => {
    const path = (request.url ?? "").replace(/^\/v\d+\.\d+/, "")
    fake.requests.push(`${request.method} ${path}`)
    fake.headers.push(request.headers)
    return path
  }
  const server = Http.createServer((request, response) => {
    const path = note(request)
    if (path !== "/_ping") return handler(request, response, path)
    if (options.onPing === undefined) pong(response)
    else options.onPing(request, response, path)
  })
  // Connections that are kept stay open, however slow the machine is.
  server.keepAliveTimeout = 0
  server.on("connection", (socket: Net.Socket) => {
    sockets.add(socket)
    socket.on("error", () => {})
    socket.on("close", () => sockets.delete(socket))
  })
  if (options.onUpgrade !== undefined) {
    const { onUpgrade } = options
    server.on("upgrade", (request, socket) => onUpgrade(request, socket as Net.Socket, note(request)))
  }
  const directory = yield* Effect.promise(() => mkdtemp(join(tmpdir(), "efc-")))
  const path = join(directory, "engine.sock")
  yield* Effect.acquireRelease(
    Effect.promise(() => new Promise<void>((resolve) => server.listen(path, resolve))),
    () => release(server, sockets, directory)
  )
  return { host: `unix://${path}`, sockets, ...fake }
})

/** Waits until it holds: for what the other side of a socket sees a moment later. */
export const eventually = (holds: () => boolean): Effect.Effect<void> =>
  Effect.promise(async () => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
  })
