/** This library's pool of started containers. */
import { Container } from "effect-containers"
import * as Docker from "effect-containers/layers/Docker"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { type Contender, image } from "./contender.ts"

interface Pooled extends Contender {
  /** Waits until all that it has is reset. */
  readonly ready: () => Promise<unknown>
}

export const make = async (host: string, size: string): Promise<Pooled> => {
  const runtime = ManagedRuntime.make(Docker.layer({ host }))
  const scope = Scope.makeUnsafe()
  const pool = await runtime.runPromise(
    Scope.provide(Container.pool(Container.make(image), { size: Number(size) }), scope)
  )
  return {
    run: (command) => runtime.runPromise(pool.string(command)),
    many: (count, concurrency, command, expected) => {
      const one = Effect.map(pool.string(command), (text) => Number(text === expected))
      return runtime.runPromise(Effect.map(
        Effect.all(Array.from({ length: count }, () => one), { concurrency }),
        (all) => all.reduce((sum, each) => sum + each, 0)
      ))
    },
    ready: () =>
      runtime.runPromise(Effect.repeat(pool.stats, {
        until: ({ idle }) => idle === Number(size),
        schedule: Schedule.spaced("5 millis")
      })),
    close: async () => {
      await runtime.runPromise(Scope.close(scope, Exit.void))
      await runtime.dispose()
    }
  }
}
