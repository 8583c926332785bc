import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Container from "../../Container.ts"
import * as Ready from "../../Ready.ts"
import { type Case, group, isGone, job, needs, tracked, until } from "../case.ts"
import { equal, fails, holds } from "../expect.ts"
import { Fixture } from "../fixture.ts"

const it = group("supervision")

const often = { interval: "100 millis", timeout: "30 seconds" } as const

/** What it has written by now. */
const written = (id: string) =>
  Container.logs(id).pipe(Stream.map(({ bytes }) => bytes), Stream.decodeText, Stream.mkString)

export const cases: ReadonlyArray<Case> = [
  it(
    "a health check that comes to be well",
    Effect.gen(function*() {
      const self = Container.healthcheck(
        yield* job(["sleep", "600"]),
        "cat /tmp/up && echo $A",
        { ...often, retries: 1000 }
      )
      yield* needs("healthcheck", Container.variable(self, "A", "fine"), (self) =>
        Effect.gen(function*() {
          const container = yield* Container.start(self)
          yield* equal("at first", (yield* container.inspect).health?.status, "starting")
          yield* Container.execRun(container, "echo x > /tmp/up")
          yield* Ready.wait(container, Ready.healthcheck)
          yield* equal("its health", (yield* container.inspect).health, { status: "healthy", output: "x\nfine\n" })
        }))
    })
  ),
  it(
    "a health check that fails as often as it may",
    Effect.gen(function*() {
      const self = Container.healthcheck(yield* job(["sleep", "600"]), ["cat", "/efc-no-such-file"], {
        ...often,
        retries: 2
      })
      yield* needs("healthcheck", self, (self) =>
        Effect.gen(function*() {
          const container = yield* Container.start(self)
          yield* fails(Ready.wait(container, Ready.healthcheck), {
            tag: "ContainerReady",
            reason: "Conflict",
            id: container.id,
            names: ["unhealthy", "efc-no-such-file"]
          })
          yield* equal("its health", (yield* container.inspect).health?.status, "unhealthy")
          yield* equal("that it runs on", yield* container.isRunning, true)
        }))
    })
  ),
  it(
    "a health check that fails while it may, in the beginning",
    Effect.gen(function*() {
      const self = Container.healthcheck(yield* job(["sleep", "600"]), ["cat", "/tmp/up"], {
        ...often,
        retries: 1,
        startPeriod: "1 minute"
      })
      yield* needs(
        "healthcheck",
        self,
        (self) =>
          Effect.gen(function*() {
            const container = yield* Container.start(self)
            const { health } = yield* until(
              container.inspect,
              ({ health }) => health?.output?.includes("cat:") === true
            )
            yield* equal("after a failure", health?.status, "starting")
            yield* Container.execRun(container, "echo x > /tmp/up")
            yield* Ready.wait(container, Ready.healthcheck)
          })
      )
    })
  ),
  it(
    "one that fails is started again as often as it may be",
    Effect.gen(function*() {
      const self = Container.restart(yield* job("echo run; exit 3"), "on-failure", { maximumRetryCount: 2 })
      yield* needs("restart", self, (self) =>
        Effect.gen(function*() {
          const { id, inspect } = yield* Container.start(self)
          const { exit, restartCount } = yield* until(
            inspect,
            ({ restartCount, state }) => state === "exited" && restartCount === 2
          )
          yield* equal("how it ended", exit?._tag === "Exited" && exit.code, 3)
          yield* equal("how often it was started again", restartCount, 2)
          yield* equal("what it wrote", yield* written(id), "run\nrun\nrun\n")
        }))
    })
  ),
  it(
    "one that ends well is not started again for a failure",
    Effect.gen(function*() {
      const self = Container.restart(yield* job("echo run"), "on-failure")
      yield* needs("restart", self, (self) =>
        Effect.gen(function*() {
          const { id, inspect } = yield* Container.start(self)
          yield* until(inspect, ({ state }) => state === "exited")
          yield* Effect.sleep("500 millis")
          const { restartCount, state } = yield* inspect
          yield* equal("state and restarts", [state, restartCount], ["exited", 0])
          yield* equal("what it wrote", yield* written(id), "run\n")
        }))
    })
  ),
  it(
    "one that is always started again, until it is stopped",
    Effect.gen(function*() {
      const self = Container.restart(yield* job("echo run; sleep 0.2"), "always")
      yield* needs("restart", self, (self) =>
        Effect.gen(function*() {
          const { id, inspect, stop } = yield* Container.start(self)
          // Counted before it writes.
          yield* until(inspect, ({ restartCount = 0 }) => restartCount >= 2)
          yield* until(written(id), (text) => text.split("\n").length > 3)
          yield* stop({ grace: 0 })
          const text = yield* written(id)
          yield* Effect.sleep("1 second")
          yield* equal("its state", (yield* inspect).state, "exited")
          yield* equal("what it wrote since", yield* written(id), text)
        }))
    })
  ),
  it(
    "one that is stopped between its end and its next start",
    Effect.gen(function*() {
      const self = Container.restart(yield* job("sleep 0.05"), "always")
      yield* needs("restart", self, (self) =>
        Effect.gen(function*() {
          const states = yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], (n) =>
            Effect.gen(function*() {
              const { inspect, stop } = yield* Container.start(self)
              yield* until(inspect, ({ restartCount = 0 }) => restartCount >= 1)
              yield* Effect.sleep(n * 37)
              yield* stop({ grace: 0 })
              yield* Effect.sleep("2 seconds")
              return (yield* inspect).state
            }), { concurrency: 4 })
          yield* equal("their states", new Set(states), new Set(["exited"]))
        }))
    })
  ),
  it(
    "a log of which so much is kept",
    Effect.gen(function*() {
      // Each line has 100 bytes.
      const self = Container.logDriver(
        yield* job("seq 1 1000 | while read n; do printf '%099d\\n' $n; done"),
        "json-file",
        { "max-size": "10k" }
      )
      yield* needs("logDriver", self, (self) =>
        Effect.gen(function*() {
          const container = yield* Container.start(self)
          yield* container.exitCode
          const lines = (yield* written(container.id)).trimEnd().split("\n")
          yield* equal("its last line", Number(lines.at(-1)), 1000)
          yield* holds("a part of what it wrote", lines.length < 200, lines.length)
        }))
    })
  ),
  it(
    "output that nobody keeps",
    Effect.gen(function*() {
      const self = Container.logDriver(yield* job("echo hello"), "none")
      yield* needs("logDriver", self, (self) =>
        Effect.gen(function*() {
          const { ways = [] } = yield* Fixture
          if (ways.includes("what nobody keeps nobody reads")) {
            return yield* fails(Container.run(self), {
              tag: "ContainerCreate",
              reason: "Unsupported",
              names: ["logDriver"]
            })
          }
          yield* equal("what a run reads", yield* Container.string(self), "hello\n")
          const container = yield* Container.start(self)
          yield* container.exitCode
          yield* fails(written(container.id), { tag: "ContainerLogs", reason: "Unsupported", id: container.id })
        }))
    })
  ),
  it(
    "a log driver that there is not",
    Effect.gen(function*() {
      const self = Container.logDriver(yield* job(["true"]), "efc-no-such-driver")
      yield* needs("logDriver", self, (self) =>
        Effect.gen(function*() {
          const { container, found } = yield* tracked(self)
          yield* fails(Container.run(container), {
            tag: "ContainerCreate",
            reason: "InvalidArgument",
            names: ["efc-no-such-driver"]
          })
          yield* isGone(found)
        }))
    })
  )
]
