/** The states of a container whose engine is slow to tell what happens. */
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Deferred, Effect, Fiber, Stream } from "effect"
import { Backend, Container } from "effect-containers"
import { TestClock } from "effect/testing"

describe("the states of a container", () => {
  it.effect("are seen although the engine told its first ones before anybody could hear them", () =>
    Effect.gen(function*() {
      let state: Backend.ContainerState = "created"
      const seen: Array<string> = []
      const info = (id: string) => ({ id, state }) as Backend.ContainerInfo
      const engine = Backend.layer({
        name: "slow",
        inspect: (id) => Effect.sync(() => info(id)),
        events: () => Stream.never
      })
      const program = Effect.gen(function*() {
        const watching = yield* Effect.forkChild(
          Stream.runForEach(Container.state("c1"), (state) => Effect.sync(() => seen.push(state)))
        )
        yield* TestClock.adjust("1 second")
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(seen, ["created"])
        state = "running"
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(seen, ["created", "running"])
        yield* Fiber.interrupt(watching)
      })
      yield* Effect.provide(program, engine)
    }))

  it.effect("go on although the engine ended what it tells", () =>
    Effect.gen(function*() {
      let state: Backend.ContainerState = "created"
      let asked = 0
      const seen: Array<string> = []
      const started = yield* Deferred.make<Backend.EngineEvent>()
      const engine = Backend.layer({
        name: "forgetful",
        inspect: (id) => Effect.sync(() => ({ id, state }) as Backend.ContainerInfo),
        events: () =>
          Stream.suspend(() =>
            asked++ === 0 ? Stream.empty : Stream.concat(Stream.fromEffect(Deferred.await(started)), Stream.never)
          )
      })
      const program = Effect.gen(function*() {
        const watching = yield* Effect.forkChild(
          Stream.runForEach(Container.state("c1"), (state) => Effect.sync(() => seen.push(state)))
        )
        yield* TestClock.adjust("1 second")
        yield* TestClock.adjust("5 minutes")
        assert.deepStrictEqual([seen, asked], [["created"], 2])
        state = "running"
        const [type, action, time] = ["container", "start", yield* DateTime.now] as const
        yield* Deferred.succeed(started, { type, action, id: "c1", attributes: {}, time })
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(seen, ["created", "running"])
        yield* Fiber.interrupt(watching)
      })
      yield* Effect.provide(program, engine)
    }))
})
