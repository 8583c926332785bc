import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Container from "../../Container.ts"
import { type Case, group, isGone, job, needs, states, tracked, until } from "../case.ts"
import { equal } from "../expect.ts"

const it = group("interruption")

const endless = Effect.flatMap(job("while :; do echo x; sleep 0.05; done"), tracked)

export const cases: ReadonlyArray<Case> = [
  it(
    "of a run before it has begun",
    Effect.gen(function*() {
      const { container, found } = yield* endless
      const fiber = yield* Effect.forkChild(Container.run(container))
      yield* Fiber.interrupt(fiber)
      yield* isGone(found)
    })
  ),
  ...[0, 1, 2, 5, 10, 20, 50, 100, 200, 400].map((milliseconds) =>
    it(
      `of a run after ${milliseconds} ms, wherever it is then`,
      Effect.gen(function*() {
        const { container, found } = yield* endless
        const fiber = yield* Effect.forkChild(Container.run(container), { startImmediately: true })
        yield* Effect.sleep(milliseconds)
        yield* Fiber.interrupt(fiber)
        yield* isGone(found)
      })
    )
  ),
  it(
    "of a run that runs",
    Effect.gen(function*() {
      const { container, found } = yield* endless
      const fiber = yield* Effect.forkChild(Container.run(container))
      yield* until(states(found), ([state]) => state === "running")
      yield* Fiber.interrupt(fiber)
      yield* isGone(found)
    })
  ),
  it(
    "of a run in onOutput",
    Effect.gen(function*() {
      const { container, found } = yield* endless
      yield* Effect.raceFirst(
        Container.run(container, { onOutput: () => Effect.never }),
        until(states(found), ([state]) => state === "running")
      )
      yield* isGone(found)
    })
  ),
  it(
    "of a run that waits for input",
    Effect.gen(function*() {
      const { container, found } = yield* Effect.flatMap(job(["cat"]), tracked)
      yield* needs("stdin", Container.stdin(container, Stream.never), (self) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.forkChild(Container.run(self))
          yield* until(states(found), ([state]) => state === "running")
          yield* Fiber.interrupt(fiber)
          yield* isGone(found)
        }))
    })
  ),
  it(
    "of who reads logs",
    Effect.gen(function*() {
      const { container, found } = yield* endless
      const reading = yield* Effect.forkChild(Effect.scoped(
        Effect.flatMap(Container.start(container), (handle) => Stream.runDrain(handle.logs()))
      ))
      yield* until(states(found), ([state]) => state === "running")
      yield* Fiber.interrupt(reading)
      yield* isGone(found)
    })
  ),
  it(
    "of who reads logs, and the container goes on",
    Effect.gen(function*() {
      const { container } = yield* endless
      const handle = yield* Container.start(container)
      const reading = yield* Effect.forkChild(Stream.runDrain(handle.logs()))
      yield* handle.stdout.pipe(Stream.take(1), Stream.runDrain)
      yield* Fiber.interrupt(reading)
      yield* equal("isRunning", yield* handle.isRunning, true)
    })
  ),
  it(
    "of who waits, and the container goes on",
    Effect.gen(function*() {
      const { container } = yield* endless
      const handle = yield* Container.start(container)
      const waiting = yield* Effect.forkChild(handle.exitCode)
      yield* Effect.sleep("50 millis")
      yield* Fiber.interrupt(waiting)
      yield* equal("isRunning", yield* handle.isRunning, true)
    })
  ),
  it(
    "of 6 runs at once",
    Effect.gen(function*() {
      const { container, found } = yield* endless
      const fiber = yield* Effect.forkChild(
        Effect.forEach([1, 2, 3, 4, 5, 6], () => Container.run(container), { concurrency: "unbounded" })
      )
      yield* until(states(found), (states) => states.filter((state) => state === "running").length >= 3)
      yield* Fiber.interrupt(fiber)
      yield* isGone(found)
    })
  )
]
