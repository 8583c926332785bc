import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { Backend, Container, Ready } from "effect-containers"
import * as Memory from "effect-containers/layers/Memory"
import { TestClock } from "effect/testing"

const running = (name: string) => Effect.flatMap(Effect.succeed(Container.make(name)), Container.start)

describe("health checks", () => {
  it.effect("are waited for, by what the container's process says", () =>
    Effect.gen(function*() {
      const container = yield* running("db")
      const fiber = yield* Effect.forkChild(Ready.wait(container, Ready.healthcheck))
      yield* TestClock.adjust("2 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual((yield* container.inspect).health, { status: "healthy", output: "accepting" })
    }).pipe(Effect.provide(Memory.layer({
      images: [Memory.image("db", ({ health }) =>
        Effect.gen(function*() {
          yield* health("starting")
          yield* Effect.sleep("4 seconds")
          yield* health("healthy", "accepting")
          return yield* Effect.never
        }))]
    }))))

  it.effect("that say unhealthy end the waiting at once, and say what they wrote", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Ready.wait(yield* running("db"), Ready.healthcheck))
      assert(error._tag === "ContainerReady")
      assert.strictEqual(error.reason._tag, "Conflict")
      assert.strictEqual(error.health, "no disk")
      assert.deepStrictEqual(error.conditions, [
        { condition: "health check", holds: false, saw: "unhealthy: no disk" }
      ])
      assert.include(error.message, "Its last words:\nhelp")
    }).pipe(Effect.provide(Memory.layer({
      images: [Memory.image("db", ({ health, stdout }) =>
        stdout("help\n").pipe(Effect.andThen(health("unhealthy", "no disk")), Effect.andThen(Effect.never)))]
    }))))
})

describe("a container that ends before it is ready", () => {
  /** Each but the last of its readers gets the log a second late. */
  const late = Effect.map(Backend.Backend, (backend) => {
    let left = 1
    return Backend.Backend.of({
      ...backend,
      logs: (id, options) =>
        left-- > 0
          ? Stream.unwrap(Effect.as(Effect.sleep("1 second"), backend.logs(id, options)))
          : backend.logs(id, options)
    })
  })

  it.effect("is told of by all that it wrote, whichever of its logs was read first", () =>
    Effect.gen(function*() {
      const container = yield* running("db")
      const fiber = yield* Ready.wait(container, Ready.all(Ready.log("starting"), Ready.log("ready"))).pipe(
        Effect.provideServiceEffect(Backend.Backend, late),
        Effect.flip,
        Effect.forkChild
      )
      yield* TestClock.adjust("5 seconds")
      const error = yield* Fiber.join(fiber)
      assert(error._tag === "ContainerReady")
      assert.deepStrictEqual(error.conditions.map(({ condition, holds }) => [condition, holds]), [
        ["log \"starting\"", true],
        ["log \"ready\"", false]
      ])
    }).pipe(Effect.provide(Memory.layer({
      images: [Memory.image("db", ({ stdout }) => Effect.as(stdout("starting\n"), 3))]
    }))))
})

describe("a deadline", () => {
  it.effect("is kept on the clock of the program", () =>
    Effect.gen(function*() {
      const container = yield* running("db")
      const fiber = yield* Effect.forkChild(
        Effect.flip(Ready.wait(container, Ready.log("ready"), { within: "1 hour" }))
      )
      yield* TestClock.adjust("59 minutes")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 minute")
      const error = yield* Fiber.join(fiber)
      assert(error._tag === "ContainerReady")
      assert.strictEqual(error.reason._tag, "TimedOut")
      assert.isTrue(error.isRetryable)
      assert.strictEqual(error.state, "running")
    }).pipe(Effect.provide(Memory.layer({ images: [Memory.image("db", () => Effect.never)] }))))
})
