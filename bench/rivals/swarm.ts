/** This library on a Swarm. */
import { Container } from "effect-containers"
import * as Swarm from "effect-containers/layers/Swarm"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { heap } from "../measure/usage.ts"
import type { Contender } from "./contender.ts"

export const make = async (
  host: string,
  _program: string,
  image: string
): Promise<Contender & { readonly heap: () => number }> => {
  const runtime = ManagedRuntime.make(Swarm.layer({ host }))
  await runtime.context()
  const made = (command: ReadonlyArray<string>) =>
    Container.string(Container.make(image).pipe(Container.command(command), Container.pull("never")))
  return {
    run: (command) => runtime.runPromise(made(command)),
    many: (count, concurrency, command, expected) =>
      runtime.runPromise(Effect.map(
        Effect.all(
          Array.from({ length: count }, () => Effect.map(made(command), (text) => Number(text === expected))),
          {
            concurrency
          }
        ),
        (all) => all.reduce((sum, each) => sum + each, 0)
      )),
    close: () => runtime.dispose(),
    heap
  }
}
