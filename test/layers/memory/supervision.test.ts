import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Backend, Container, type ContainerConfig } from "effect-containers"
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
