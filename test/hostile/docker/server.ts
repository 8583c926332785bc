import type { Backend } from "effect-containers"
import * as Docker from "effect-containers/layers/Docker"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Http from "node:http"
import type * as Net from "node:net"
import { type Fake, json, serve } from "../../layers/docker/fake.ts"
import { outcome, soon } from "../case.ts"
import { frame } from "./wire.ts"

/** A request, and what there is to answer it with. */
export interface Exchange {
  readonly request: Http.IncomingMessage
  /** Without for one that turns the connection into a process's input and output. */
  readonly response: Http.ServerResponse
  /** The connection itself, for answers that no HTTP server would give. */
  readonly socket: Net.Socket
  readonly path: string
  readonly engine: Engine
}

export type Answer = (exchange: Exchange) => void

const table = [
  ["ping", /^GET \/_ping/],
  ["create", /^POST \/containers\/create/],
  ["attach", /^POST \/containers\/[^/]+\/attach/],
  ["start", /^POST \/containers\/[^/]+\/start/],
  ["wait", /^POST \/containers\/[^/]+\/wait/],
  ["kill", /^POST \/containers\/[^/]+\/kill/],
  ["stop", /^POST \/containers\/[^/]+\/stop/],
  ["logs", /^GET \/containers\/[^/]+\/logs/],
  ["execCreate", /^POST \/containers\/[^/]+\/exec/],
  ["execStart", /^POST \/exec\/[^/]+\/start/],
  ["execLook", /^GET \/exec\/[^/]+\/json/],
  ["inspect", /^GET \/containers\/[^/]+\/json/],
  ["copyIn", /^PUT \/containers\/[^/]+\/archive/],
  ["remove", /^DELETE \/containers\//],
  ["list", /^GET \/containers\/json/],
  ["pull", /^POST \/images\/create/],
  ["push", /^POST \/images\/.+\/push/],
  ["load", /^POST \/images\/load/],
  ["save", /^GET \/images\/get/],
  ["image", /^GET \/images\/.+\/json/],
  ["images", /^GET \/images\/json/],
  ["build", /^POST \/build/],
  ["events", /^GET \/events/]
] as const

type Name = typeof table[number][0]

/** What differs from an engine that behaves. */
export type Script = { readonly [N in Name]?: Answer }

/** What an engine has, and what it was asked. */
export interface Engine {
  readonly fake: () => Fake
  /** Names of the containers that are there. */
  readonly containers: Set<string>
  /** How often each was asked. */
  readonly asked: Map<string, number>
  /** The connection over which the last container's output goes. */
  attached: Net.Socket | undefined
}

export const id = "c".repeat(64)

const nameIn = (path: string): string => decodeURIComponent(/^\/containers\/([^/?]+)/.exec(path)?.[1] ?? "")

/** `docker inspect` of a container that ended well. */
export const inspected = (changes: object = {}): object => ({
  Id: id,
  Name: "/a",
  Created: "2026-01-01T00:00:00Z",
  Image: `sha256:${"a".repeat(64)}`,
  State: {
    Status: "exited",
    ExitCode: 0,
    StartedAt: "2026-01-01T00:00:00Z",
    FinishedAt: "2026-01-01T00:00:01Z"
  },
  Config: { Image: "alpine", Tty: false, Labels: {} },
  NetworkSettings: { Ports: {} },
  ...changes
})

export const image = { Id: `sha256:${"a".repeat(64)}`, RepoTags: ["gcc:14"], RepoDigests: null, Size: 1 }

const wellBehaved: Script = {
  create: ({ engine, path, response }) => {
    engine.containers.add(new URL(path, "http://engine").searchParams.get("name") ?? "")
    json(response, 201, { Id: id, Warnings: [] })
  },
  attach: ({ socket }) => upgrade(socket),
  start: ({ engine, response }) => {
    response.writeHead(204).end()
    engine.attached?.end(frame("stdout", "hello"))
  },
  wait: ({ response }) => json(response, 200, { StatusCode: 0, Error: null }),
  remove: ({ engine, path, response }) => {
    const name = nameIn(path)
    if (name === id) engine.containers.clear()
    else if (!engine.containers.delete(name)) return json(response, 404, { message: `No such container: ${name}` })
    response.writeHead(204).end()
  },
  inspect: ({ response }) => json(response, 200, inspected()),
  list: ({ response }) => json(response, 200, []),
  image: ({ response }) => json(response, 200, image)
}

/** Hands the connection over; what follows comes in the same packet. */
export const upgrade = (socket: Net.Socket, ...first: ReadonlyArray<Uint8Array>): void => {
  const head = "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n" +
    "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
  socket.write(Buffer.concat([Buffer.from(head), ...first]))
}

/**
 * An engine with Docker's API that behaves, but for what the script says, and somebody who uses it. When the layer is
 * closed no connection is open, and `program` is told what the engine has got.
 */
export const against = <E>(
  script: Script,
  program: (engine: Engine) => Effect.Effect<string, E, Backend.Backend | Scope.Scope>,
  options: {
    readonly config?: Docker.DockerConfig | undefined
    /** Said after all is over. */
    readonly after?: ((engine: Engine) => string) | undefined
  } = {}
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.gen(function*() {
    let fake: Fake | undefined
    const engine: Engine = {
      fake: () => fake!,
      containers: new Set(),
      asked: new Map(),
      attached: undefined
    }
    const answer = (exchange: Omit<Exchange, "engine">) => {
      const line = `${exchange.request.method} ${exchange.path}`
      const name = table.find(([, pattern]) => pattern.test(line))?.[0]
      engine.asked.set(name ?? line, (engine.asked.get(name ?? line) ?? 0) + 1)
      if (name === "attach") engine.attached = exchange.socket
      const how = name === undefined ? undefined : script[name] ?? wellBehaved[name]
      if (how === undefined) return json(exchange.response, 404, { message: "page not found" })
      how({ ...exchange, engine })
    }
    fake = yield* serve(
      (request, response, path) => {
        // Nobody minds that a connection breaks which it broke itself.
        response.on("error", () => {})
        answer({ request, response, path, socket: request.socket })
      },
      {
        onPing: script.ping === undefined
          ? undefined
          : (request, response, path) => answer({ request, response, path, socket: request.socket }),
        onUpgrade: (request, socket, path) => {
          // Read, so that its end is seen.
          socket.resume().on("end", () => socket.end())
          // There is no other answer to it than bytes.
          answer({ request, socket, path, response: undefined as unknown as Http.ServerResponse })
        }
      }
    )
    const nobody = ConfigProvider.layer(ConfigProvider.fromUnknown({ HOME: "/nonexistent" }))
    const layer = Docker.layer({ host: fake.host, healthTimeout: 10_000, ...options.config })
    const gets = yield* outcome(
      Effect.scoped(program(engine)).pipe(Effect.provide(Layer.provide(layer, nobody)))
    )
    const { sockets } = fake
    const isClosed = yield* soon(() => sockets.size === 0)
    return [
      gets,
      ...options.after === undefined ? [] : [options.after(engine)],
      ...isClosed ? [] : [`${sockets.size} connections left open`]
    ].join(", ")
  })
