/**
 * What a containerd's death costs: nothing of a container that runs on, and never a made-up exit code.
 */
import { describe, it } from "@effect/vitest"
import { deepStrictEqual, strictEqual } from "@effect/vitest/utils"
import { Deferred, Effect, Fiber, type Scope, Stream } from "effect"
import { Backend, Container, Filter, Image } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"
import { type Engine, restartable, versions } from "./engine.ts"

const using = <A, E>(
  name: string,
  body: (engine: Engine) => Effect.Effect<A, E, Backend.Backend | Scope.Scope>
) =>
  Effect.scoped(Effect.gen(function*() {
    const engine = yield* restartable(name)
    const layer = Containerd.layer(engine.config)
    return yield* Effect.scoped(Effect.andThen(Image.fromArchive(Stream.make(engine.image)), body(engine))).pipe(
      Effect.provide(layer)
    )
  }))

const job = (command: string) =>
  Container.make("busybox:test").pipe(
    Container.pull("never"),
    Container.command(command),
    Container.stopWith({ grace: 0 })
  )

const text = <E>(stream: Stream.Stream<Uint8Array, E>) => Stream.mkString(Stream.decodeText(stream))

describe.each(versions)("%s", (name) => {
  it.live("wait and logs go on when it is restarted", () =>
    using(name, (engine) =>
      Effect.gen(function*() {
        const handle = yield* Container.start(job("echo before; sleep 3; echo after; exit 7"))
        const exit = yield* Effect.forkChild(handle.exitCode)
        const output = yield* Effect.forkChild(text(handle.all))
        yield* handle.stdout.pipe(Stream.take(1), Stream.runDrain)
        yield* engine.kill
        yield* Effect.sleep("300 millis")
        yield* engine.start
        strictEqual(yield* Fiber.join(exit), 7)
        strictEqual(yield* Fiber.join(output), "before\nafter\n")
        strictEqual(yield* Effect.map(handle.inspect, ({ state }) => state), "exited")
      })))

  it.live("a run goes on when it is restarted", () =>
    using(name, (engine) =>
      Effect.gen(function*() {
        const begun = yield* Deferred.make<void>()
        const running = yield* Effect.forkChild(
          Container.run(job("echo before; sleep 2; echo after"), { onOutput: () => Deferred.succeed(begun, undefined) })
        )
        yield* Deferred.await(begun)
        yield* engine.kill
        yield* engine.start
        const { exit, logs } = yield* Fiber.join(running)
        deepStrictEqual({ exit: exit._tag, text: logs.text }, { exit: "Exited", text: "before\nafter\n" })
      })))

  it.live("what ends while nobody is there has an unknown end, unless the engine kept it", () =>
    using(name, (engine) =>
      Effect.gen(function*() {
        const handle = yield* Container.start(job("echo before; sleep 1; echo after; exit 7"))
        yield* handle.stdout.pipe(Stream.take(1), Stream.runDrain)
        yield* engine.kill
        yield* Effect.sleep("2 seconds")
        yield* engine.start
        const exit = yield* handle.exitStatus
        strictEqual(exit._tag === "Unknown" || (exit._tag === "Exited" && exit.code === 7), true)
        // What it wrote is not lost with it.
        strictEqual(yield* text(handle.all), "before\nafter\n")
        const again = yield* Container.wait(handle.id)
        deepStrictEqual(again, exit)
      })))

  it.live("one that stays away fails Unavailable, and nothing hangs", () =>
    using(name, (engine) =>
      Effect.gen(function*() {
        const backend = yield* Backend.Backend
        yield* engine.kill
        const error = yield* Effect.flip(backend.list(Filter.all))
        strictEqual(error.reason._tag, "Unavailable")
        yield* engine.start
      })))
})
