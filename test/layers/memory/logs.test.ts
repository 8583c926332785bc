import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Fiber, Stream } from "effect"
import { Backend, Container, type Logs } from "effect-containers"
import * as Memory from "effect-containers/layers/Memory"
import { TestClock } from "effect/testing"

const app = Container.make("app")

/** A line a second, the second of them on standard error. */
const ticking: Memory.Recipe = ({ stderr, stdout }) =>
  Effect.gen(function*() {
    for (let i = 1; i <= 4; i++) {
      yield* (i === 2 ? stderr : stdout)(`line ${i}\n`)
      yield* Effect.sleep("1 second")
    }
    yield* stdout("no end")
  })

const textOf = (frames: ReadonlyArray<Logs.Frame>) =>
  frames.map(({ bytes }) => new TextDecoder().decode(bytes)).join("|")

const read = (id: string, options: Backend.LogsOptions) =>
  Effect.map(Stream.runCollect(Container.logs(id, options)), textOf)

describe("logs", () => {
  it.effect("of one that has ended: a part of it", () =>
    Effect.gen(function*() {
      const { id } = yield* Container.start(app)
      yield* TestClock.adjust("1 minute")
      const at = (second: number) => DateTime.makeUnsafe(second * 1000)
      assert.strictEqual(yield* read(id, {}), "line 1\n|line 2\n|line 3\n|line 4\n|no end")
      assert.strictEqual(yield* read(id, { follow: true }), "line 1\n|line 2\n|line 3\n|line 4\n|no end")
      assert.strictEqual(yield* read(id, { tail: 0 }), "")
      assert.strictEqual(yield* read(id, { tail: 1 }), "no end")
      assert.strictEqual(yield* read(id, { tail: 2 }), "line 4\n|no end")
      assert.strictEqual(yield* read(id, { tail: 99 }), "line 1\n|line 2\n|line 3\n|line 4\n|no end")
      assert.strictEqual(yield* read(id, { stdout: false }), "line 2\n")
      assert.strictEqual(yield* read(id, { tail: 2, stderr: false }), "line 4\n|no end")
      assert.strictEqual(yield* read(id, { since: at(2) }), "line 3\n|line 4\n|no end")
      assert.strictEqual(yield* read(id, { until: at(2) }), "line 1\n|line 2\n")
      assert.strictEqual(yield* read(id, { since: at(1), until: at(3) }), "line 2\n|line 3\n")
      const stamped = yield* Stream.runCollect(Container.logs(id, { timestamps: true }))
      assert.deepStrictEqual(
        stamped.map(({ timestamp }) => timestamp),
        [0n, 1n, 2n, 3n, 4n].map((s) => s * 1_000_000_000n)
      )
    }).pipe(Effect.provide(Memory.layer({ images: [Memory.image("app", ticking)] }))))

  it.effect("of one that runs: what is there, or all that comes until it ends", () =>
    Effect.gen(function*() {
      const { id } = yield* Container.start(app)
      yield* TestClock.adjust("1500 millis")
      assert.strictEqual(yield* read(id, {}), "line 1\n|line 2\n")
      const follower = yield* Effect.forkChild(read(id, { follow: true, tail: 1 }))
      yield* TestClock.adjust("2 seconds")
      assert.isUndefined(follower.pollUnsafe())
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* Fiber.join(follower), "line 2\n|line 3\n|line 4\n|no end")
    }).pipe(Effect.provide(Memory.layer({ images: [Memory.image("app", ticking)] }))))

  it.effect("end when the container is removed under their reader", () =>
    Effect.gen(function*() {
      const backend = yield* Backend.Backend
      const handle = yield* Container.start(app)
      const attachment = yield* backend.attach(handle.id, { stdin: false, output: true, tty: false })
      const reader = yield* Effect.forkChild(Stream.runCollect(attachment.output))
      yield* TestClock.adjust("1 second")
      yield* backend.remove(handle.id, { force: true })
      assert.strictEqual(textOf(yield* Fiber.join(reader)), "line 2\n")
    }).pipe(Effect.provide(Memory.layer({ images: [Memory.image("app", ticking)] }))))

  it.effect("hold a long line in pieces of 16 KiB, and many lines whole", () =>
    Effect.gen(function*() {
      const { id } = yield* Container.start(app)
      const frames = yield* Stream.runCollect(Container.logs(id, { follow: true }))
      assert.deepStrictEqual(frames.slice(0, 3).map(({ bytes }) => bytes.length), [16384, 16384, 7233])
      assert.strictEqual(frames.length, 3 + 5_000)
      assert.strictEqual(textOf(frames.slice(-1)), "5000\n")
      assert.strictEqual(yield* read(id, { tail: 5_001 }).pipe(Effect.map((text) => text.length)), 68_896)
    }).pipe(Effect.provide(Memory.layer({
      images: [Memory.image("app", ({ stdout }) =>
        Effect.gen(function*() {
          yield* stdout("x".repeat(40_000))
          yield* stdout("\n")
          for (let i = 1; i <= 5_000; i++) yield* stdout(`${i}\n`)
        }))]
    }))))
})
