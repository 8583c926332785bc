import * as Effect from "effect/Effect"
import type { Backend } from "../../Backend.ts"
import * as Container from "../../Container.ts"
import type * as Errors from "../../Errors.ts"
import * as Ready from "../../Ready.ts"
import { type Case, group, job, mostly, needs, part } from "../case.ts"
import { equal, fails } from "../expect.ts"
import { Fixture } from "../fixture.ts"

const it = group("ready")

const started = (command: string | ReadonlyArray<string>) => Effect.flatMap(job(command), Container.start)

/** A server that takes a while; with the port that it listens on published. */
const server = Effect.map(
  job("echo hello > /tmp/index.html; sleep 0.5; exec httpd -f -p 8080 -h /tmp"),
  Container.port(8080, { hostIp: "0.0.0.0" })
)

/** Not ready; before the deadline, unless that is why. */
const never = Effect.fnUntraced(function*(
  container: Container.ContainerHandle,
  ready: Ready.Ready,
  expected: { readonly reason: string; readonly names?: ReadonlyArray<string> }
) {
  return yield* fails(
    Ready.wait(container, ready, { within: expected.reason === "TimedOut" ? "1 second" : "1 minute" }),
    {
      tag: "ContainerReady",
      id: container.id,
      ...expected
    }
  )
})

const seen = (error: Errors.ContainerOptions | Errors.ContainerReady) =>
  error._tag === "ContainerReady" ? error.conditions.map(({ condition, holds }) => [condition, holds]) : []

const inside = (ready: (container: Container.ContainerHandle) => Effect.Effect<unknown, unknown, Backend>) =>
  part(
    "exec",
    Effect.flatMap(started("sleep 600"), (container) => Container.execString(container, ["true"])),
    Effect.flatMap(started("sleep 0.3; echo x > /tmp/up; sleep 600"), ready)
  )

export const cases: ReadonlyArray<Case> = [
  it(
    "by what it writes",
    Effect.gen(function*() {
      const container = yield* started("sleep 0.2; echo up 1; echo down >&2; sleep 0.2; echo up 2; sleep 600")
      yield* Ready.wait(container, Ready.log(/^up \d$/, { times: 2 }))
      // What was written before counts too, and an id will do.
      yield* Ready.wait(container.id, Ready.log("down", { source: "stderr" }))
      yield* never(container, Ready.log("down", { source: "stdout" }), { reason: "TimedOut", names: ["up 2"] })
    })
  ),
  it(
    "by a server's port and answer",
    Effect.flatMap(server, (self) =>
      needs("ports", self, (self) =>
        Effect.gen(function*() {
          const container = yield* Container.start(self)
          yield* Ready.wait(container, Ready.port(8080))
          yield* Ready.wait(container, Ready.http("/index.html", { port: 8080, body: /^hello$/m }))
          yield* Ready.wait(container, Ready.http("/nothing", { port: 8080, status: 404 }))
          yield* never(container, Ready.http("/nothing", { port: 8080 }), { reason: "TimedOut", names: ["404"] })
        })))
  ),
  it(
    "a port at which nobody listens",
    Effect.flatMap(
      job("sleep 600"),
      (self) =>
        needs("ports", Container.port(self, 8080, { hostIp: "0.0.0.0" }), (self) =>
          Effect.gen(function*() {
            const container = yield* Container.start(self)
            const error = yield* never(container, Ready.port(8080), {
              reason: "TimedOut",
              names: ["port 8080", "refused"]
            }).pipe(
              Effect.catchTag("Mismatch", () =>
                // The engine's own proxy takes the connection and lets it go.
                never(container, Ready.port(8080), { reason: "TimedOut", names: ["port 8080", "closed"] }))
            )
            yield* equal("conditions", seen(error), [["port 8080", false]])
          }))
    )
  ),
  it(
    "a port that is not published",
    Effect.gen(function*() {
      const container = yield* started("sleep 600")
      yield* never(container, Ready.port(8080), { reason: "InvalidArgument", names: ["8080", "not published"] })
    })
  ),
  it(
    "by a command in it",
    inside((container) =>
      Effect.gen(function*() {
        yield* Ready.wait(container, Ready.exec(["cat", "/tmp/up"]))
        yield* Ready.wait(container, Ready.exec("cat /tmp/up | grep $A", { env: { A: "x" } }))
        yield* never(container, Ready.exec("echo no; exit 3"), { reason: "TimedOut", names: ["3", "no"] })
      })
    )
  ),
  it(
    "by its end",
    Effect.gen(function*() {
      const container = yield* started("echo migrated; exit 0")
      yield* Ready.wait(container, Ready.all(Ready.exited(), Ready.log("migrated")))
      const failed = yield* started("sleep 0.2; exit 3")
      yield* Ready.wait(failed, Ready.exited(3))
      const error = yield* never(failed, Ready.exited(0), { reason: "Conflict", names: ["3"] })
      yield* equal("state", error._tag === "ContainerReady" && error.state, "exited")
    })
  ),
  it(
    "one that ends before it is ready",
    Effect.gen(function*() {
      const container = yield* started("echo starting; sleep 0.3; echo no memory for me >&2; exit 3")
      const error = yield* never(container, Ready.all(Ready.log("starting"), Ready.log("ready")), {
        reason: "Conflict",
        names: ["3", "no memory for me", "log \"ready\": no"]
      })
      yield* equal("conditions", seen(error), [["log \"starting\"", true], ["log \"ready\"", false]])
      yield* equal("lastLines", error._tag === "ContainerReady" && error.lastLines, "starting\nno memory for me\n")
    })
  ),
  it(
    "one that runs out of memory",
    Effect.gen(function*() {
      const self = Container.memory(yield* job(["tail", "/dev/zero"]), "16 MiB")
      yield* needs("memoryLimit", self, (self) =>
        mostly(
          "it may miss that memory ran out",
          Effect.gen(function*() {
            const { ways = [] } = yield* Fixture
            const why = ways.includes("it never says that memory ran out") ? "SIGKILL" : "memory"
            yield* never(yield* Container.start(self), Ready.log("ready"), { reason: "Conflict", names: [why] })
          })
        ))
    })
  ),
  it(
    "one of several, and what must not be",
    Effect.gen(function*() {
      const container = yield* started("sleep 0.2; echo up; sleep 600")
      yield* Ready.wait(container, Ready.any(Ready.log("never"), Ready.log("up")))
      yield* Ready.wait(container, Ready.all(Ready.log("up"), Ready.not(Ready.log("error"))))
      const error = yield* never(
        container,
        Ready.all(Ready.any(Ready.log("a"), Ready.log("b")), Ready.not(Ready.log("up"))),
        {
          reason: "Conflict"
        }
      )
      yield* equal("conditions", seen(error), [["log \"a\"", false], ["log \"b\"", false], ["log \"up\"", true]])
    })
  ),
  it(
    "one without a health check",
    Effect.gen(function*() {
      const container = yield* started("sleep 600")
      yield* never(container, Ready.healthcheck, { reason: "Unsupported", names: ["health check"] })
    })
  ),
  it(
    "one that is not there, and what is no condition",
    Effect.gen(function*() {
      yield* fails(Ready.wait("efc-no-such-container", Ready.log("x")), {
        tag: "ContainerReady",
        reason: "NotFound",
        id: "efc-no-such-container"
      })
      for (
        const bad of [Ready.port(0), Ready.http("x"), Ready.log("x", { times: 0 }), Ready.exec([]), Ready.exited(300)]
      ) {
        yield* fails(Ready.wait("efc-no-such-container", bad), { tag: "ContainerOptions", field: "ready" })
      }
    })
  )
]
