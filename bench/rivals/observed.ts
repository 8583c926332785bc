/**
 * This library with nobody who listens to its spans and metrics, and as if it had none: a tracer that does nothing, and no
 * names for spans, which is what an Effect costs that was never traced.
 */
import { Container } from "effect-containers"
import * as Docker from "effect-containers/layers/Docker"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { image } from "./contender.ts"

export const make = async (host: string, tracing: "on" | "off") => {
  const runtime = ManagedRuntime.make(Docker.layer({ host }))
  await runtime.context()
  const one = Container.string(Container.make(image).pipe(Container.command(["true"])))
  return {
    runs: async (count: number) => {
      const all = Effect.all(Array.from({ length: count }, () => one), { concurrency: 8, discard: true })
      await runtime.runPromise(tracing === "on" ? all : Effect.withTracerEnabled(all, false))
    }
  }
}
