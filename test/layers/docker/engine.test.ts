import { assert, describe, it } from "@effect/vitest"
import { Backend, BuildContext, Container, Errors, Image, Logs } from "effect-containers"
import * as Docker from "effect-containers/layers/Docker"
import { negotiate } from "effect-containers/layers/dockerApi/version"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Net from "node:net"
import { eventually, type Handler, json, pong, serve } from "./fake.ts"

/** No configuration of whoever runs the tests. */
const nobody = ConfigProvider.layer(ConfigProvider.fromUnknown({ HOME: "/nonexistent" }))

/** Patient, so that a busy machine fails no test; those that are about deadlines set their own. */
const engine = (config: Docker.DockerConfig) =>
  Layer.provide(Docker.layer({ healthTimeout: 60_000, connectTimeout: 60_000, ...config }), nobody)

const refused = Effect.fnUntraced(function*(config: Docker.DockerConfig) {
  const error = yield* Effect.flip(Effect.scoped(Layer.build(engine(config))))
  assert.strictEqual(error._tag, "BackendNotAvailable")
  assert.strictEqual(error.candidates.length, 1)
  return error.candidates[0]!
})

const line = (value: unknown) => `${JSON.stringify(value)}\n`

describe("a run that tells nothing", { timeout: 60_000 }, () => {
  /** An engine that closes the attached connection without a byte, and whose log is answered like this. */
  const silent = Effect.fnUntraced(function*(status: number, log: string | Uint8Array) {
    const { host, requests } = yield* serve((_, response, path) => {
      if (path.startsWith("/containers/create")) json(response, 201, { Id: "c1", Warnings: [] })
      else if (path.includes("/wait")) json(response, 200, { StatusCode: 0 })
      else if (path.includes("/logs")) response.writeHead(status).end(log)
      else response.writeHead(204).end()
    }, {
      onUpgrade: (_, socket) => {
        socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
        socket.end()
      }
    })
    const text = yield* Effect.provide(Container.string(Container.make("image")), engine({ host }))
    return { text, logs: requests.filter((request) => request.includes("/logs")).length }
  }, Effect.scoped)

  it.live("has told what its log has", () =>
    Effect.gen(function*() {
      const log = Logs.encode({ source: "stdout", bytes: new TextEncoder().encode("hi") })
      assert.deepStrictEqual(yield* silent(200, log), { text: "hi", logs: 1 })
      assert.deepStrictEqual(yield* silent(200, ""), { text: "", logs: 1 })
    }))

  it.live("has told nothing where there is no log to be read", () =>
    Effect.gen(function*() {
      for (
        const [status, message] of [
          [404, "No such container: c1"],
          [501, "configured logging driver does not support reading"]
        ] as const
      ) assert.deepStrictEqual(yield* silent(status, JSON.stringify({ message })), { text: "", logs: 1 })
    }))
})

describe("the first contact", { timeout: 60_000 }, () => {
  it.live("nothing there, and no socket at all", () =>
    Effect.gen(function*() {
      const { address, reason } = yield* refused({ host: "unix:///nonexistent/engine.sock" })
      assert.strictEqual(reason._tag, "NotFound")
      assert.strictEqual(address, "unix:///nonexistent/engine.sock (the configuration)")
      const { reason: closed } = yield* refused({ host: "tcp://127.0.0.1:1" })
      assert.strictEqual(closed._tag, "Unavailable")
    }))

  it.live("a server that is no engine", () =>
    Effect.gen(function*() {
      const page = yield* serve(() => {}, {
        onPing: (_, response) => response.writeHead(200, { "Content-Type": "text/html" }).end("<html>hello</html>")
      })
      assert.strictEqual((yield* refused({ host: page.host })).reason._tag, "Protocol")
      const missing = yield* serve(() => {}, { onPing: (_, response) => response.writeHead(404).end("not here") })
      assert.strictEqual((yield* refused({ host: missing.host })).reason._tag, "Protocol")
      const garbage = yield* serve(() => {}, { onPing: (request) => request.socket.end("\0\x01\x02 not HTTP\r\n\r\n") })
      assert.strictEqual((yield* refused({ host: garbage.host })).reason._tag, "Protocol")
      yield* eventually(() => page.sockets.size + missing.sockets.size + garbage.sockets.size === 0)
    }))

  it.live("a redirection is not followed", () =>
    Effect.gen(function*() {
      const fake = yield* serve(() => {}, {
        onPing: (_, response) => response.writeHead(301, { Location: "http://127.0.0.1:1/elsewhere" }).end()
      })
      assert.strictEqual((yield* refused({ host: fake.host })).reason._tag, "Protocol")
      assert.deepStrictEqual(fake.requests, ["GET /_ping"])
    }))

  it.live("one that does not answer in time is left, with nothing open", () =>
    Effect.gen(function*() {
      const fake = yield* serve(() => {}, { onPing: () => {} })
      const { reason } = yield* refused({ host: fake.host, healthTimeout: 50 })
      assert.strictEqual(reason._tag, "TimedOut")
      assert.strictEqual(reason.message, "no answer within 50 ms")
      yield* eventually(() => fake.sockets.size === 0)
    }))

  it.live("one that is too old", () =>
    Effect.gen(function*() {
      const fake = yield* serve(() => {}, { onPing: (_, response) => pong(response, "1.39") })
      const { reason } = yield* refused({ host: fake.host })
      assert.strictEqual(reason._tag, "Unsupported")
      assert.include(reason.message, "1.39")
    }))

  it("the version is the newest that both know", () => {
    assert.deepStrictEqual(negotiate("1.41", undefined), Result.succeed("1.41"))
    assert.deepStrictEqual(negotiate("1.99", undefined), Result.succeed("1.51"))
    assert.deepStrictEqual(negotiate("1.51", "1.44"), Result.succeed("1.44"))
    for (
      const [offered, wanted, tag] of [
        ["1.40", undefined, "Unsupported"],
        ["1.44", "1.45", "Unsupported"],
        ["1.44", "1.9", "Unsupported"],
        ["1.44", "latest", "InvalidArgument"]
      ] as const
    ) {
      assert.strictEqual(Result.getOrThrow(Result.flip(negotiate(offered, wanted)))._tag, tag)
    }
  })

  it.live("Podman is told from Docker", () =>
    Effect.gen(function*() {
      const fake = yield* serve(
        (_, response) =>
          json(response, 200, {
            Version: "5.4.2",
            ApiVersion: "1.41",
            Os: "linux",
            Arch: "amd64",
            Components: [{ Name: "Podman Engine", Version: "5.4.2", Details: {} }, { Name: "Conmon", Version: "" }]
          }),
        { onPing: (_, response) => pong(response, "1.41", "Libpod/5.4.2 (linux)") }
      )
      const backend = yield* Effect.provide(Backend.Backend, engine({ host: fake.host }))
      assert.strictEqual(backend.name, "podman")
      const health = yield* Backend.Backend.use(({ health }) => health).pipe(
        Effect.provide(engine({ host: fake.host }))
      )
      assert.deepStrictEqual(health, {
        name: "podman",
        version: "5.4.2",
        apiVersion: "1.41",
        os: "linux",
        architecture: "amd64",
        address: fake.host
      })
    }))
})

describe("answers", { timeout: 60_000 }, () => {
  it.live("one that is not of the API's form, and one that is not even JSON", () =>
    Effect.gen(function*() {
      const fake = yield* serve((_, response, path) =>
        path.includes("/a/") ? json(response, 200, { Id: 3 }) : response.end("{")
      )
      const inspect = (id: string) =>
        Effect.flip(Container.inspect(id)).pipe(Effect.provide(engine({ host: fake.host })))
      assert.strictEqual((yield* inspect("a")).reason._tag, "Protocol")
      assert.strictEqual((yield* inspect("b")).reason._tag, "Protocol")
    }))

  it.live("one that is cut off, in its head and in its body", () =>
    Effect.gen(function*() {
      const fake = yield* serve((request, response, path) => {
        if (path.includes("/a/")) return void request.socket.destroy()
        response.writeHead(200, { "Content-Length": "100" })
        response.write("{\"Id\":")
        setImmediate(() => request.socket.destroy())
      })
      const inspect = (id: string) =>
        Effect.flip(Container.inspect(id)).pipe(Effect.provide(engine({ host: fake.host })))
      assert.strictEqual((yield* inspect("a")).reason._tag, "Unavailable")
      assert.strictEqual((yield* inspect("b")).reason._tag, "Unavailable")
    }))

  it.live("one that does not come has a deadline, a creation too", () =>
    Effect.gen(function*() {
      const fake = yield* serve((request, response) => {
        if (request.method === "DELETE") response.writeHead(204).end()
      })
      const layer = engine({ host: fake.host, requestTimeout: 50 })
      const inspected = yield* Effect.flip(Container.inspect("a")).pipe(Effect.provide(layer))
      assert.strictEqual(inspected.reason._tag, "TimedOut")
      const run = Container.run(Container.make("alpine"))
      const error = yield* Effect.flip(run).pipe(Effect.provide(layer))
      assert.strictEqual(error._tag, "ContainerCreate")
      assert.strictEqual(error._tag === "ContainerCreate" && error.reason._tag, "TimedOut")
      // It may exist all the same, so it is removed by its name.
      assert.isTrue(fake.requests.some((request) => request.startsWith("DELETE /containers/effect-containers-")))
    }))

  it.live("what a container uses: a network's bytes of all interfaces, none without any", () =>
    Effect.gen(function*() {
      const used = {
        cpu_stats: { cpu_usage: { total_usage: 7 } },
        memory_stats: { usage: 9 },
        pids_stats: { current: 1 }
      }
      const networks = { eth0: { rx_bytes: 1, tx_bytes: 2 }, eth1: { rx_bytes: 30, tx_bytes: 40 } }
      const fake = yield* serve((_, response, path) =>
        json(response, 200, path.includes("/a/") ? { ...used, networks } : used)
      )
      const usage = (id: string) => Effect.provide(Container.usage(id), engine({ host: fake.host }))
      const { cpuTime, memory, networkReceived, networkSent } = yield* usage("a")
      assert.deepStrictEqual([cpuTime, memory, networkReceived, networkSent], [7n, 9, 31, 42])
      assert.strictEqual((yield* usage("b")).networkReceived, undefined)
    }))

  it.live("names go into a path as they are, and not as a path", () =>
    Effect.gen(function*() {
      const fake = yield* serve((_, response) => json(response, 404, { message: "No such container: x" }))
      yield* Effect.flip(Container.inspect("a?b#c d")).pipe(Effect.provide(engine({ host: fake.host })))
      assert.deepStrictEqual(fake.requests, ["GET /_ping", "GET /containers/a%3Fb%23c%20d/json"])
    }))
})

describe("pulling", { timeout: 60_000 }, () => {
  it.live("a name without a tag is the latest, not all", () =>
    Effect.gen(function*() {
      const fake = yield* serve((_, response) => response.end(line({ status: "Status: Image is up to date" })))
      const pull = (image: string) =>
        Stream.runDrain(Image.pull(image)).pipe(Effect.provide(engine({ host: fake.host })))
      yield* pull("gcc")
      yield* pull(`r.example/gcc:14@sha256:${"a".repeat(64)}`)
      assert.deepStrictEqual(fake.requests.filter((request) => !request.includes("_ping")), [
        "POST /images/create?fromImage=docker.io%2Flibrary%2Fgcc&tag=latest",
        `POST /images/create?fromImage=r.example%2Fgcc&tag=sha256%3A${"a".repeat(64)}`
      ])
    }))

  it.live("fails at the error inside of a success, after what came before", () =>
    Effect.gen(function*() {
      const fake = yield* serve((_, response) => {
        response.write(line({ status: "Pulling fs layer", progressDetail: {}, id: "a" }))
        response.write(line({ errorDetail: { message: "toomanyrequests: slow down" }, error: "toomanyrequests" }))
        response.end(line({ status: "Status: Downloaded" }))
      })
      const seen: Array<string> = []
      const error = yield* Image.pull("gcc").pipe(
        Stream.runForEach((status) => Effect.sync(() => seen.push(status.status))),
        Effect.flip,
        Effect.provide(engine({ host: fake.host }))
      )
      assert.deepStrictEqual(seen, ["Pulling fs layer"])
      assert.strictEqual(error._tag, "ClientPull")
      assert.strictEqual(error._tag === "ClientPull" && error.reason._tag, "ResourceExhausted")
    }))

  it.live("an answer that is cut off is no success", () =>
    Effect.gen(function*() {
      const fake = yield* serve((request, response) => {
        response.write(line({ status: "Pulling fs layer", progressDetail: {}, id: "a" }))
        setImmediate(() => request.socket.destroy())
      })
      const error = yield* Effect.flip(Stream.runDrain(Image.pull("gcc"))).pipe(
        Effect.provide(engine({ host: fake.host }))
      )
      assert.strictEqual(error._tag === "ClientPull" && error.reason._tag, "Unavailable")
      assert.strictEqual(error._tag === "ClientPull" && error.isRetryable, true)
    }))

  it.live("a line that is cut into bytes, and one that is not JSON", () =>
    Effect.gen(function*() {
      const fake = yield* serve((_, response) => {
        const bytes = Buffer.from(line({ status: "Grüße", id: "a" }))
        response.write(bytes.subarray(0, 15))
        setImmediate(() => {
          response.write(bytes.subarray(15))
          response.end("<html>\n")
        })
      })
      const seen: Array<string> = []
      const error = yield* Image.pull("gcc").pipe(
        Stream.runForEach((status) => Effect.sync(() => seen.push(status.status))),
        Effect.flip,
        Effect.provide(engine({ host: fake.host }))
      )
      assert.deepStrictEqual(seen, ["Grüße"])
      assert.strictEqual(error._tag === "ClientPull" && error.reason._tag, "Protocol")
    }))

  it.live("an interruption ends the request", () =>
    Effect.gen(function*() {
      const begun = yield* Deferred.make<void>()
      const ended = yield* Deferred.make<void>()
      const fake = yield* serve((request, response) => {
        response.write(line({ status: "Downloading", progressDetail: {}, id: "a" }))
        request.socket.on("close", () => Deferred.doneUnsafe(ended, Effect.void))
      })
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(
          Stream.runForEach(Image.pull("gcc"), () => Deferred.done(begun, Exit.void))
        )
        yield* Deferred.await(begun)
        yield* Fiber.interrupt(fiber)
        yield* Deferred.await(ended)
      }).pipe(Effect.provide(engine({ host: fake.host })))
    }))

  it.live("a push without credentials says so, as old engines insist", () =>
    Effect.gen(function*() {
      const fake = yield* serve((_, response) => response.end(line({ status: "Pushed", progressDetail: {}, id: "a" })))
      yield* Stream.runDrain(Image.push("r.example/a:1")).pipe(Effect.provide(engine({ host: fake.host })))
      assert.strictEqual(fake.requests.at(-1), "POST /images/r.example/a/push?tag=1")
      assert.strictEqual(fake.headers.at(-1)?.["x-registry-auth"], "e30=")
    }))

  it.live("credentials go into the header and nowhere else", () =>
    Effect.gen(function*() {
      const fake = yield* serve((_, response) => json(response, 401, { message: "unauthorized: bad password" }))
      const credentials = { username: "me", password: Redacted.make("s3cret") }
      const error = yield* Stream.runDrain(Image.pull("r.example/a", { credentials })).pipe(
        Effect.flip,
        Effect.provide(engine({ host: fake.host }))
      )
      assert.strictEqual(error._tag === "ClientPull" && error.reason._tag, "Unauthenticated")
      const header = fake.headers.at(-1)?.["x-registry-auth"]
      assert.deepStrictEqual(JSON.parse(Buffer.from(String(header), "base64url").toString()), {
        username: "me",
        password: "s3cret",
        serveraddress: "r.example"
      })
      const everything = `${JSON.stringify(error)} ${error.message} ${error.stack}`
      assert.notInclude(everything, "s3cret")
      assert.notInclude(everything, String(header))
    }))
})

describe("sending", { timeout: 60_000 }, () => {
  it.live("a context that fails ends the build with its own failure", () =>
    Effect.gen(function*() {
      const fake = yield* serve((request) => void request.resume())
      const context = Stream.concat(Stream.make(new Uint8Array(512)), Stream.fail("lost my disk" as const))
      const failure = yield* Backend.Backend.use((backend) =>
        Stream.runDrain(backend.build(context, {
          tag: "a",
          dockerfile: "Dockerfile",
          buildArgs: {},
          labels: {},
          noCache: false,
          pull: false
        }))
      ).pipe(Effect.flip, Effect.provide(engine({ host: fake.host })))
      assert.strictEqual(failure, "lost my disk")
      yield* eventually(() => fake.sockets.size === 0)
    }))

  it.live("a refusal that comes before all is sent is the failure", () =>
    Effect.gen(function*() {
      const fake = yield* serve((_, response) => json(response, 500, { message: "no space left on device" }))
      const endless = Stream.forever(Stream.make(new Uint8Array(65_536)))
      const error = yield* Effect.flip(Image.fromArchive(endless)).pipe(Effect.provide(engine({ host: fake.host })))
      assert.strictEqual(error.reason._tag, "ResourceExhausted")
      yield* eventually(() => fake.sockets.size === 0)
    }))

  it.live("a failing step is told, with where and the end of the log", () =>
    Effect.gen(function*() {
      const fake = yield* serve((request, response) => {
        request.resume()
        request.on("end", () => {
          response.write(line({ stream: "Step 1/2 : FROM busybox\n" }))
          response.write(line({ stream: "Step 2/2 : RUN false\n" }))
          response.write(line({ stream: "oh no\n" }))
          response.end(line({ errorDetail: { code: 1, message: "The command 'false' returned a non-zero code: 1" } }))
        })
      })
      const build = Image.build("a", BuildContext.fromDockerfile("FROM busybox\nRUN false\n"))
      const error = yield* Effect.flip(Stream.runDrain(build)).pipe(Effect.provide(engine({ host: fake.host })))
      assert.strictEqual(error._tag, "ImageBuildDockerfile")
      if (error._tag !== "ImageBuildDockerfile") return
      assert.deepStrictEqual(error.step, { number: 2, total: 2, instruction: "RUN false" })
      assert.deepStrictEqual([error.reason._tag, error.reason.code], ["Internal", 1])
      assert.include(error.log, "oh no")
    }))
})

describe("connections", { timeout: 60_000 }, () => {
  it.live("a run is four requests, and its connection is kept for the next", () =>
    Effect.gen(function*() {
      const id = "c".repeat(64)
      let attached: { readonly end: (bytes: Uint8Array) => void } | undefined
      const fake = yield* serve((request, response, path) => {
        request.resume()
        if (path.startsWith("/containers/create")) return json(response, 201, { Id: id, Warnings: null })
        if (path.endsWith("/start")) {
          response.writeHead(204).end()
          attached?.end(Logs.encode({ source: "stdout", bytes: new TextEncoder().encode("hello") }))
          return
        }
        if (path.includes("/wait")) return json(response, 200, { StatusCode: 0, Error: null })
        response.writeHead(204).end()
      }, {
        onUpgrade: (_, socket) => {
          socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
          attached = socket
        }
      })
      const output = yield* Container.string(Container.make("alpine")).pipe(Effect.provide(engine({ host: fake.host })))
      assert.strictEqual(output, "hello")
      assert.deepStrictEqual(
        fake.requests.map((request) => request.replace(/\?.*/, "").replaceAll(id, "ID")),
        [
          "GET /_ping",
          "POST /containers/create",
          "POST /containers/ID/attach",
          "POST /containers/ID/start",
          "POST /containers/ID/wait",
          "DELETE /containers/ID"
        ]
      )
      yield* eventually(() => fake.sockets.size === 0)
    }))

  it.live("a question that met a connection being closed is asked again, a creation is not", () =>
    Effect.gen(function*() {
      const met = new Set<string>()
      const fake = yield* serve((request, response, path) => {
        const key = `${request.method} ${path.replace(/\?.*/, "")}`
        if (met.has(key)) return json(response, 404, { message: "No such container: a" })
        met.add(key)
        request.socket.destroy()
      })
      const layer = engine({ host: fake.host })
      const inspected = yield* Effect.flip(Container.inspect("a")).pipe(Effect.provide(layer))
      assert.strictEqual(inspected.reason._tag, "NotFound")
      const run = yield* Effect.flip(Container.run(Container.make("alpine"))).pipe(Effect.provide(layer))
      assert.strictEqual(run._tag === "ContainerCreate" && run.reason._tag, "Unavailable")
    }))

  it.live("closing the layer closes all of them, also of what goes on", () =>
    Effect.gen(function*() {
      const fake = yield* serve((_, response) => void response.write(line({ status: "Pulling from a", id: "1" })))
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(engine({ host: fake.host }), scope)
      const seen = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(Image.pull("gcc"), () => Deferred.done(seen, Exit.void)).pipe(Effect.provideContext(context))
      )
      yield* Deferred.await(seen)
      assert.isAbove(fake.sockets.size, 0)
      yield* Scope.close(scope, Exit.void)
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.isFailure(exit))
      yield* eventually(() => fake.sockets.size === 0)
    }))

  const upgraded = (socket: Net.Socket) =>
    socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
  const frame = Logs.encode({ source: "stdout", bytes: new TextEncoder().encode("part") })

  const attached = (host: string, stdin: boolean) => {
    const seen: Array<string> = []
    const program = Backend.Backend.use((backend) =>
      Effect.scoped(Effect.gen(function*() {
        const { output, stdin: sink } = yield* backend.attach("a", { stdin, output: true, tty: false })
        if (stdin) yield* Effect.forkChild(Effect.ignore(Stream.run(Stream.make(new Uint8Array(1_000_000)), sink)))
        yield* Stream.runForEach(output, ({ bytes }) => Effect.sync(() => seen.push(new TextDecoder().decode(bytes))))
      }))
    )
    return Effect.map(Effect.exit(Effect.provide(program, engine({ host }))), (exit) => ({ exit, seen }))
  }

  const gone: Handler = (_, response) => json(response, 404, { message: "No such container" })

  it.live("output that ends in the middle of a frame is a failure, after what came", () =>
    Effect.gen(function*() {
      const fake = yield* serve(gone, {
        onUpgrade: (_, socket) => {
          upgraded(socket)
          socket.end(Buffer.concat([frame, frame.subarray(0, 5)]))
        }
      })
      const { exit, seen } = yield* attached(fake.host, false)
      assert.deepStrictEqual(seen, ["part"])
      const error = Option.getOrThrow(Exit.findErrorOption(exit))
      assert.strictEqual(
        error instanceof Errors.Protocol && error.message,
        "the output ended inside a frame's header, after 5 of 8 bytes"
      )
    }))

  it.live("a process that ends without reading its input loses none of its output", () =>
    Effect.gen(function*() {
      const fake = yield* serve(gone, {
        onUpgrade: (_, socket) => {
          upgraded(socket)
          // Input is waiting that nobody reads: closing the connection now resets it.
          setTimeout(() => {
            socket.write(frame, () => socket.destroy())
          }, 50)
        }
      })
      const { exit, seen } = yield* attached(fake.host, true)
      assert.deepStrictEqual(seen, ["part"])
      assert.deepStrictEqual(exit, Exit.void)
    }))
})
