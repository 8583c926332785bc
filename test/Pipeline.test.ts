import { assert, describe, it } from "@effect/vitest"
import { Data, Effect, Exit, Fiber, Ref } from "effect"
import { Pipeline } from "effect-containers"
import { TestClock } from "effect/testing"

class Away extends Data.TaggedError("Away")<{ readonly isRetryable: boolean }> {
  override get message(): string {
    return "nobody is there\nand more"
  }
}

/** Runs it with as much time as it can want. */
const run = <A, E>(self: Effect.Effect<A, E, Pipeline.Pipeline>, options?: Pipeline.Options) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(Effect.delay(Pipeline.observe(self, options), "1 second"))
    yield* TestClock.adjust("1 hour")
    return yield* Fiber.join(fiber)
  })

/** Fails so often, then succeeds. */
const failing = (times: number, error: Away) =>
  Effect.map(
    Ref.make(0),
    (count) => Effect.filterOrFail(Ref.getAndUpdate(count, (n) => n + 1), (n) => n >= times, () => error)
  )

describe("a pipeline", () => {
  it.effect("tries again what says that it is worth it, later and later, and tells how often", () =>
    Effect.gen(function*() {
      const work = yield* failing(3, new Away({ isRetryable: true }))
      const [exit, steps] = yield* run(Pipeline.step(work, "work", { note: (n) => `n is ${n}\nand more` }))
      assert.deepStrictEqual(exit, Exit.succeed(3))
      assert.deepStrictEqual(steps, [{
        name: "work",
        outcome: "ok",
        attempts: 4,
        milliseconds: 7000,
        message: "n is 3"
      }])
    }))

  it.effect("does not try again what does not, nor more often than it may", () =>
    Effect.gen(function*() {
      const never = yield* failing(9, new Away({ isRetryable: false }))
      const [, [first]] = yield* run(Pipeline.step(never, "never"))
      const message = "nobody is there"
      assert.deepStrictEqual(first, { name: "never", outcome: "failed", attempts: 1, milliseconds: 0, message })
      const often = yield* failing(9, new Away({ isRetryable: true }))
      const [exit, [second]] = yield* run(Pipeline.step(often, "often", { retries: 1, delay: "2 seconds" }))
      assert.isTrue(Exit.isFailure(exit))
      assert.deepStrictEqual(second, { name: "often", outcome: "failed", attempts: 2, milliseconds: 2000, message })
      const chosen = yield* failing(1, new Away({ isRetryable: false }))
      const [, [third]] = yield* run(Pipeline.step(chosen, "chosen", { while: ({ _tag }) => _tag === "Away" }))
      assert.strictEqual(third?.attempts, 2)
    }))

  it.effect("a step that takes too long fails, and is interrupted", () =>
    Effect.gen(function*() {
      const ended = yield* Ref.make(false)
      const long = Effect.onInterrupt(Effect.never, () => Ref.set(ended, true))
      const [exit, [step]] = yield* run(Pipeline.step(long, "long", { within: "5 seconds" }))
      assert.strictEqual(Exit.isFailure(exit) && step?.outcome, "failed")
      assert.strictEqual(step?.milliseconds, 5000)
      assert.isTrue(yield* Ref.get(ended))
    }))

  it.effect("so many run at once, and a step within one needs no place", () =>
    Effect.gen(function*() {
      const running = yield* Ref.make({ now: 0, most: 0 })
      const work = Effect.acquireUseRelease(
        Ref.update(running, ({ most, now }) => ({ now: now + 1, most: Math.max(most, now + 1) })),
        () => Effect.sleep("1 second"),
        () => Ref.update(running, ({ most, now }) => ({ now: now - 1, most }))
      )
      const outer = (n: number) => Pipeline.step(Pipeline.step(work, `inner ${n}`), `outer ${n}`)
      const all = Effect.forEach([1, 2, 3, 4, 5], outer, { concurrency: "unbounded" })
      const [exit, steps] = yield* run(all, { concurrency: 2 })
      assert.isTrue(Exit.isSuccess(exit))
      assert.strictEqual((yield* Ref.get(running)).most, 2)
      assert.strictEqual(steps.length, 10)
      assert.isTrue(steps.every(({ milliseconds, outcome }) => outcome === "ok" && milliseconds === 1000))
    }))

  it.effect("says at its end what became of each step, also of those that were interrupted or never began", () =>
    Effect.gen(function*() {
      const said = yield* Ref.make("")
      const summary = (steps: ReadonlyArray<Pipeline.Step>) => Ref.set(said, Pipeline.render(steps))
      const steps = Effect.all([
        Pipeline.step(Effect.never, "a"),
        Pipeline.step(Effect.never, "waits"),
        Effect.delay(Effect.fail("enough"), "3 seconds")
      ], { concurrency: "unbounded" })
      const fiber = yield* Effect.forkChild(Effect.flip(Pipeline.run(steps, { concurrency: 1, summary })))
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(yield* Fiber.join(fiber), "enough")
      assert.strictEqual(yield* Ref.get(said), "a      3.00 s  interrupted\nwaits  0.00 s  interrupted\n")
    }))
})
