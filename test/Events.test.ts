import { assert, describe, it } from "@effect/vitest"
import { Backend, Capabilities, Errors, Events } from "effect-containers"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"

const event = (time: number, id: string): Backend.EngineEvent => ({
  type: "container",
  action: "start",
  id,
  attributes: {},
  time: DateTime.makeUnsafe(time)
})

const lost = new Errors.Unavailable({ operation: "events", message: "the connection is gone" })

/** An engine whose connections tell what is given, one after the other, and are then cut. */
const engine = (
  connections: ReadonlyArray<ReadonlyArray<Backend.EngineEvent>>,
  capabilities: Capabilities.Capabilities = Capabilities.all
) => {
  const asked: Array<number | undefined> = []
  const layer = Backend.layer({
    name: "test",
    capabilities,
    events: ({ since }) =>
      Stream.suspend(() => {
        const told = connections[asked.length] ?? []
        asked.push(since === undefined ? undefined : DateTime.toEpochMillis(since))
        return Stream.concat(Stream.fromIterable(told), Stream.fail(lost))
      })
  })
  return { asked, layer }
}

const collected = (options?: Events.StreamOptions) =>
  Effect.gen(function*() {
    const seen: Array<string> = []
    const fiber = yield* Events.stream(options).pipe(
      Stream.runForEach(({ id }) => Effect.sync(() => seen.push(id))),
      Effect.flip,
      Effect.forkChild
    )
    yield* TestClock.adjust("5 minutes")
    return { seen, error: yield* Fiber.join(fiber) }
  })

describe("what happens in an engine", () => {
  const [a, b, c] = [event(10_000, "a"), event(10_500, "b"), event(20_000, "c")]

  it.effect("goes on where a lost connection has left it, once each", () => {
    const { asked, layer } = engine([[a, b], [], [a, b, c], [b, c]])
    return Effect.gen(function*() {
      const { error, seen } = yield* collected()
      assert.deepStrictEqual(seen, ["a", "b", "c"])
      assert.deepStrictEqual(asked.slice(0, 4), [undefined, 9500, 9500, 19_000])
      assert.strictEqual(error.reason._tag, "Unavailable")
    }).pipe(Effect.provide(layer))
  })

  it.effect("is told to be incomplete when the engine has forgotten", () => {
    const { asked, layer } = engine([[a, b], [c]])
    return Effect.gen(function*() {
      const { error, seen } = yield* collected()
      assert.deepStrictEqual(seen, ["a", "b"])
      assert.include(error.message, "forgotten")
      assert.isTrue(error.isRetryable)
      assert.strictEqual(asked.length, 2)
    }).pipe(Effect.provide(layer))
  })

  it.effect("begins again when nothing had come, without a gap", () => {
    const { asked, layer } = engine([[], [a]])
    return Effect.gen(function*() {
      yield* TestClock.adjust("9 seconds")
      const { seen } = yield* collected()
      assert.deepStrictEqual(seen, ["a"])
      assert.deepStrictEqual(asked.slice(0, 2), [undefined, 9000])
    }).pipe(Effect.provide(layer))
  })

  it.effect("fails at once where nothing is kept, and when it is told to", () =>
    Effect.gen(function*() {
      const forgetful = engine([[a], [a, b]], { ...Capabilities.all, eventHistory: false })
      assert.deepStrictEqual((yield* Effect.provide(collected(), forgetful.layer)).seen, ["a"])
      assert.strictEqual(forgetful.asked.length, 1)
      const once = engine([[a], [a, b]])
      yield* Effect.provide(collected({ reconnect: Schedule.recurs(0) }), once.layer)
      assert.strictEqual(once.asked.length, 1)
    }))

  it.effect("has no end: where an engine ends it, it was cut off", () =>
    Effect.gen(function*() {
      const told = Stream.unwrap(Backend.Backend.use(({ events }) => Effect.succeed(events())))
      const error = yield* Effect.flip(Stream.runCollect(told))
      assert.strictEqual(error.reason._tag, "Unavailable")
      assert.isTrue(error.isRetryable)
    }).pipe(Effect.provide(Backend.layer({ name: "test", events: () => Stream.make(a) }))))

  it.effect("cannot begin in the past where nothing is kept", () => {
    const { asked, layer } = engine([], { ...Capabilities.all, eventHistory: false })
    return Effect.gen(function*() {
      const { error } = yield* collected({ since: DateTime.makeUnsafe(0) })
      assert.strictEqual(error.reason._tag, "Unsupported")
      assert.deepStrictEqual(asked, [])
    }).pipe(Effect.provide(layer))
  })
})
