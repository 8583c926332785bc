import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as Memory from "effect-containers/layers/Memory"
import { TestClock } from "effect/testing"
import { gcc, pipeline } from "../../examples/testing-with-memory.ts"

const good = "FROM gcc:14\nRUN gcc app.c\n"

/**
 * Begins with a tick of the clock: `TestClock.adjust` waits until what it woke has come to rest, so from there on every
 * step of the pipeline takes place at its time.
 */
const begin = (dockerfile: string) => Effect.forkChild(Effect.delay(pipeline(dockerfile), "1 second"))

/** The pipeline, with as much time as it can want. */
const run = (dockerfile: string) =>
  Effect.gen(function*() {
    const fiber = yield* begin(dockerfile)
    yield* TestClock.adjust("1 hour")
    return yield* Fiber.join(fiber)
  })

const nothingIsLeft = Effect.gen(function*() {
  assert.deepStrictEqual(yield* (yield* Memory.Engine).containers, [])
})

const engine = (...faults: ReadonlyArray<Memory.Fault.Fault>) => Memory.layer({ registry: [gcc], faults })

describe("the pipeline", () => {
  it.effect("reports what the tests said", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* run(good), { passed: true, output: "test 1 ok\ntest 2 ok\n" })
      yield* nothingIsLeft
    }).pipe(Effect.provide(engine())))

  it.effect("takes exit code 1 for a test that failed", () =>
    Effect.gen(function*() {
      const report = yield* run(`${good}ENV BUG=1\n`)
      assert.deepStrictEqual(report, { passed: false, output: "test 1 ok\ntest 2 failed\n" })
    }).pipe(Effect.provide(engine())))

  it.effect("waits for a registry that is down", () =>
    Effect.gen(function*() {
      assert.isTrue((yield* run(good)).passed)
      const pulls = (yield* (yield* Memory.Engine).calls).filter(({ operation }) => operation === "pull")
      assert.deepStrictEqual(pulls.map(({ at }) => at / 1000), [1, 61, 121])
    }).pipe(Effect.provide(engine(
      Memory.Fault.refuse("pull", "Unavailable", { times: 1 }),
      Memory.Fault.failPull(3, { times: 1 })
    ))))

  it.effect("does not wait for what will not come", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(pipeline(good))
      assert(error._tag === "ImagePull")
      assert.strictEqual(error.reason._tag, "Unauthenticated")
    }).pipe(Effect.provide(engine(Memory.Fault.refuse("pull", "Unauthenticated")))))

  it.effect("says at which step a build failed, and how", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(pipeline("FROM gcc:14\nRUN gcc app.c\nRUN gcc -Wrong\n"))
      assert(error._tag === "ImageBuildDockerfile")
      assert.deepStrictEqual(error.step, { number: 3, total: 3, instruction: "RUN gcc -Wrong" })
      assert.strictEqual(error.reason.code, 4)
      assert.include(error.log, "gcc: unrecognized option\n")
    }).pipe(Effect.provide(engine())))

  it.effect("does not take half a log for a report", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(run(good))
      assert(error._tag === "ContainerLogs")
      assert.strictEqual(error.reason._tag, "Unavailable")
      yield* nothingIsLeft
    }).pipe(Effect.provide(engine(Memory.Fault.cutOutput("attach", 12)))))

  it.effect("leaves nothing when it is interrupted", () =>
    Effect.gen(function*() {
      const fiber = yield* begin(good)
      yield* TestClock.adjust("5 minutes")
      const [container] = yield* (yield* Memory.Engine).containers
      assert.strictEqual(container?.state, "running")
      yield* Fiber.interrupt(fiber)
      yield* nothingIsLeft
    }).pipe(Effect.provide(engine())))
})
