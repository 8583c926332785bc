/** A shim is told to end when its task is deleted: containerd forgets it when the call is cancelled in the middle. */
import { describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, Stream } from "effect"
import { Container, Image } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"
import { holdsAtRest } from "../../faults/holds.ts"
import { restartable, versions } from "./engine.ts"

describe.each(versions)("%s", (name) => {
  it.live(
    "a Layer that is closed as soon as its run is over leaves no shim",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const engine = yield* restartable(name)
        const layer = Containerd.layer({ ...engine.config, connectTimeout: 60_000 })
        const job = Container.make("busybox:test").pipe(Container.pull("never"), Container.command(["true"]))
        yield* Effect.provide(Image.fromArchive(Stream.make(engine.image)), layer)
        for (let run = 0; run < 10; run++) yield* Effect.provide(Container.run(job), layer)
        deepStrictEqual((yield* holdsAtRest(engine)).shims, [])
      })),
    300_000
  )
})
