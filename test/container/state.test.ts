/** The states of a container whose engine is slow to tell what happens. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
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
})
