/**
 * Somebody interrupts at any moment. `EFFECT_CONTAINERS_INTERRUPTIONS` (default 30) says how often, `_SEED` which moments.
 */
import { Effect, Random, Stream } from "effect"
import { Container, Image } from "effect-containers"
import { faults, job, outcome, works } from "./case.ts"

const interruptions = Number(process.env["EFFECT_CONTAINERS_INTERRUPTIONS"] ?? 30)
const seed = Number(process.env["EFFECT_CONTAINERS_SEED"] ?? 1)

faults({ minutes: 20 }, ({ fault }) => {
  fault(`${interruptions} interruptions, seed ${seed}`, "works", (engine) => {
    /** All that can be cut off, from the image to the removal. */
    const pipeline = Effect.scoped(Effect.gen(function*() {
      yield* Image.fromArchive(Stream.make(engine.image))
      const image = yield* Image.resolve("busybox:test", { pull: "never" })
      const created = yield* Container.create(
        Container.make(image).pipe(
          Container.command("echo begun; sleep 0.1; echo done"),
          Container.stopWith({ grace: 0 })
        )
      )
      const handle = yield* created.start
      yield* Effect.all([Stream.runDrain(handle.all), handle.exitStatus], { concurrency: 2 })
      yield* Container.remove(handle.id)
    }))
    const two = Effect.all([pipeline, Container.run(job("while :; do echo x; done"))], { concurrency: 2 })
    const interrupted = Effect.gen(function*() {
      const after = yield* Random.nextIntBetween(0, 500)
      yield* outcome(Effect.timeoutOption(two, after))
    })
    return Effect.forEach(Array.from({ length: interruptions }), () => interrupted, { discard: true }).pipe(
      Random.withSeed(seed),
      Effect.andThen(works)
    )
  })
})
