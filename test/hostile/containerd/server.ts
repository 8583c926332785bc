import type { Backend } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { mkdirSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import * as Http2 from "node:http2"
import * as Net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { outcome, soon } from "../case.ts"
import { wellBehaved } from "./behaved.ts"
import { fail } from "./wire.ts"

/** A call, and what there is to answer it with. */
export interface Call {
  /** Its first message. */
  readonly request: Uint8Array
  readonly stream: Http2.ServerHttp2Stream
  /** The connection itself. */
  readonly socket: Net.Socket
  readonly engine: Engine
}

export type Answer = (call: Call) => void

/** By `Service/Method`: what differs from an engine that behaves. */
export type Script = Readonly<Record<string, Answer>>

/** What an engine has, and what it was asked. */
export interface Engine {
  readonly folder: string
  readonly sockets: Set<Net.Socket>
  /** How often each method was called. */
  readonly asked: Map<string, number>
  readonly containers: Map<string, Uint8Array>
  readonly snapshots: Set<string>
  /** Where the process that was made last is to write. */
  stdout: string
  /** Called when it is killed. */
  killed: () => void
}

/** `/containerd.services.images.v1.Images/Get` is `Images/Get`. */
const nameOf = (path: string): string => path.replace(/^\/(?:[\w-]+\.)*/, "")

/** Reads the first message; a client that streams may send more. */
const firstMessage = (stream: Http2.ServerHttp2Stream, use: (message: Uint8Array) => void): void => {
  let read = Buffer.alloc(0)
  const take = (piece: Buffer) => {
    read = Buffer.concat([read, piece])
    if (read.length < 5) return
    const length = read.readUInt32BE(1)
    if (read.length < 5 + length) return
    stream.off("data", take)
    stream.resume()
    use(read.subarray(5, 5 + length))
  }
  stream.on("data", take)
}

const grpc = (script: Script, engine: Engine): Net.Server => {
  const server = Http2.createServer()
  server.on("session", (session) => session.on("error", () => {}))
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {})
    const name = nameOf(String(headers[":path"]))
    firstMessage(stream, (request) => {
      engine.asked.set(name, (engine.asked.get(name) ?? 0) + 1)
      const how = script[name] ?? wellBehaved[name]
      const { socket } = stream.session as unknown as { readonly socket: Net.Socket }
      if (how === undefined) fail(stream, 12, `unknown method ${name}`)
      else how({ request, stream, socket, engine })
    })
  })
  return server as Net.Server
}

/** On a socket of its own; `onConnection` in place of anything that speaks gRPC. */
const serve = Effect.fnUntraced(function*(
  script: Script | ((socket: Net.Socket) => void)
): Effect.fn.Return<Engine & { readonly address: string }, never, Scope.Scope> {
  const folder = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "efh-"))),
    (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
  )
  mkdirSync(join(folder, "rootfs"))
  const address = join(folder, "containerd.sock")
  const engine: Engine = {
    folder,
    sockets: new Set(),
    asked: new Map(),
    containers: new Map(),
    snapshots: new Set(),
    stdout: "",
    killed: () => {}
  }
  const server = typeof script === "function" ? Net.createServer(script) : grpc(script, engine)
  server.on("connection", (socket: Net.Socket) => {
    engine.sockets.add(socket)
    socket.on("error", () => {})
    // Read, so that its end is seen.
    if (typeof script === "function") socket.resume()
    socket.on("close", () => engine.sockets.delete(socket))
  })
  yield* Effect.acquireRelease(
    Effect.promise(() => new Promise<void>((resolve) => server.listen(address, resolve))),
    () =>
      Effect.promise(async () => {
        for (const socket of engine.sockets) socket.destroy()
        await new Promise((resolve) => server.close(resolve))
      })
  )
  return { ...engine, address }
})

/**
 * A containerd that behaves, but for what the script says, and somebody who uses it. When the layer is closed no
 * connection is open.
 */
export const against = <E>(
  script: Script | ((socket: Net.Socket) => void),
  program: (engine: Engine) => Effect.Effect<string, E, Backend.Backend | Scope.Scope>,
  options: {
    readonly config?: Containerd.ContainerdConfig | undefined
    /** Said after all is over. */
    readonly after?: ((engine: Engine) => string) | undefined
  } = {}
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { address, ...engine } = yield* serve(script)
    const nobody = ConfigProvider.layer(ConfigProvider.fromUnknown({ HOME: "/nonexistent", PATH: process.env.PATH }))
    const layer = Containerd.layer({
      address,
      folder: join(engine.folder, "data"),
      rootless: "disabled",
      network: "none",
      cni: { plugins: "/nonexistent", networks: "/nonexistent" },
      builder: "none",
      connectTimeout: 10_000,
      ...options.config
    })
    const gets = yield* outcome(
      Effect.scoped(program(engine)).pipe(Effect.provide(Layer.provide(layer, nobody)))
    )
    const isClosed = yield* soon(() => engine.sockets.size === 0)
    return [
      gets,
      ...options.after === undefined ? [] : [options.after(engine)],
      ...isClosed ? [] : [`${engine.sockets.size} connections left open`]
    ].join(", ")
  })
