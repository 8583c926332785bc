/** Containers that the library owes the removal of, when the engine is away. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Backend, Container, Errors } from "effect-containers"
import { TestClock } from "effect/testing"

const away = new Errors.Unavailable({ operation: "remove", message: "nobody answers" })

/** An engine that removes nothing until it is back, and who it was asked to remove then. */
const engine = (remove: (id: string) => Effect.Effect<void, Errors.Reason>) =>
  Backend.layer({ name: "mortal", create: () => Effect.succeed("c1"), remove })

const made = Effect.scoped(Container.create(Container.make("busybox:test")))

describe("a removal that is owed", () => {
  for (
    const [what, answer] of [
      ["says that it is away", Effect.fail(away)],
      ["does not answer", Effect.never]
    ] as const
  ) {
    it.effect(`is made when an engine is back that ${what} for an hour`, () =>
      Effect.gen(function*() {
        const removed: Array<string> = []
        let isBack = false
        const program = Effect.gen(function*() {
          yield* Effect.forkChild(made)
          yield* TestClock.adjust("1 hour")
          assert.deepStrictEqual(removed, [])
          isBack = true
          yield* TestClock.adjust("2 minutes")
          assert.deepStrictEqual(removed, ["c1"])
        })
        yield* Effect.provide(
          program,
          engine((id) =>
            Effect.suspend(() =>
              isBack
                ? Effect.sync(() => void removed.push(id))
                // A request has a deadline.
                : Effect.timeoutOrElse(answer, { duration: "1 minute", orElse: () => Effect.fail(away) })
            )
          )
        )
      }))
  }

  it.effect("is not waited for by the Layer's end once it has been given up for now", () =>
    Effect.gen(function*() {
      let asked = 0
      let seen = 0
      const program = Effect.gen(function*() {
        yield* Effect.forkChild(made)
        yield* TestClock.adjust("1 minute")
        seen = asked
      })
      yield* Effect.provide(program, engine(() => Effect.andThen(Effect.sync(() => asked++), Effect.fail(away))))
      const last = asked
      assert.isAbove(seen, 4)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(asked, last)
    }))

  it.effect("that the engine refuses is not asked for again", () =>
    Effect.gen(function*() {
      let asked = 0
      const refusal = new Errors.PermissionDenied({ operation: "remove", message: "no" })
      yield* Effect.provide(
        Effect.andThen(made, TestClock.adjust("1 hour")),
        engine(() => Effect.andThen(Effect.sync(() => asked++), Effect.fail(refusal)))
      )
      assert.strictEqual(asked, 1)
    }))

  it.effect("of a name that somebody gave, whose container may not be, ends in time: another may have it then", () =>
    Effect.gen(function*() {
      let asked = 0
      const lost = new Errors.Unavailable({ operation: "create", message: "socket hang up" })
      const layer = Backend.layer({
        name: "forgetful",
        create: () => Effect.fail(lost),
        remove: () => Effect.andThen(Effect.sync(() => asked++), Effect.fail(away))
      })
      const self = Container.make("busybox:test").pipe(Container.name("mine"))
      yield* Effect.provide(
        Effect.gen(function*() {
          yield* Effect.ignore(Effect.scoped(Container.create(self)))
          yield* TestClock.adjust("1 minute")
          const then = asked
          yield* TestClock.adjust("1 hour")
          assert.strictEqual(asked, then)
        }),
        layer
      )
    }))
})
