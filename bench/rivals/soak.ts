/** Much of everything, over and over: runs, output, interruptions. */
import { Container, Image } from "effect-containers"
import * as Docker from "effect-containers/layers/Docker"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import { heap } from "../measure/usage.ts"
import { image } from "./contender.ts"

export const make = async (host: string) => {
  const runtime = ManagedRuntime.make(Docker.layer({ host }))
  await runtime.context()
  const job = Container.make(image).pipe(Container.command(["true"]))
  const read = Stream.runDrain(Container.streamLines(job))
  const interrupted = Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(Container.run(job))
    yield* Effect.sleep(1)
    yield* Fiber.interrupt(fiber)
  })
  const failed = Effect.flip(Container.run(job.pipe(Container.expect([1]))))
  const round = Effect.all([Container.run(job), read, interrupted, failed, Stream.runDrain(Image.pull(image))], {
    concurrency: 5,
    discard: true
  })
  return {
    rounds: (count: number) =>
      runtime.runPromise(Effect.all(Array.from({ length: count }, () => round), { concurrency: 4, discard: true })),
    heap
  }
}
