import { assert, describe, it } from "@effect/vitest"
import * as Turns from "effect-containers/layers/containerd/copy/turns"
import type { Engine } from "effect-containers/layers/containerd/engine"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"

/** Says what becomes of the processes that copies of one container have. */
const turns = Effect.gen(function*() {
  const scope = yield* Effect.scope
  // Of an engine only its scope is looked at.
  const engine = { scope } as Engine
  const events: Array<string> = []
  let pid = 0
  const copy = (name: string) =>
    Effect.scoped(Effect.gen(function*() {
      const shared = yield* Turns.share(engine, "a", {
        make: Effect.sync(() => {
          events.push(`process ${++pid}`)
          return { pid, isOurs: true }
        }),
        end: ({ pid }) => Effect.sync(() => events.push(`end ${pid}`))
      })
      events.push(`${name} by ${shared.pid}`)
    }))
  const says = (name: string) => Effect.sync(() => events.push(name))
  return { copy, engine, events, says }
})

describe("a process for copies", () => {
  it.effect("serves those that follow each other, and goes a moment after the last", () =>
    Effect.gen(function*() {
      const { copy, events } = yield* turns
      yield* copy("one")
      yield* TestClock.adjust("150 millis")
      yield* copy("two")
      yield* TestClock.adjust("150 millis")
      assert.deepStrictEqual(events, ["process 1", "one by 1", "two by 1"])
      yield* TestClock.adjust("1 second")
      yield* copy("three")
      assert.deepStrictEqual(events.slice(3), ["end 1", "process 2", "three by 2"])
    }))

  it.effect("goes at once when the container is started or removed", () =>
    Effect.gen(function*() {
      const { copy, engine, events, says } = yield* turns
      yield* copy("one")
      yield* Turns.afterCopies(engine, "a")(says("start"))
      yield* copy("two")
      yield* Turns.insteadOfCopies(engine, "a")(says("removal"))
      assert.deepStrictEqual(events, [
        "process 1",
        "one by 1",
        "end 1",
        "start",
        "process 2",
        "two by 2",
        "end 2",
        "removal"
      ])
    }))

  it.effect("goes with the Layer", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { copy, events } = yield* Effect.provideService(turns, Scope.Scope, scope)
      yield* copy("one")
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(events, ["process 1", "one by 1", "end 1"])
    }))

  it.effect("does not go while somebody copies, and who removes the container fails that copy", () =>
    Effect.gen(function*() {
      const { engine, events, says } = yield* turns
      const copying = yield* Effect.scoped(
        Effect.flatMap(
          Turns.share(engine, "a", {
            make: Effect.succeed({ pid: 1, isOurs: true }),
            end: () => says("end")
          }),
          ({ revoked }) => revoked
        )
      ).pipe(Effect.flip, Effect.forkChild)
      const starting = yield* Effect.forkChild(Turns.afterCopies(engine, "a")(says("start")))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(events, [])
      yield* Turns.insteadOfCopies(engine, "a")(Effect.void)
      yield* Fiber.join(starting)
      assert.strictEqual((yield* Fiber.join(copying))._tag, "Conflict")
      assert.deepStrictEqual(events, ["end", "start"])
    }))
})
