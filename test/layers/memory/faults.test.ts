import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Result, Schedule, Stream } from "effect"
import { Backend, Container, Errors, ExitStatus, Filter, Image } from "effect-containers"
import * as Memory from "effect-containers/layers/Memory"
import { TestClock } from "effect/testing"

const { Fault } = Memory

const app = Container.make("app")
const image = Memory.image("app", () => ({ stdout: "0123456789\nabc\n" }))
const slow = Memory.image("app", ({ stdout }) => Effect.andThen(stdout("begun\n"), Effect.never))

const operations = Effect.gen(function*() {
  return (yield* (yield* Memory.Engine).calls).map(({ operation }) => operation)
})

describe("refuse", () => {
  it.effect("an operation so many times, with a reason by its tag or whole", () =>
    Effect.gen(function*() {
      const reason = (result: Result.Result<unknown, { readonly _tag: string; readonly reason?: Errors.Reason }>) =>
        Result.isFailure(result) ? `${result.failure._tag} ${result.failure.reason?._tag}` : "done"
      const backend = yield* Backend.Backend
      const seen: Array<string> = []
      for (let i = 0; i < 4; i++) seen.push(reason(yield* Effect.result(backend.list(Filter.all))))
      assert.deepStrictEqual(seen, [
        "done",
        "ContainerList ResourceExhausted",
        "ContainerList ResourceExhausted",
        "done"
      ])
      const create = yield* Effect.flip(Container.run(app))
      assert(create._tag === "ContainerCreate")
      assert.deepStrictEqual([create.reason._tag, create.reason.message, create.reason.code], [
        "Internal",
        "disk on fire",
        500
      ])
    }).pipe(Effect.provide(Memory.layer({
      images: [image],
      faults: [
        Fault.refuse("list", "ResourceExhausted", { after: 1, times: 2 }),
        Fault.refuse("create", new Errors.Internal({ operation: "create", message: "disk on fire", code: 500 }), {
          when: ({ target }) => target === "app"
        })
      ]
    }))))

  it.effect("until it is taken back", () =>
    Effect.gen(function*() {
      const engine = yield* Memory.Engine
      const backend = yield* Backend.Backend
      const back = yield* engine.fault(Fault.refuse("*", "PermissionDenied"))
      assert.strictEqual((yield* Effect.flip(backend.health)).reason._tag, "PermissionDenied")
      yield* back
      assert.strictEqual((yield* backend.health).name, "memory")
      const late = yield* engine.fault(Fault.refuse("health", "TimedOut"))
      assert.strictEqual((yield* Effect.flip(backend.health)).reason._tag, "TimedOut")
      yield* engine.clearFaults
      yield* late
      assert.strictEqual((yield* backend.health).architecture, "amd64")
    }).pipe(Effect.provide(Memory.layer())))
})

describe("pulls", () => {
  it.effect("fail in the middle of a layer, then go on with what is missing", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const error = yield* Image.pull("app").pipe(
        Stream.runForEach(({ id, phase }) => Effect.sync(() => seen.push(`${id?.slice(0, 1)} ${phase}`))),
        Effect.flip
      )
      assert(error._tag === "ClientPull")
      assert.deepStrictEqual([error.reason._tag, error.isRetryable], ["Unavailable", true])
      assert.deepStrictEqual(seen.filter((line) => line.endsWith("Complete")), ["a Complete", "b Complete"])
      assert.strictEqual(seen.at(-1), "c Downloading")
      assert.isFalse(yield* Image.exists("app"))
      yield* Stream.runDrain(Image.pull("app"))
      assert.isTrue(yield* Image.exists("app"))
    }).pipe(Effect.provide(Memory.layer({
      registry: [Memory.image("app", () => 0, { layers: ["a", "b", "c"].map((id) => ({ id, size: 100 })) })],
      faults: [Fault.failPull(3, { times: 1 })]
    }))))

  it.effect("hang, and are interrupted: nothing arrives", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Container.run(app))
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(fiber.pollUnsafe())
      yield* Fiber.interrupt(fiber)
      const engine = yield* Memory.Engine
      assert.deepStrictEqual([yield* engine.images, yield* engine.containers], [[], []])
    }).pipe(Effect.provide(Memory.layer({ registry: [image], faults: [Fault.hangPull(2)] }))))
})

describe("output", () => {
  it.effect("is cut after so many bytes; what came before is there", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const error = yield* Container.run(app, {
        onOutput: (frames) =>
          Effect.sync(() => {
            for (const { bytes } of frames) seen.push(new TextDecoder().decode(bytes))
          })
      }).pipe(Effect.flip)
      assert(error._tag === "ContainerLogs")
      assert.deepStrictEqual([error.reason._tag, seen.join("")], ["Unavailable", "01234567"])
      assert.deepStrictEqual(yield* (yield* Memory.Engine).containers, [])
    }).pipe(Effect.provide(Memory.layer({ images: [image], faults: [Fault.cutOutput("attach", 8)] }))))

  it.effect("of logs, exactly at the end, is not cut", () =>
    Effect.gen(function*() {
      const handle = yield* Container.start(app)
      const collect = Stream.runFold(handle.stdout, () => "", (all, bytes) => all + new TextDecoder().decode(bytes))
      assert.strictEqual(yield* collect, "0123456789\nabc\n")
      const cut = yield* Effect.flip(collect)
      assert.deepStrictEqual([cut._tag, cut.reason._tag], ["ContainerLogs", "Unavailable"])
    }).pipe(Effect.provide(Memory.layer({
      images: [image],
      faults: [Fault.cutOutput("logs", 15, { times: 1 }), Fault.cutOutput("logs", 14)]
    }))))
})

describe("time", () => {
  it.effect("latency is the Clock's", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Container.string(app))
      yield* TestClock.adjust("4 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* Fiber.join(fiber), "0123456789\nabc\n")
    }).pipe(
      Effect.provide(
        Memory.layer({ images: [image], latency: "1 second", faults: [Fault.delay("start", "2 seconds")] })
      )
    ))

  it.effect("a call that hangs can be interrupted, even a create", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Container.run(app))
      yield* TestClock.adjust("1 day")
      assert.isUndefined(fiber.pollUnsafe())
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* (yield* Memory.Engine).containers, [])
    }).pipe(Effect.provide(Memory.layer({ images: [image], faults: [Fault.hang("create")] }))))
})

describe("a lost reply", () => {
  it.effect("of create: what exists all the same is removed by its name", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Container.run(app))
      assert(error._tag === "ContainerCreate")
      assert.strictEqual(error.reason._tag, "Unavailable")
      yield* Effect.yieldNow
      assert.deepStrictEqual(yield* operations, ["create", "remove"])
      assert.deepStrictEqual(yield* (yield* Memory.Engine).containers, [])
    }).pipe(Effect.provide(Memory.layer({ images: [image], faults: [Fault.loseReply("create")] }))))
})

describe("an engine that dies", () => {
  it.effect("cuts what runs, refuses every call, and comes back without what ran", () =>
    Effect.gen(function*() {
      const engine = yield* Memory.Engine
      const backend = yield* Backend.Backend
      const run = yield* Effect.forkChild(Effect.result(Container.run(app)))
      yield* TestClock.adjust("1 second")
      const [{ id }] = (yield* engine.containers) as [Backend.ContainerInfo]
      const wait = yield* Effect.forkChild(Effect.flip(backend.wait(id)))
      yield* TestClock.adjust("1 second")
      yield* engine.die
      const result = yield* Fiber.join(run)
      assert(Result.isFailure(result) && result.failure._tag === "ContainerLogs")
      assert.strictEqual(result.failure.reason._tag, "Unavailable")
      assert.strictEqual((yield* Fiber.join(wait)).reason._tag, "Unavailable")
      assert.strictEqual((yield* Effect.flip(backend.health)).reason._tag, "Unavailable")
      yield* engine.revive
      assert.deepStrictEqual((yield* backend.inspect(id)).exit, new ExitStatus.Unknown())
      const code = yield* Effect.flip(Container.wait(id).pipe(Effect.flatMap((exit) => Effect.fail(exit))))
      assert.deepStrictEqual(code, new ExitStatus.Unknown())
    }).pipe(Effect.provide(Memory.layer({ images: [slow] }))))

  it.effect("when it is asked something, and a program that tries again sees it return", () =>
    Effect.gen(function*() {
      const engine = yield* Memory.Engine
      const fiber = yield* Container.run(app).pipe(
        Effect.retry({
          schedule: Schedule.spaced("1 minute"),
          while: (error) => "isRetryable" in error && error.isRetryable
        }),
        Effect.forkChild
      )
      yield* TestClock.adjust("90 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* engine.revive
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(fiber)).logs.stdoutText, "0123456789\nabc\n")
    }).pipe(Effect.provide(Memory.layer({ images: [image], faults: [Fault.die("start", { times: 1 })] }))))
})
