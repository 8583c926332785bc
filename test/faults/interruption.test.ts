/**
 * Somebody interrupts at any moment. `EFFECT_CONTAINERS_INTERRUPTIONS` (default 30) says how often, `_SEED` which moments.
 */
import { assert } from "@effect/vitest"
import { Effect, Random } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { faults, outcome, works } from "./case.ts"
import { two } from "./pipeline.ts"

const interruptions = Number(process.env["EFFECT_CONTAINERS_INTERRUPTIONS"] ?? 30)
const seed = Number(process.env["EFFECT_CONTAINERS_SEED"] ?? 1)

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** A folder for temporary files that only this process has. */
const temporary = Effect.acquireRelease(
  Effect.promise(async () => {
    const before = process.env["TMPDIR"]
    const folder = await mkdtemp(join(tmpdir(), "faults-"))
    process.env["TMPDIR"] = folder
    return { before, folder }
  }),
  ({ before, folder }) =>
    Effect.promise(async () => {
      if (before === undefined) delete process.env["TMPDIR"]
      else process.env["TMPDIR"] = before
      await rm(folder, { recursive: true })
    })
)

faults({ minutes: 20 }, ({ fault }) => {
  fault(
    `${interruptions} interruptions, seed ${seed}`,
    "works, 0 temporary files",
    (engine, note) =>
      Effect.gen(function*() {
        const { folder } = yield* temporary
        const ends = new Map<string, number>()
        const interrupted = Effect.gen(function*() {
          const after = yield* Random.nextIntBetween(0, 1000)
          const end = yield* outcome(Effect.timeoutOption(two(engine.image), after), ({ _tag }) => _tag)
          ends.set(end, (ends.get(end) ?? 0) + 1)
        })
        yield* Effect.forEach(Array.from({ length: interruptions }), () => interrupted, { discard: true }).pipe(
          Random.withSeed(seed)
        )
        note([...ends].map(([end, count]) => `${end} ${count}`).join(", "))
        // An interruption is the only thing that happened.
        assert.deepStrictEqual([...ends.keys()].filter((end) => end !== "None" && end !== "Some"), [])
        const again = yield* works
        return `${again}, ${(yield* Effect.promise(() => readdir(folder))).length} temporary files`
      })
  )

  fault(
    "a program whose pipelines were interrupted ends by itself",
    "ended with 0",
    (engine) =>
      Effect.gen(function*() {
        const { folder } = yield* temporary
        const archive = join(folder, "image.tar")
        yield* Effect.promise(() => writeFile(archive, engine.image))
        return yield* Effect.promise(async () => {
          const sources = here("../layers/containerd/daemon/sources.ts")
          const args = ["--import", sources, here("program.ts"), JSON.stringify(engine.connection), archive]
          const program = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] })
          const ended = once(program, "exit")
          const [line] = await Promise.race([once(program.stdout, "data"), ended])
          assert.strictEqual(String(line), "done\n")
          const patience = setTimeout(() => program.kill("SIGKILL"), 5000)
          const [code, signal] = await ended
          clearTimeout(patience)
          return signal === null ? `ended with ${code}` : "went on for more than 5 seconds"
        })
      })
  )
})
