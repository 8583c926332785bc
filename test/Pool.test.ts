import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Scope, Stream } from "effect"
import { Container, type Errors, ExitStatus } from "effect-containers"
import * as Memory from "effect-containers/layers/Memory"
import { TestClock } from "effect/testing"

/** Its commands: `echo`, `sleep` (for ever), `die` (its container, as memory runs out), `kill` (itself). */
const image = Memory.image("job", () => Effect.never, {
  exec: (process) => {
    const [name, ...args] = process.command
    if (name === "echo") return { stdout: `${args.join(" ")}\n` }
    if (name === "sleep") return Effect.never
    if (name === "fail") return { stdout: "so far", stderr: "why", exitCode: 3 }
    if (name === "kill") return new ExitStatus.Killed({ signal: "SIGKILL" })
    if (name === "none") return new ExitStatus.StartFailed({ issue: "not found" })
    if (name === "write") return Effect.as(process.files.write("/tmp/file", "left"), 0)
    if (name === "read") return Effect.map(process.files.read("/tmp/file"), (bytes) => ({ stdout: bytes }))
    return 0
  }
})

const job = Container.make("job")
const layer = Memory.layer({ images: [image] })

/** Lets what goes on in the background go on. */
const settled = Effect.gen(function*() {
  for (let n = 0; n < 100; n++) yield* Effect.yieldNow
})

const running = Effect.flatMap(
  Memory.Engine,
  ({ containers }) =>
    Effect.map(containers, (all) => all.filter(({ state }) => state === "running").map(({ id }) => id))
)
const all = Effect.flatMap(Memory.Engine, ({ containers }) => containers)
const counts = (operation: string) =>
  Effect.flatMap(
    Memory.Engine,
    ({ calls }) => Effect.map(calls, (calls) => calls.filter((call) => call.operation === operation).length)
  )

describe("what is wrong with a pool is said before the engine is asked", () => {
  const bad: ReadonlyArray<readonly [string, Container.Container, Container.PoolOptions, string]> = [
    ["no containers", job, { size: 0 }, "size"],
    ["half a container", job, { size: 1.5 }, "size"],
    ["more kept than there are", job, { size: 1, min: 2 }, "min"],
    ["fewer than none", job, { size: 1, min: -1 }, "min"],
    ["no uses", job, { size: 1, maxUses: 0 }, "maxUses"],
    ["no time to live", job, { size: 1, timeToLive: 0 }, "timeToLive"],
    ["for ever", job, { size: 1, timeToLive: "Infinity" }, "timeToLive"],
    ["a relative directory", job, { size: 1, scratch: ["tmp"] }, "scratch"],
    ["the root", job, { size: 1, scratch: ["//."] }, "scratch"],
    ["no reset", job, { size: 1, reset: [] }, "command"],
    ["a name", Container.name(job, "one"), { size: 1 }, "name"],
    ["a port of the host", Container.port(job, 80, { hostPort: 8080 }), { size: 1 }, "port"],
    ["a restart policy", Container.restart(job, "always"), { size: 1 }, "restart"],
    ["input", Container.stdin(job, "x"), { size: 1 }, "stdin"],
    ["a description that is none", Container.workDir(job, "tmp"), { size: 1 }, "workDir"]
  ]
  it.effect.each(bad)("%s", ([, self, options, field]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Container.pool(self, options))
      assert.strictEqual(error._tag, "ContainerOptions")
      assert.strictEqual(error.field, field)
      assert.strictEqual(error.image, "job")
      assert.deepStrictEqual(yield* (yield* Memory.Engine).calls, [])
    }).pipe(Effect.provide(layer)))

  it.effect("a command, before a container is taken", () =>
    Effect.gen(function*() {
      const pool = yield* Container.pool(job, { size: 1, min: 0 })
      const error = yield* Effect.flip(pool.run([]))
      assert(error._tag === "ContainerOptions")
      assert.strictEqual(error.field, "command")
      assert.strictEqual(yield* counts("create"), 0)
    }).pipe(Effect.provide(layer)))
})

describe("a use", () => {
  it.effect("gives what the command wrote, in each of its forms", () =>
    Effect.gen(function*() {
      const pool = yield* Container.pool(job, { size: 1 })
      assert.strictEqual((yield* pool.run(["echo", "a"])).logs.text, "a\n")
      assert.strictEqual(yield* pool.string(["echo", "a"]), "a\n")
      assert.deepStrictEqual(yield* pool.lines(["echo", "a\nb"]), ["a", "b"])
      assert.strictEqual(yield* pool.exitCode(["fail"]), 3)
      const frames = yield* Stream.runCollect(pool.stream(["echo", "a"]))
      assert.strictEqual(new TextDecoder().decode(frames[0]!.bytes), "a\n")
      assert.strictEqual((yield* pool.run(["fail"], { expect: [3] })).logs.stderrText, "why")
      const error = yield* Effect.flip(pool.run(["fail"]))
      assert(error._tag === "ExitCode")
      assert.deepStrictEqual([error.code, error.logs.stdoutText, error.command], [3, "so far", ["fail"]])
      assert.strictEqual(yield* counts("create"), 1)
    }).pipe(Effect.provide(layer)))

  it.effect("has what the description says of a run", () =>
    Effect.gen(function*() {
      const self = job.pipe(Container.expect([3]), Container.outputLimit(2))
      const pool = yield* Container.pool(self, { size: 1 })
      assert.strictEqual((yield* pool.run(["fail"])).logs.text, "hy")
      assert.strictEqual((yield* Effect.flip(pool.run(["fail"], { expect: [0] })))._tag, "ExitCode")
      assert.strictEqual((yield* pool.run(["fail"], { outputLimit: 3 })).logs.text, "why")
    }).pipe(Effect.provide(layer)))

  it.effect("ends at the description's time limit, in a container that goes on", () =>
    Effect.gen(function*() {
      const pool = yield* Container.pool(Container.timeLimit(job, "5 seconds"), { size: 1 })
      const fiber = yield* Effect.forkChild(Effect.flip(pool.run(["sleep"])))
      yield* TestClock.adjust("4 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 second")
      const error = yield* Fiber.join(fiber)
      assert(error._tag === "ExitCode")
      assert.deepStrictEqual([error.timedOut, error.signal], [true, "SIGKILL"])
      yield* pool.run(["echo"])
      assert.strictEqual(yield* counts("create"), 1)
    }).pipe(Effect.provide(layer)))

  it.effect("of a command that is not there, or that is killed, leaves the container as it is", () =>
    Effect.gen(function*() {
      const pool = yield* Container.pool(job, { size: 1 })
      const missing = yield* Effect.flip(pool.run(["none"]))
      assert(missing._tag === "ContainerExec")
      assert.strictEqual(missing.reason._tag, "NotFound")
      const killed = yield* Effect.flip(pool.run(["kill"]))
      assert(killed._tag === "ExitCode")
      assert.strictEqual(killed.signal, "SIGKILL")
      assert.strictEqual(yield* pool.exitCode(["kill"]), 137)
      assert.strictEqual(yield* counts("create"), 1)
    }).pipe(Effect.provide(layer)))

  it.effect("waits its turn", () =>
    Effect.gen(function*() {
      const pool = yield* Container.pool(job, { size: 1 })
      const first = yield* Effect.forkChild(pool.run(["sleep"]))
      yield* settled
      const second = yield* Effect.forkChild(pool.string(["echo", "second"]))
      yield* settled
      assert.deepInclude(yield* pool.stats, { idle: 0, used: 1, pending: 1 })
      yield* Fiber.interrupt(first)
      assert.strictEqual(yield* Fiber.join(second), "second\n")
      assert.deepInclude(yield* all.pipe(Effect.map(({ length }) => ({ length }))), { length: 1 })
    }).pipe(Effect.provide(layer)))

  it.effect("has a container for itself", () =>
    Effect.gen(function*() {
      const pool = yield* Container.pool(job, { size: 2 })
      const ids = yield* Effect.forEach([0, 1], () => pool.use(({ id }) => Effect.as(Effect.yieldNow, id)), {
        concurrency: 2
      })
      assert.notStrictEqual(ids[0], ids[1])
    }).pipe(Effect.provide(layer)))
})

describe("between two uses", () => {
  it.effect("scratch directories are emptied, and other files stay", () =>
    Effect.gen(function*() {
      const clean = yield* Container.pool(job, { size: 1, scratch: ["/tmp"] })
      yield* clean.run(["write"])
      assert.strictEqual((yield* Effect.flip(clean.run(["read"])))._tag, "ExitCode")
      const dirty = yield* Container.pool(job, { size: 1 })
      yield* dirty.run(["write"])
      assert.strictEqual(yield* dirty.string(["read"]), "left")
    }).pipe(Effect.provide(layer)))

  it.effect("what a use left running is killed", () =>
    Effect.gen(function*() {
      const pool = yield* Container.pool(job, { size: 1 })
      const scope = yield* Scope.make()
      const left = yield* pool.use((container) => Scope.provide(Container.exec(container, ["sleep"]), scope))
      assert.deepStrictEqual({ ...(yield* left.exitStatus) }, { ...new ExitStatus.Killed({ signal: "SIGKILL" }) })
      assert.strictEqual((yield* running).length, 1)
    }).pipe(Effect.provide(layer)))

  it.effect("a command is executed, and when it fails, the container is replaced", () =>
    Effect.gen(function*() {
      const well = yield* Container.pool(job, { size: 1, reset: ["echo", "reset"] })
      yield* well.run(["echo"])
      yield* well.run(["echo"])
      yield* settled
      assert.deepStrictEqual([yield* counts("create"), yield* counts("exec")], [1, 4])
      const ill = yield* Container.pool(job, { size: 1, reset: ["fail"] })
      yield* ill.run(["echo"])
      yield* ill.run(["echo"])
      yield* settled
      assert.strictEqual(yield* counts("create"), 4)
      assert.strictEqual((yield* running).length, 2)
    }).pipe(Effect.provide(layer)))

  it.effect("a container that cannot be reset in time is replaced", () =>
    Effect.gen(function*() {
      const pool = yield* Container.pool(job, { size: 1 })
      yield* pool.run(["echo"])
      const fiber = yield* Effect.forkChild(pool.string(["echo", "next"]))
      yield* TestClock.adjust("9 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(fiber), "next\n")
      yield* settled
      assert.strictEqual(yield* counts("create"), 2)
      assert.strictEqual((yield* all).length, 1)
    }).pipe(Effect.provide(Memory.layer({ images: [image], faults: [Memory.Fault.hang("reset", { times: 1 })] }))))

  it.effect("one that had its uses is replaced", () =>
    Effect.gen(function*() {
      const pool = yield* Container.pool(job, { size: 1, maxUses: 2 })
      const ids: Array<string> = []
      for (let n = 0; n < 5; n++) ids.push(yield* pool.use(({ id }) => Effect.succeed(id)))
      assert.deepStrictEqual(ids.map((id) => ids.indexOf(id)), [0, 0, 2, 2, 4])
    }).pipe(Effect.provide(layer)))
})

describe("a container that has ended", () => {
  it.effect("while nobody used it is replaced in the background", () =>
    Effect.gen(function*() {
      yield* Container.pool(job, { size: 2 })
      yield* settled
      const [first] = yield* running
      yield* TestClock.adjust("2 seconds")
      yield* Container.signal(first!, "SIGKILL")
      yield* settled
      const now = yield* running
      assert.strictEqual(now.length, 2)
      assert.notInclude(now, first)
      assert.strictEqual((yield* all).length, 2)
    }).pipe(Effect.provide(layer)))

  it.effect("and that nobody noticed costs no use", () =>
    Effect.gen(function*() {
      const pool = yield* Container.pool(job, { size: 2 })
      yield* settled
      for (const id of yield* running) yield* Container.remove(id, { force: true })
      assert.strictEqual(yield* pool.string(["echo", "a"]), "a\n")
      yield* settled
      assert.strictEqual((yield* running).length, 2)
    }).pipe(Effect.provide(layer)))

  it.effect("while a command ran fails the use, which may be tried again, and is not begun twice", () =>
    Effect.gen(function*() {
      const pool = yield* Container.pool(job, { size: 1 })
      const fiber = yield* Effect.forkChild(Effect.flip(pool.run(["sleep"])))
      yield* settled
      const [id] = yield* running
      yield* Container.signal(id!, "SIGKILL")
      const error = yield* Fiber.join(fiber)
      assert(error._tag === "ContainerExec")
      assert.deepStrictEqual([error.id, error.reason._tag, error.isRetryable], [id, "Unavailable", true])
      assert.include(error.message, "ended while the command ran: it was killed by SIGKILL")
      assert.strictEqual(yield* pool.string(["echo", "a"]), "a\n")
      assert.strictEqual(yield* counts("exec"), 2)
    }).pipe(Effect.provide(layer)))

  it.effect("at once, again and again, is said, and not started for ever", () =>
    Effect.gen(function*() {
      const pool = yield* Container.pool(job, { size: 2 })
      yield* settled
      assert.strictEqual(yield* counts("create"), 2)
      const error = yield* Effect.flip(pool.run(["echo"]))
      assert(error._tag === "ContainerExec")
      assert.strictEqual(error.reason._tag, "Unavailable")
      assert.include(error.message, "the container ended before the command began: it exited with code 1")
    }).pipe(Effect.provide(Memory.layer({ images: [Memory.image("job", () => 1, { exec: () => 0 })] }))))

  it.effect("because memory ran out, says so", () =>
    Effect.gen(function*() {
      const over = yield* Deferred.make<void>()
      const image = Memory.image("job", () => Effect.as(Deferred.await(over), new ExitStatus.OomKilled()), {
        exec: () => Effect.andThen(Deferred.succeed(over, undefined), Effect.never)
      })
      const error = yield* Container.pool(job, { size: 1 }).pipe(
        Effect.flatMap((pool) => Effect.flip(pool.run(["eat"]))),
        Effect.scoped,
        Effect.provide(Memory.layer({ images: [image] }))
      )
      assert(error._tag === "ContainerExec")
      assert.strictEqual(error.reason._tag, "ResourceExhausted")
    }))
})

describe("a container that cannot be started", () => {
  const missing = Container.pull(Container.make("missing"), "never")

  it.effect("is what the use fails with", () =>
    Effect.gen(function*() {
      const pool = yield* Container.pool(missing, { size: 2 })
      yield* settled
      const error: Container.PoolError | Errors.ExitCode = yield* Effect.flip(pool.run(["echo"]))
      assert(error._tag === "ContainerCreate")
      assert.strictEqual(error.reason._tag, "NotFound")
      assert.strictEqual(yield* pool.run(["echo"]).pipe(Effect.flip, Effect.map(({ _tag }) => _tag)), "ContainerCreate")
    }).pipe(Effect.provide(layer)))

  it.effect("is tried again by the next use", () =>
    Effect.gen(function*() {
      const pool = yield* Container.pool(job, { size: 1 })
      yield* settled
      assert.strictEqual((yield* Effect.flip(pool.run(["echo"])))._tag, "ContainerStart")
      assert.strictEqual(yield* pool.string(["echo", "a"]), "a\n")
      yield* settled
      assert.strictEqual((yield* all).length, 1)
    }).pipe(Effect.provide(Memory.layer({
      images: [image],
      faults: [Memory.Fault.refuse("start", "Internal", { times: 2 })]
    }))))
})

describe("preparation", () => {
  it.effect("is done once with each container", () =>
    Effect.gen(function*() {
      const prepared: Array<string> = []
      const pool = yield* Container.pool(job, {
        size: 1,
        maxUses: 2,
        prepare: ({ id }) => Effect.sync(() => prepared.push(id))
      })
      for (let n = 0; n < 4; n++) yield* pool.run(["echo"])
      yield* settled
      assert.strictEqual(prepared.length, 3)
    }).pipe(Effect.provide(layer)))

  it.effect("that fails fails the use, and leaves nothing", () =>
    Effect.gen(function*() {
      const pool = yield* Container.pool(job, { size: 1, prepare: () => Effect.fail("no disk" as const) })
      assert.strictEqual(yield* Effect.flip(pool.run(["echo"])), "no disk")
      yield* settled
      assert.deepStrictEqual(yield* all, [])
    }).pipe(Effect.provide(layer)))
})

describe("a pool that is not used", () => {
  it.effect("keeps the least number, and makes more when they are wanted", () =>
    Effect.gen(function*() {
      const pool = yield* Container.pool(job, { size: 3, min: 1, timeToLive: "1 minute" })
      yield* settled
      assert.strictEqual((yield* running).length, 1)
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(pool.run(["sleep"])))
      yield* settled
      assert.strictEqual((yield* running).length, 3)
      yield* Fiber.interruptAll(fibers)
      yield* settled
      assert.strictEqual((yield* running).length, 3)
      yield* TestClock.adjust("2 minutes")
      yield* settled
      assert.strictEqual((yield* running).length, 1)
      assert.strictEqual((yield* all).length, 1)
    }).pipe(Effect.provide(layer)))
})

describe("closing the scope", () => {
  it.effect("removes all, also those in use, whose use fails; nothing is begun any more", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const pool = yield* Scope.provide(Container.pool(job, { size: 2 }), scope)
      const using = yield* Effect.forkChild(Effect.exit(pool.run(["sleep"])))
      const holding = yield* Effect.forkChild(pool.use(() => Effect.never))
      yield* settled
      const third = yield* Effect.forkChild(Effect.exit(pool.run(["echo"])))
      yield* settled
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* all, [])
      const exit = yield* Fiber.join(using)
      assert(Exit.isFailure(exit))
      const error = Cause.squash(exit.cause) as Errors.ContainerExec
      assert.strictEqual(error._tag, "ContainerExec")
      assert.include(error.message, "the pool was closed while the command ran")
      assert(Exit.isFailure(yield* Fiber.join(third)))
      const late = yield* Effect.flip(pool.run(["echo"]))
      assert(late._tag === "ContainerExec")
      assert.strictEqual(late.reason._tag, "Conflict")
      yield* Fiber.interrupt(holding)
      assert.deepStrictEqual(yield* all, [])
    }).pipe(Effect.provide(layer)))

  it.effect("while containers are being started leaves none", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      yield* Scope.provide(Container.pool(job, { size: 2 }), scope)
      yield* settled
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(closing)
      assert.deepStrictEqual(yield* all, [])
    }).pipe(Effect.provide(Memory.layer({ images: [image], faults: [Memory.Fault.delay("start", "5 seconds")] }))))

  it.effect("while one is being reset leaves none", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const pool = yield* Scope.provide(Container.pool(job, { size: 1 }), scope)
      yield* pool.run(["echo"])
      yield* settled
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* all, [])
    }).pipe(Effect.provide(Memory.layer({ images: [image], faults: [Memory.Fault.hang("reset")] }))))
})
