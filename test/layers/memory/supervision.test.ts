import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { Backend, Container, type ContainerConfig, ExitStatus, Network } from "effect-containers"
import * as Memory from "effect-containers/layers/Memory"
import { TestClock } from "effect/testing"

const unchecked = (healthcheck: ContainerConfig.Healthcheck): ContainerConfig.ContainerConfig => ({
  image: "app",
  env: [],
  labels: {},
  networks: [],
  mounts: [],
  resources: {},
  ports: [],
  tty: false,
  stdin: false,
  init: false,
  readOnlyRoot: false,
  privileged: false,
  capAdd: [],
  capDrop: [],
  noNewPrivileges: false,
  devices: [],
  healthcheck
})

describe("a health check", () => {
  it.effect("that cannot be made is one that fails", () =>
    Effect.gen(function*() {
      const backend = yield* Backend.Backend
      const id = yield* backend.create(
        unchecked({ command: [], interval: 1000, timeout: 1000, startPeriod: 0, retries: 2 })
      )
      yield* backend.start(id)
      const health = Effect.map(backend.inspect(id), (info) => info.health)
      assert.deepStrictEqual(yield* health, { status: "starting" })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* health, { status: "starting", output: "no command" })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* health, { status: "unhealthy", output: "no command" })
    }).pipe(Effect.provide(Memory.layer({ images: [Memory.image("app", () => Effect.never)] }))))

  it.effect("that the end of its container cuts off says nothing", () =>
    Effect.gen(function*() {
      const container = yield* Container.start(
        Container.healthcheck(Container.make("app"), ["slow"], { interval: "1 second", retries: 1 })
      )
      yield* TestClock.adjust("2 seconds")
      yield* container.kill({ killSignal: "SIGKILL" })
      yield* TestClock.adjust("1 minute")
      const { health, state } = yield* container.inspect
      assert.deepStrictEqual([state, health], ["exited", { status: "starting" }])
    }).pipe(Effect.provide(Memory.layer({
      images: [Memory.image("app", () => Effect.never, { exec: () => Effect.never })]
    }))))

  it.effect("that is due when its container ends says nothing", () =>
    Effect.gen(function*() {
      const container = yield* Container.start(
        Container.healthcheck(Container.make("app"), ["check"], { interval: "1 second", retries: 1 })
      )
      yield* TestClock.adjust("1 minute")
      const { health, state } = yield* container.inspect
      assert.deepStrictEqual([state, health], ["exited", { status: "starting" }])
    }).pipe(Effect.provide(Memory.layer({
      images: [Memory.image("app", () => Effect.as(Effect.sleep("1 second"), 0), { exec: () => 0 })]
    }))))
})

describe("one that cannot be started again has exited as it last did, and it is said", () => {
  const watched = <E, R>(program: (said: ReadonlyArray<string>) => Effect.Effect<void, E, R>) => {
    const said: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => void said.push(`${logLevel} ${String(message)}`))
    return Effect.provide(program(said), Logger.layer([logger]))
  }
  const always = Container.restart(Container.make("app"), "always")

  it.effect("as its program is gone", () => {
    let runs = 0
    const recipe: Memory.Recipe = () => {
      runs++
      return runs === 1
        ? Effect.as(Effect.sleep("1 second"), 3)
        : new ExitStatus.StartFailed({ issue: "not found" })
    }
    return watched((said) =>
      Effect.gen(function*() {
        const { id, inspect } = yield* Container.start(Container.command(always, ["job"]))
        yield* TestClock.adjust("1 second")
        const before = yield* inspect
        assert.strictEqual(before.state, "restarting")
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(runs, 2)
        const { exit, finishedAt, restartCount, startedAt, state } = yield* inspect
        assert.deepStrictEqual([state, exit, restartCount], ["exited", new ExitStatus.Exited({ code: 3 }), 1])
        assert.deepStrictEqual([startedAt, finishedAt], [before.startedAt, before.finishedAt])
        assert.deepStrictEqual(said, [
          `Warn container ${id} could not be started again: the executable "job" is not found in the container`
        ])
      })
    ).pipe(Effect.provide(Memory.layer({ images: [Memory.image("app", recipe)] })))
  })

  it.effect("as its network is gone", () =>
    watched((said) =>
      Effect.gen(function*() {
        const backend = yield* Backend.Backend
        const network = yield* Network.make({ name: "net" })
        const { id, inspect } = yield* Container.start(Container.network(always, network))
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* inspect).state, "restarting")
        yield* backend.removeNetwork("net")
        yield* TestClock.adjust("1 minute")
        const { exit, state } = yield* inspect
        assert.deepStrictEqual([state, exit], ["exited", new ExitStatus.Exited({ code: 3 })])
        assert.deepStrictEqual(said, [`Warn container ${id} could not be started again: there is no network net`])
        // Somebody else may put it right.
        yield* backend.createNetwork({ name: "net", internal: false, ipv6: false, options: {}, labels: {} })
        yield* backend.start(id)
        assert.strictEqual((yield* inspect).state, "running")
      })
    ).pipe(Effect.provide(Memory.layer({
      images: [Memory.image("app", () => Effect.as(Effect.sleep("1 second"), 3))]
    }))))
})
