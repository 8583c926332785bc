import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Container from "../../Container.ts"
import { type Case, group, isGone, part, states, tracked, until } from "../case.ts"
import { equal, fails } from "../expect.ts"
import { Fixture } from "../fixture.ts"

const it = group("pool")

/** A pool of what the fixture's image has, by which its containers are found. */
const pooled = Effect.fnUntraced(function*(options: Container.PoolOptions, self?: Container.Container) {
  const { image } = yield* Fixture
  const { container, found } = yield* tracked(self ?? Container.pull(Container.make(image), "never"))
  return { pool: yield* Container.pool(container, options), found }
})

const pooling = <E>(
  name: string,
  run: Effect.Effect<unknown, E, Effect.Services<ReturnType<typeof pooled>>>
): Case => it(name, part("exec", Effect.flatMap(pooled({ size: 1 }), ({ pool }) => pool.run(["true"])), run))

const running = (found: Parameters<typeof states>[0]) =>
  Effect.map(states(found), (states) => states.filter((state) => state === "running").length)

export const cases: ReadonlyArray<Case> = [
  pooling(
    "runs commands in one container, and gives what they wrote",
    Effect.gen(function*() {
      const { found, pool } = yield* pooled({ size: 1 })
      yield* equal("text", yield* pool.string("echo $A; echo err >&2", { env: { A: "a" } }), "a\n")
      yield* equal("lines", yield* pool.lines(["printf", "b\\nc"]), ["b", "c"])
      yield* equal("code", yield* pool.exitCode("exit 4"), 4)
      const frames = yield* Stream.runCollect(pool.stream(["seq", "1000"]))
      yield* equal("bytes", frames.reduce((sum, { bytes }) => sum + bytes.length, 0), 3893)
      yield* fails(pool.run("echo so far; exit 3"), { tag: "ExitCode" })
      yield* fails(pool.run(["no-such-command"]), { tag: "ContainerExec", reason: "NotFound" })
      yield* equal("containers", yield* states(found), ["running"])
    })
  ),
  pooling(
    "empties what is scratch between two uses, and nothing else",
    Effect.gen(function*() {
      const { pool } = yield* pooled({ size: 1, scratch: ["/tmp"] })
      yield* pool.run("mkdir /tmp/directory; echo a > /tmp/directory/file; echo b > /tmp/.hidden; echo c > /stays")
      yield* equal("scratch", yield* pool.string("ls /tmp; cat /tmp/.hidden || true"), "")
      yield* equal("elsewhere", yield* pool.string("cat /stays"), "c\n")
    })
  ),
  pooling(
    "kills what a use left running",
    Effect.gen(function*() {
      const { found, pool } = yield* pooled({ size: 1 })
      const left = yield* pool.use((container) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.forkDetach(Effect.exit(Container.execRun(
            container,
            "echo begun > /tmp/begun; sleep 600"
          )))
          yield* until(Container.execExitCode(container, ["cat", "/tmp/begun"]), (code) => code === 0)
          return { fiber, id: container.id }
        })
      )
      yield* fails(Effect.flatten(Fiber.join(left.fiber)), { tag: "ExitCode" })
      yield* equal("container", yield* pool.use(({ id }) => Effect.succeed(id)), left.id)
      yield* equal("containers", yield* states(found), ["running"])
    })
  ),
  pooling(
    "replaces a container that is gone, without a use being lost",
    Effect.gen(function*() {
      const { found, pool } = yield* pooled({ size: 2 })
      const id = yield* pool.use(({ id }) => Effect.succeed(id))
      yield* until(running(found), (count) => count === 2)
      // When the first is gone the pool may take the other away itself.
      for (const { id } of yield* Container.list(found)) {
        yield* Effect.catchReason(
          Container.remove(id, { force: true }),
          "ContainerRemove",
          "NotFound",
          () => Effect.void
        )
      }
      yield* equal("text", yield* pool.string("echo works"), "works\n")
      const other = yield* pool.use(({ id }) => Effect.succeed(id))
      yield* equal("the same one", other === id, false)
      yield* until(running(found), (count) => count === 2)
    })
  ),
  pooling(
    "says that a container ended while a command ran in it",
    Effect.gen(function*() {
      const { found, pool } = yield* pooled({ size: 1 })
      const fiber = yield* Effect.forkChild(Effect.exit(pool.run("echo begun > /tmp/begun; sleep 600")))
      yield* until(running(found), (count) => count === 1)
      const [container] = yield* Container.list(found)
      yield* until(Container.execExitCode(container!.id, ["cat", "/tmp/begun"]), (code) => code === 0)
      yield* Container.kill(container!.id, { killSignal: "SIGKILL" }).pipe(Effect.ignore)
      yield* fails(Effect.flatten(Fiber.join(fiber)), { tag: "ContainerExec", reason: "Unavailable" })
      yield* equal("the next one", yield* pool.string("echo works"), "works\n")
    })
  ),
  pooling(
    "ends a use that is interrupted, in a container that is used again",
    Effect.gen(function*() {
      const { found, pool } = yield* pooled({ size: 1, scratch: ["/tmp"] })
      const fiber = yield* Effect.forkChild(pool.run("echo begun > /tmp/begun; sleep 600"))
      yield* until(running(found), (count) => count === 1)
      const [container] = yield* Container.list(found)
      yield* until(Container.execExitCode(container!.id, ["cat", "/tmp/begun"]), (code) => code === 0)
      yield* Fiber.interrupt(fiber)
      const id = yield* pool.use(({ id }) => Effect.succeed(id))
      yield* equal("container", id, container!.id)
      yield* equal("scratch", yield* pool.string("ls /tmp"), "")
    })
  ),
  pooling(
    "4 uses at once in 2 containers, each for itself, and nothing is left",
    Effect.gen(function*() {
      const found = yield* Effect.scoped(Effect.gen(function*() {
        const { found, pool } = yield* pooled({ size: 2, scratch: ["/tmp"] })
        const texts = yield* Effect.forEach(
          [1, 2, 3, 4],
          (n) => pool.string(`cat /tmp/mine; echo ${n} > /tmp/mine; cat /tmp/mine`),
          { concurrency: "unbounded" }
        )
        yield* equal("texts", texts, ["1\n", "2\n", "3\n", "4\n"])
        return found
      }))
      yield* isGone(found)
    })
  )
]
