/**
 * What is left of runs that were interrupted at any moment: nothing. `EFFECT_CONTAINERS_INTERRUPTIONS` (default 30) says
 * how many.
 */
import { describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, Random, Stream } from "effect"
import { Container, Image } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"
import { readdirSync } from "node:fs"
import { holdsAtRest } from "../../faults/holds.ts"
import { type Engine, restartable, versions } from "./engine.ts"

const interruptions = Number(process.env["EFFECT_CONTAINERS_INTERRUPTIONS"] ?? 30)

/** All that the engine, the kernel and our folder hold. */
const holds = (engine: Engine) =>
  Effect.map(holdsAtRest(engine), (held) => ({
    ...held,
    descriptors: readdirSync("/proc/self/fd").filter((fd) => fd !== "").length
  }))

describe.each(versions)("%s", (name) => {
  it.live(`${interruptions} interrupted runs leave nothing`, () =>
    Effect.scoped(Effect.gen(function*() {
      const engine = yield* restartable(name)
      const layer = Containerd.layer({ ...engine.config, connectTimeout: 60_000 })
      const job = Container.make("busybox:test").pipe(Container.pull("never"))
      const jobs = [
        Container.command(job, "while :; do echo x; done"),
        Container.command(job, ["sleep", "60"]),
        Container.command(job, "echo done"),
        job.pipe(Container.command(["cat"]), Container.stdin(Stream.never))
      ]
      yield* Effect.provide(
        Effect.andThen(Image.fromArchive(Stream.make(engine.image)), Container.run(Container.command(job, ["true"]))),
        layer
      )
      const before = yield* holds(engine)
      deepStrictEqual(before.shims, [])
      const interrupted = Effect.gen(function*() {
        const run = jobs[yield* Random.nextIntBetween(0, jobs.length)] ?? job
        const after = yield* Random.nextIntBetween(0, 400)
        yield* Effect.timeoutOption(Container.run(run), after)
      })
      yield* Effect.forEach(Array.from({ length: interruptions }), () => interrupted, {
        concurrency: 4,
        discard: true
      }).pipe(Effect.provide(layer))
      deepStrictEqual(yield* holds(engine), before)
    })), 1_800_000)
})
