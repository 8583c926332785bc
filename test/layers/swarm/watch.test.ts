/** Who waits for a run while the managers do not answer. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Result } from "effect"
import { Errors } from "effect-containers"
import type * as Schemas from "effect-containers/layers/swarm/schemas"
import * as Watch from "effect-containers/layers/swarm/watch"
import { TestClock } from "effect/testing"

const run = { service: "s", run: 1, filter: "f" }

const away = new Errors.Unavailable({ operation: "wait", message: "The swarm does not have a leader." })
const late = new Errors.TimedOut({ operation: "wait", message: "late" })

/** What somebody is told who waits, and after how many milliseconds. */
const told = (answer: Effect.Effect<never, Errors.Reason>) =>
  Effect.gen(function*() {
    const watch = yield* Watch.make({
      lostAfter: 60_000,
      managerTimeout: 15_000,
      pollInterval: 500,
      tasks: () => answer,
      nodes: answer
    })
    const waiting = watch.until(run, () => undefined).pipe(
      Effect.flip,
      Effect.flatMap((error) => Effect.map(Clock.currentTimeMillis, (after) => ({ error, after })))
    )
    const fiber = yield* Effect.forkChild(waiting)
    yield* TestClock.adjust("1 minute")
    const exit = fiber.pollUnsafe()
    assert.isDefined(exit, "is told nothing for a minute")
    return yield* Fiber.join(fiber)
  })

describe("managers that do not answer", () => {
  for (
    const [what, answer, latest] of [
      ["say that they have no leader", Effect.fail(away), 15_500],
      ["answer late, each time", Effect.delay(Effect.fail(late), "5 seconds"), 15_000],
      ["say it late, each time", Effect.delay(Effect.fail(away), "4 seconds"), 15_000],
      ["never answer", Effect.never, 15_000]
    ] as const
  ) {
    it.effect(`are waited for as long as the config says, when they ${what}`, () =>
      Effect.gen(function*() {
        const { after, error } = yield* told(answer)
        assert.strictEqual(error._tag, "Unavailable")
        assert.isAtLeast(after, 15_000)
        assert.isAtMost(after, latest)
      }))
  }

  it.effect("are waited for as long again by who waits after that", () =>
    Effect.gen(function*() {
      let isBack = false
      const watch = yield* Watch.make({
        lostAfter: 60_000,
        managerTimeout: 15_000,
        pollInterval: 500,
        tasks: () => Effect.suspend(() => isBack ? Effect.delay(Effect.succeed([]), "1 second") : Effect.fail(away)),
        nodes: Effect.succeed([])
      })
      const first = yield* Effect.forkChild(Effect.flip(watch.until(run, () => undefined)))
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual((yield* Fiber.join(first))._tag, "Unavailable")
      yield* TestClock.adjust("1 minute")
      const second = yield* Effect.forkChild(watch.until(run, ({ isGone }) => Result.succeed(isGone)))
      yield* TestClock.adjust("5 seconds")
      isBack = true
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* Fiber.join(second), true)
    }))

  it.effect("are not asked again when they refuse", () =>
    Effect.gen(function*() {
      const refusal = new Errors.PermissionDenied({ operation: "wait", message: "no" })
      const { after, error } = yield* told(Effect.fail(refusal))
      assert.strictEqual(error._tag, "PermissionDenied")
      assert.isBelow(after, 1000)
    }))
})

/** A task of the run, older ones first. */
const task = (id: string, second: number, state: string) => ({
  id,
  created: `2026-01-01T00:00:0${second}Z`,
  service: run.service,
  iteration: { index: run.run },
  status: { state }
})

/** Which of the tasks is taken for the run's own, look by look. */
const own = (looks: ReadonlyArray<ReadonlyArray<Schemas.Task>>) =>
  Effect.gen(function*() {
    const rest = [...looks]
    const watch = yield* Watch.make({
      lostAfter: 60_000,
      managerTimeout: 15_000,
      pollInterval: 500,
      tasks: () => Effect.sync(() => rest.shift() ?? []),
      nodes: Effect.succeed([])
    })
    const found: Array<string> = []
    const fiber = yield* Effect.forkChild(watch.until(run, ({ task }) => {
      found.push(task?.id ?? "none")
      return found.length === looks.length ? Result.succeed(found) : undefined
    }))
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

describe("a run of which the Swarm makes two tasks", () => {
  it.effect("is the first of them", () =>
    Effect.gen(function*() {
      const first = task("first", 1, "running")
      const found = yield* own([[first], [task("second", 2, "running"), first], [task("second", 2, "running")]])
      assert.deepStrictEqual(found, ["first", "first", "first"])
    }))

  it.effect("is the one that a node takes, where the other keeps waiting for it", () =>
    Effect.gen(function*() {
      const first = task("first", 1, "pending")
      const found = yield* own([
        [first],
        [first, task("second", 2, "pending")],
        [first, task("second", 2, "assigned")],
        [first, task("second", 2, "running")],
        // It gets the place that has become free.
        [task("first", 1, "running"), task("second", 2, "complete")]
      ])
      assert.deepStrictEqual(found, ["first", "first", "second", "second", "second"])
    }))
})

/** What a watch says of a container of which the Swarm has this task. */
const seen = Effect.fnUntraced(function*(one: Schemas.Task, nodes: ReadonlyArray<Schemas.Node> = []) {
  const watch = yield* Watch.make({
    lostAfter: 60_000,
    managerTimeout: 15_000,
    pollInterval: 500,
    tasks: () => Effect.succeed([one]),
    nodes: Effect.succeed(nodes)
  })
  const fiber = yield* Effect.forkChild(watch.until(run, Result.succeed))
  yield* TestClock.adjust("1 second")
  return { ...(yield* Fiber.join(fiber)), nodes: watch.nodes }
})

describe("a container whose task was told to end", () => {
  for (
    const [state, desired, isLeaving] of [
      ["pending", "complete", false],
      ["pending", "remove", true],
      ["running", "remove", false],
      ["shutdown", "remove", true],
      ["complete", "complete", false],
      ["failed", "shutdown", false]
    ] as const
  ) {
    it.effect(`is ${isLeaving ? "" : "not "}about to be forgotten when it is ${state} and to be ${desired}`, () =>
      Effect.gen(function*() {
        const own = { ...task("own", 1, state), desired }
        assert.strictEqual((yield* seen(own)).isLeaving, isLeaving)
        assert.strictEqual((yield* seen({ ...own, iteration: { index: 7 } })).isLeaving, isLeaving)
        assert.isFalse((yield* seen({ ...own, service: "another" })).isLeaving)
      }))
  }
})

describe("the managers of a Swarm", () => {
  const node = (id: string, version?: string, manager?: object): Schemas.Node => ({
    id,
    ...(version === undefined ? {} : { description: { engine: { version } } }),
    ...(manager === undefined ? {} : { manager })
  })
  const areAtLeast24 = (...nodes: ReadonlyArray<Schemas.Node>) =>
    Effect.map(seen(task("own", 1, "running"), nodes), ({ nodes }) => nodes.areManagersAtLeast(24))

  it.effect("are of a version if all of them are, whatever the workers are of", () =>
    Effect.gen(function*() {
      assert.isTrue(
        yield* areAtLeast24(node("a", "28.5.2", {}), node("b", "24.0.0-rc.1", {}), node("c", "20.10.24+dfsg1"))
      )
      assert.isFalse(yield* areAtLeast24(node("a", "28.5.2", {}), node("b", "20.10.24+dfsg1", {})))
    }))

  it.effect("are not where that is not known", () =>
    Effect.gen(function*() {
      assert.isFalse(yield* areAtLeast24())
      assert.isFalse(yield* areAtLeast24(node("a", "28.5.2", {}), node("b", undefined, {})))
      assert.isFalse(yield* areAtLeast24(node("a", "library-import", {})))
    }))
})
