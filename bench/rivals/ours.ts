/** This library, with the modules of Effect that it needs. */
import { Container } from "effect-containers"
import * as Docker from "effect-containers/layers/Docker"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { heap } from "../measure/usage.ts"
import { type Contender, image } from "./contender.ts"

export const make = async (host: string): Promise<Contender & { readonly heap: () => number }> => {
  const runtime = ManagedRuntime.make(Docker.layer({ host }))
  await runtime.context()
  const made = (command: ReadonlyArray<string>) =>
    Container.string(Container.make(image).pipe(Container.command(command)))
  return {
    run: (command) => runtime.runPromise(made(command)),
    many: (count, concurrency, command, expected) => {
      const one = Effect.map(made(command), (text) => Number(text === expected))
      return runtime.runPromise(Effect.map(
        Effect.all(Array.from({ length: count }, () => one), { concurrency }),
        (all) => all.reduce((sum, each) => sum + each, 0)
      ))
    },
    close: () => runtime.dispose(),
    heap
  }
}
