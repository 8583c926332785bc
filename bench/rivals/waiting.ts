/** This library on a Swarm, with containers that no node takes. */
import { Container } from "effect-containers"
import * as Swarm from "effect-containers/layers/Swarm"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as ManagedRuntime from "effect/ManagedRuntime"

export const make = async (host: string, image: string) => {
  const runtime = ManagedRuntime.make(Swarm.layer({ host, placementTimeout: 3_600_000 }))
  await runtime.context()
  const one = Container.exitCode(Container.make(image).pipe(Container.command(["true"]), Container.pull("never")))
    .pipe(Swarm.place({ constraints: ["node.labels.none==none"] }))
  let waiting: Fiber.Fiber<unknown, unknown> | undefined
  return {
    hold: (count: number) => {
      // Not all at once: it is not their creation that is looked at.
      const all = Array.from({ length: count }, (_, n) => Effect.delay(one, n * 20))
      waiting = runtime.runFork(Effect.all(all, { concurrency: "unbounded" }))
    },
    release: async () => {
      if (waiting !== undefined) await runtime.runPromise(Fiber.interrupt(waiting))
    },
    close: () => runtime.dispose()
  }
}
