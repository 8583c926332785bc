/**
 * The disk on which the engine stores images is full.
 */
import { Effect, Stream } from "effect"
import { Image } from "effect-containers"
import { randomBytes } from "node:crypto"
import { archive, makeImage } from "../../scripts/engines/image.ts"
import { faults, outcome, works } from "./case.ts"
import { stalling } from "./registry.ts"

const mib = 1024 * 1024

faults({ disk: 64 }, ({ fault }) => {
  fault("full while pulling", "ClientPull: ResourceExhausted; then pulled, works", (engine) =>
    Effect.gen(function*() {
      const registry = yield* stalling(engine.machine, 8 * mib)
      yield* registry.goOn
      const pull = Stream.runDrain(Image.pull(registry.image))
      yield* engine.disk.fill(6 * mib)
      const came = yield* outcome(pull)
      yield* engine.disk.clear
      yield* pull
      const again = yield* works
      yield* Image.remove(registry.image, { force: true })
      return `${came}; then pulled, ${again}`
    }))

  fault(
    "full while importing",
    "ImageImport: ResourceExhausted; then imported, works",
    (engine) =>
      Effect.gen(function*() {
        const image = yield* Effect.promise(() =>
          makeImage({ layers: [{ filling: new Uint8Array(randomBytes(8 * mib)) }] })
        )
        const bytes = archive(image, ["filling:1"])
        const load = Image.fromArchive(Stream.make(bytes))
        yield* engine.disk.fill(6 * mib)
        const came = yield* outcome(load)
        yield* engine.disk.clear
        yield* load
        const again = yield* works
        yield* Image.remove("filling:1", { force: true })
        return `${came}; then imported, ${again}`
      })
  )
})
