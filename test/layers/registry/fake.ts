import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import * as Http from "node:http"
import * as Https from "node:https"
import type * as Net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"

export interface Seen {
  readonly method: string
  readonly url: URL
  readonly headers: Http.IncomingHttpHeaders
}

/** A server that behaves as a test says. */
export interface Fake {
  /** `127.0.0.1:port` */
  readonly host: string
  readonly seen: ReadonlyArray<Seen>
  /** Of all requests, `METHOD /path`. */
  readonly requests: () => ReadonlyArray<string>
  /** Connections that are open now. */
  readonly sockets: ReadonlySet<Net.Socket>
  /** How many there have been. */
  readonly connections: () => number
}

export type Handler = (request: Http.IncomingMessage, response: Http.ServerResponse, seen: Seen) => void

export const serve = Effect.fnUntraced(function*(
  handler: Handler,
  tls?: { readonly cert: string; readonly key: string }
): Effect.fn.Return<Fake, never, Scope.Scope> {
  const seen: Array<Seen> = []
  const sockets = new Set<Net.Socket>()
  let connections = 0
  const listener: Http.RequestListener = (request, response) => {
    response.on("error", () => {})
    const one = {
      method: request.method ?? "",
      url: new URL(request.url ?? "", "http://fake"),
      headers: request.headers
    }
    seen.push(one)
    handler(request, response, one)
  }
  const server = tls === undefined ? Http.createServer(listener) : Https.createServer(tls, listener)
  // Connections that are kept stay open, however slow the machine is.
  server.keepAliveTimeout = 0
  server.on(tls === undefined ? "connection" : "secureConnection", (socket: Net.Socket) => {
    connections++
    sockets.add(socket)
    socket.on("error", () => {})
    socket.on("close", () => sockets.delete(socket))
  })
  server.on("tlsClientError", () => {})
  yield* Effect.acquireRelease(
    Effect.promise(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))),
    () =>
      Effect.promise(async () => {
        for (const socket of sockets) socket.destroy()
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      })
  )
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("no address")
  return {
    host: `127.0.0.1:${address.port}`,
    seen,
    sockets,
    connections: () => connections,
    requests: () => seen.map(({ method, url }) => `${method} ${url.pathname}`)
  }
})

export const json = (
  response: Http.ServerResponse,
  status: number,
  body: unknown,
  headers: Http.OutgoingHttpHeaders = {}
): void => {
  response.writeHead(status, { "Content-Type": "application/json", ...headers })
  response.end(JSON.stringify(body))
}

/** As the distribution specification has it. */
export const no = (
  response: Http.ServerResponse,
  status: number,
  code: string,
  message: string,
  headers: Http.OutgoingHttpHeaders = {}
): void => json(response, status, { errors: [{ code, message, detail: null }] }, headers)

export const sha256 = (bytes: Uint8Array | string): string =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`

export const ociManifest = "application/vnd.oci.image.manifest.v1+json"

export const manifest = Buffer.from(JSON.stringify({
  schemaVersion: 2,
  mediaType: ociManifest,
  config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: sha256("{}"), size: 2 },
  layers: []
}))

export const giveManifest = (response: Http.ServerResponse): void => {
  response.writeHead(200, {
    "Content-Type": `${ociManifest}; charset=utf-8`,
    "Docker-Content-Digest": sha256(manifest)
  })
  response.end(manifest)
}

/** Waits until it holds, in real time: for what the other side of a socket sees a moment later. */
export const eventually = (holds: () => boolean): Effect.Effect<void> =>
  Effect.promise(async () => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
  })

/** A certificate for 127.0.0.1 by an authority that nobody knows. */
export const certificate: Effect.Effect<{ readonly ca: string; readonly cert: string; readonly key: string }> = Effect
  .promise(async () => {
    const run = promisify(execFile)
    const folder = await mkdtemp(join(tmpdir(), "efc-"))
    const at = (name: string) => join(folder, name)
    const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    try {
      // dprint-ignore
      await run("openssl", ["req", "-x509", ...newKey, "-keyout", at("ca.key"), "-out", at("ca.pem"), "-subj", "/CN=test authority", "-days", "2"])
      // dprint-ignore
      await run("openssl", ["req", ...newKey, "-keyout", at("key.pem"), "-out", at("request.pem"), "-subj", "/CN=registry", "-addext", "subjectAltName=IP:127.0.0.1"])
      // dprint-ignore
      await run("openssl", ["x509", "-req", "-in", at("request.pem"), "-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial", "-out", at("cert.pem"), "-days", "2", "-copy_extensions", "copy"])
      const read = (name: string) => readFile(at(name), "utf8")
      return { ca: await read("ca.pem"), cert: await read("cert.pem"), key: await read("key.pem") }
    } finally {
      await rm(folder, { recursive: true })
    }
  })
