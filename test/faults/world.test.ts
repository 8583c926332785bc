/**
 * What else can happen around a container: its files go away, its shim is killed, somebody sets the clock.
 */
import { Deferred, Effect, Fiber, Stream } from "effect"
import { Container } from "effect-containers"
import { readdirSync, readFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { join } from "node:path"
import { vi } from "vitest"
import { runFolder } from "../../scripts/engines/home.ts"
import * as Channel from "../../src/layers/containerd/channel.ts"
import { Tasks } from "../../src/layers/containerd/protocol/tasks_pb.ts"
import { faults, job, outcome, works } from "./case.ts"
import type { Engine, Restartable } from "./engine.ts"

const commandOf = (pid: string): ReadonlyArray<string> => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")
  } catch {
    return []
  }
}

/** The shim of a container: of a dockerd the one that has its id, of a containerd the parent of its process. */
const shimOf = Effect.fnUntraced(function*(engine: Restartable | Engine, id: string) {
  if (!("config" in engine)) {
    const shim = readdirSync("/proc").find((pid) => {
      const command = commandOf(pid)
      return command[0]?.includes("containerd-shim") === true && command.includes(id)
    })
    return shim === undefined ? yield* Effect.die(`no shim has ${id}`) : Number(shim)
  }
  const channel = yield* Channel.make({
    socket: engine.config.address,
    namespace: engine.config.namespace,
    requestTimeout: 10_000
  })
  const { process } = yield* channel.unary(Tasks.method.get, { containerId: id, execId: "" }, { operation: "look" })
  const parent = Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${process?.pid ?? 0}/status`, "utf8"))?.[1])
  const command = commandOf(String(parent))
  if (!command.includes(engine.config.address)) return yield* Effect.die(`${parent} is no shim of this engine`)
  return parent
})

faults({}, ({ fault }) => {
  fault("what is mounted goes away before the start", {
    docker: "ContainerStart: InvalidArgument; then works",
    containerd: "ContainerStart: InvalidArgument; then works"
  }, () =>
    Effect.gen(function*() {
      const folder = yield* Effect.promise(() => mkdtemp(join(runFolder(), "..", "faults-")))
      const created = yield* Container.create(job("ls /mounted").pipe(Container.volume(folder, "/mounted")))
      yield* Effect.promise(() => rm(folder, { recursive: true }))
      const came = yield* outcome(created.start)
      return `${came}; then ${yield* works}`
    }))

  fault("its shim is killed", "before; the end, not 0; then works", (engine) =>
    Effect.gen(function*() {
      const begun = yield* Deferred.make<void>()
      const handle = yield* Container.start(job("echo before; sleep 600; echo after"))
      let text = ""
      const following = yield* Effect.forkChild(outcome(
        Stream.runForEach(handle.all, (bytes) => {
          text += new TextDecoder().decode(bytes)
          return Deferred.succeed(begun, undefined)
        }),
        () => "the end"
      ))
      const waiting = yield* Effect.forkChild(outcome(
        handle.exitStatus,
        ({ _tag }) => _tag === "Killed" || _tag === "Unknown" ? "not 0" : _tag
      ))
      yield* Deferred.await(begun)
      const shim = yield* shimOf(engine, handle.id)
      yield* Effect.sync(() => process.kill(shim, "SIGKILL"))
      const [log, exit] = [yield* Fiber.join(following), yield* Fiber.join(waiting)]
      return `${text.trim()}; ${log}, ${exit}; then ${yield* works}`
    }))

  fault("the clock is set while it runs", "before after; works", () =>
    Effect.gen(function*() {
      const lasting = job("echo before; sleep 1; echo after").pipe(Container.timeLimit("1 minute"))
      const now = Date.now()
      const jump = (to: number) => Effect.sync(() => vi.setSystemTime(to))
      yield* Effect.acquireRelease(
        Effect.sync(() => vi.useFakeTimers({ toFake: ["Date"], now })),
        () => Effect.sync(() => vi.useRealTimers())
      )
      const running = yield* Effect.forkChild(Container.lines(lasting))
      yield* Effect.sleep("500 millis")
      yield* jump(now + 86_400_000)
      const ahead = yield* works
      yield* jump(now - 86_400_000)
      yield* works
      return `${(yield* Fiber.join(running)).join(" ")}; ${ahead}`
    }))
})
