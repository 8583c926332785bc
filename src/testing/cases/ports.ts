import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { Backend, type Endpoint } from "../../Backend.ts"
import * as Container from "../../Container.ts"
import * as Ready from "../../Ready.ts"
import { type Case, group, job, needs, unique } from "../case.ts"
import { equal, fails, holds } from "../expect.ts"

const it = group("ports")

class Unanswered extends Data.TaggedError("Unanswered")<{ readonly cause: unknown }> {}

/** What a server at this address says. */
const ask = ({ host, port }: Endpoint, path: string) =>
  Effect.tryPromise({
    try: () => fetch(`http://${host}:${port}${path}`, { headers: { connection: "close" } }).then((r) => r.text()),
    catch: (cause) => new Unanswered({ cause })
  })

const server = (says: string) =>
  Effect.map(
    job(`echo ${says} > /tmp/index.html; exec httpd -f -p 8080 -h /tmp`),
    Container.port(8080, { hostIp: "0.0.0.0" })
  )

export const cases: ReadonlyArray<Case> = [
  it(
    "a server is reached",
    Effect.flatMap(server("hello"), (self) =>
      needs("ports", self, (self) =>
        Effect.gen(function*() {
          const container = yield* Container.start(self)
          yield* Ready.wait(container, Ready.port(8080))
          const endpoint = yield* container.port(8080)
          // Without addresses of one's choice it is reached at those of the machine that it runs on.
          const { capabilities } = yield* Backend
          if (capabilities.portAddresses) {
            yield* equal("host", endpoint.host, container.host)
            yield* fails(container.port(8080, { family: "IPv6" }), {
              tag: "ContainerInspect",
              reason: "InvalidArgument",
              id: container.id,
              names: ["8080/tcp", "IPv6"]
            })
          }
          yield* equal("answer", yield* ask(endpoint, "/index.html"), "hello\n")
          yield* equal("port of IPv4", (yield* container.port(8080, { family: "IPv4" })).port, endpoint.port)
          yield* fails(container.port(8080, { protocol: "udp" }), {
            tag: "ContainerInspect",
            reason: "InvalidArgument",
            id: container.id,
            names: ["8080/udp", "8080/tcp"]
          })
          yield* container.stop({ grace: 0 })
          yield* fails(container.port(8080), { tag: "ContainerInspect", reason: "InvalidArgument" })
        })))
  ),
  it(
    "two servers of one port",
    Effect.flatMap(server("one"), (one) =>
      needs("ports", one, (one) =>
        Effect.gen(function*() {
          const containers = [yield* Container.start(one), yield* Container.start(yield* server("two"))]
          const answers = yield* Effect.forEach(containers, (container) =>
            Effect.gen(function*() {
              yield* Ready.wait(container, Ready.http("/index.html", { port: 8080 }))
              return yield* ask(yield* container.port(8080), "/index.html")
            }))
          yield* equal("answers", answers, ["one\n", "two\n"])
        })))
  ),
  it(
    "a port of UDP, and one of the engine's own machine",
    Effect.flatMap(job("sleep 600"), (self) =>
      needs(
        ["ports", "portAddresses"],
        self.pipe(
          Container.port(53, { protocol: "udp", hostIp: "0.0.0.0" }),
          Container.port(80)
        ),
        (self) =>
          Effect.gen(function*() {
            const container = yield* Container.start(self)
            const { host, port } = yield* container.port(53, { protocol: "udp" })
            yield* equal("host", host, (yield* Backend).host)
            yield* holds("port", port > 0, port)
            // Whether that machine is this one depends on the engine.
            yield* container.host === "127.0.0.1"
              ? Effect.flatMap(container.port(80), ({ host }) => equal("host", host, "127.0.0.1"))
              : fails(container.port(80), { reason: "InvalidArgument", names: ["127.0.0.1", container.host] })
          })
      ))
  ),
  it(
    "a container that somebody else started",
    Effect.gen(function*() {
      const name = yield* unique("mine")
      const owner = yield* Effect.flatMap(
        job("trap 'echo again' USR1; echo hello; while :; do sleep 0.02; done"),
        (self) => Container.start(Container.name(self, name))
      )
      yield* Effect.scoped(Effect.gen(function*() {
        const found = yield* Container.get(name)
        yield* equal("found", [found.id, found.name, found.image], [owner.id, name, owner.image])
        yield* Ready.wait(found, Ready.log("hello"))
        // What it writes from now on comes too, and input is whoever's who started it.
        const later = yield* Effect.forkChild(
          found.stdout.pipe(Stream.decodeText, Stream.splitLines, Stream.take(2), Stream.runCollect)
        )
        yield* (yield* Backend).signal(found.id, "SIGUSR1")
        yield* equal("its output", yield* Fiber.join(later), ["hello", "again"])
        yield* fails(Stream.run(Stream.make(new Uint8Array(1)), found.stdin), {
          tag: "ContainerAttach",
          reason: "Unsupported"
        })
      }))
      yield* equal("isRunning", yield* owner.isRunning, true)
      const byId = yield* Container.get(owner.id)
      yield* byId.kill({ killSignal: "SIGKILL" })
      yield* equal("exitCode", yield* byId.exitCode, 137)
      yield* fails(Container.get("efc-no-such-container"), { tag: "ContainerInspect", reason: "NotFound" })
    })
  )
]
