/**
 * What a container writes that outlives the program which started it: all of it, in order, with its times.
 */
import { layer } from "@effect/vitest"
import { deepStrictEqual, strictEqual } from "@effect/vitest/utils"
import { Context, DateTime, Deferred, Effect, Fiber, Layer, Stream } from "effect"
import { type Backend, Container, Image } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type Engine, restartable, versions } from "./engine.ts"

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))

const decoder = new TextDecoder()

class Mortal extends Context.Service<Mortal, Engine>()("test/Mortal") {}

/** An engine of this file's own, whose shims it may kill. */
const mortal = (name: string) =>
  Layer.unwrap(Effect.map(restartable(name), (engine) => {
    const containerd = Layer.orDie(Containerd.layer({ ...engine.config, connectTimeout: 60_000 }))
    const image = Layer.effectDiscard(Effect.orDie(Image.fromArchive(Stream.make(engine.image))))
    return Layer.mergeAll(Layer.succeed(Mortal, engine), Layer.provideMerge(image, containerd))
  })).pipe(Layer.orDie)

const job = (command: string) =>
  Container.make("busybox:test").pipe(Container.pull("never"), Container.command(command))

/** Removed when the test is over, however it went. */
const started = (self: Container.Container) =>
  Effect.acquireRelease(
    Container.start(self, { detach: true }),
    ({ id }) => Effect.ignore(Container.remove(id, { force: true }))
  )

const text = (id: string, options: Backend.LogsOptions = {}) =>
  Effect.map(
    Stream.runCollect(Container.logs(id, { follow: false, ...options })),
    (frames) => frames.map(({ bytes }) => decoder.decode(bytes)).join("")
  )

/** Its logger is this instead. */
const withNode = (path: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const before = process.execPath
      process.execPath = path
      return before
    }),
    (before) =>
      Effect.sync(() => {
        process.execPath = before
      })
  )

/** Starts a container from a program of its own, which is killed as soon as it has. */
const orphan = (engine: Engine, name: string, command: string) =>
  Effect.promise(async () => {
    const config = JSON.stringify({ ...engine.config, connectTimeout: 60_000 })
    const program = ["--import", path("daemon/sources.ts"), path("detaching.ts"), config, name, command]
    const child = spawn(process.execPath, program, { stdio: ["ignore", "pipe", "inherit"] })
    const [id] = await once(child.stdout, "data")
    child.kill("SIGKILL")
    await once(child, "exit")
    return String(id).trim()
  })

const commandOf = (pid: string) => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")
  } catch {
    return []
  }
}

/** The loggers of an engine's containers. */
const loggers = ({ config }: Engine) =>
  readdirSync("/proc").filter((pid) => /^\d+$/.test(pid)).filter((pid) => {
    const [, script = "", folder = ""] = commandOf(pid)
    return script.includes("stdio/logger.") && folder.startsWith(`${config.folder}/`)
  }).map(Number)

/** How many there still are when they had the time to end. */
const left = (engine: Engine) =>
  Effect.promise(async () => {
    for (let tries = 0; tries < 100 && loggers(engine).length > 0; tries++) {
      await new Promise((done) => setTimeout(done, 50))
    }
    return loggers(engine).length
  })

/** What runs this may want to be more thorough. */
const rounds = Number(process.env["EFFECT_CONTAINERS_INTERRUPTIONS"] ?? 3)

for (const name of versions) {
  layer(mortal(name), { excludeTestServices: true, timeout: "2 minutes" })(name, (it) => {
    it.effect("what it writes when its starter is dead has its order and its times", () =>
      Effect.gen(function*() {
        const engine = yield* Mortal
        const id = yield* orphan(engine, "speaker", "echo a; sleep 2; echo b >&2; sleep 2; echo c; sleep 60")
        yield* Effect.sleep("6 seconds")
        const frames = yield* Stream.runCollect(Container.logs(id, { follow: false, timestamps: true }))
        const said = frames.map(({ bytes, source }) => `${source} ${decoder.decode(bytes).trim()}`)
        deepStrictEqual(said, ["stdout a", "stderr b", "stdout c"])
        const times = frames.map(({ timestamp = 0n }) => Number(timestamp / 1_000_000n))
        const [a = 0, b = 0, c = 0] = times
        const apart = [b - a, c - b].map((milliseconds) => milliseconds >= 1000 && milliseconds < 30_000)
        deepStrictEqual({ times, apart }, { times, apart: [true, true] })
        strictEqual(yield* text(id, { since: DateTime.makeUnsafe(a + 500) }), "b\nc\n")
        strictEqual(loggers(engine).length, 1)
        yield* Container.remove(id, { force: true })
        strictEqual(yield* left(engine), 0)
      }))

    it.effect("its starter follows it while it lives", () =>
      Effect.gen(function*() {
        const engine = yield* Mortal
        const { id } = yield* started(job("echo a; sleep 3; echo b >&2"))
        const heard = yield* Deferred.make<void>()
        const said: Array<string> = []
        const following = yield* Effect.forkChild(
          Stream.runForEach(Container.logs(id, { follow: true }), ({ bytes, source }) => {
            said.push(`${source} ${decoder.decode(bytes).trim()}`)
            return Deferred.succeed(heard, undefined)
          })
        )
        yield* Deferred.await(heard)
        deepStrictEqual(said, ["stdout a"])
        yield* Fiber.join(following)
        deepStrictEqual(said, ["stdout a", "stderr b"])
        strictEqual(yield* left(engine), 0)
      }))

    it.effect(`all of it is there after its end, ${rounds} times`, () =>
      Effect.gen(function*() {
        const size = 1024 * 1024
        for (let round = 0; round < rounds; round++) {
          const { id } = yield* started(job(`head -c ${size} /dev/zero | tr '\\0' x; printf end >&2`))
          yield* Container.wait(id)
          const all = yield* text(id)
          // Which of the two comes first is not said of what is written at once.
          deepStrictEqual([all.length, all.replaceAll("x", "")], [size + 3, "end"])
          yield* Container.remove(id)
        }
      }), 600_000)

    it.effect("so it is of a terminal", () =>
      Effect.gen(function*() {
        const engine = yield* Mortal
        const { id } = yield* started(Container.tty(job("echo a; echo b >&2; sleep 1; echo c"), true))
        yield* Container.wait(id)
        const frames = yield* Stream.runCollect(Container.logs(id, { follow: false, timestamps: true }))
        strictEqual(frames.map(({ bytes }) => decoder.decode(bytes)).join(""), "a\r\nb\r\nc\r\n")
        const times = frames.map(({ timestamp = 0n }) => Number(timestamp / 1_000_000n))
        deepStrictEqual([times, (times.at(-1) ?? 0) - (times[0] ?? 0) >= 800], [times, true])
        strictEqual(yield* left(engine), 0)
      }))

    it.effect("one whose shim is killed has an end, and no logger is left", () =>
      Effect.gen(function*() {
        const engine = yield* Mortal
        const { id } = yield* started(job("echo a; sleep 600"))
        while ((yield* text(id)) === "") yield* Effect.sleep("50 millis")
        const [logger = 0] = loggers(engine)
        const shim = Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${logger}/status`, "utf8"))?.[1])
        process.kill(shim, "SIGKILL")
        yield* Container.wait(id)
        strictEqual(yield* text(id), "a\n")
        strictEqual(yield* left(engine), 0)
      }))

    it.effect("where the engine has no Node, its starter keeps the times", () =>
      Effect.gen(function*() {
        const folder = yield* Effect.acquireRelease(
          Effect.sync(() => mkdtempSync(join(tmpdir(), "efc-node-"))),
          (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
        )
        // One ends as soon as it is started, one cannot be, and one is not there.
        const program = join(folder, "node")
        for (const mode of [0o755, 0o644, undefined]) {
          rmSync(program, { force: true })
          if (mode !== undefined) {
            writeFileSync(program, "#!/bin/sh\nexit 1\n")
            chmodSync(program, mode)
          }
          yield* Effect.scoped(Effect.gen(function*() {
            yield* withNode(program)
            const { id } = yield* started(job("echo a; sleep 1; echo b >&2; exit 3"))
            deepStrictEqual({ ...(yield* Container.wait(id)) }, { _tag: "Exited", code: 3 })
            strictEqual(yield* text(id), "a\nb\n")
          }))
        }
      }))
  })
}
