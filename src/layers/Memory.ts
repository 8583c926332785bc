/**
 * An engine in memory, for tests: images are functions, time is the `Clock`'s, and everything can be made to go wrong.
 * A program that runs containers is tested to its last error with no engine on the machine.
 *
 * It is a `Backend` like the others and held to the same conformance suite. Its containers share this process: nothing
 * confines what a recipe does.
 *
 * **Example** (A registry that comes back, without waiting for it)
 *
 * ```ts import.meta.vitest
 * import { Effect, Fiber, Schedule } from "effect"
 * import { TestClock } from "effect/testing"
 * import { Container } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const engine = Memory.layer({
 *   registry: [Memory.image("alpine", () => ({ stdout: "hello\n" }))],
 *   faults: [Memory.Fault.refuse("pull", "Unavailable", { times: 2 })]
 * })
 * const program = Container.string(Container.make("alpine")).pipe(
 *   Effect.retry({ schedule: Schedule.spaced("1 minute"), while: (error) => error._tag === "ImagePull" && error.isRetryable })
 * )
 * const test = Effect.gen(function*() {
 *   // begun by the clock, it has come to rest whenever `adjust` goes on
 *   const fiber = yield* Effect.forkChild(Effect.delay(program, "1 second"))
 *   yield* TestClock.adjust("1 hour")
 *   return yield* Fiber.join(fiber)
 * }).pipe(Effect.provide(engine), Effect.provide(TestClock.layer()))
 * await Effect.runPromise(test) // => "hello\n"
 * ```
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Backend } from "../Backend.ts"
import * as ExitStatus from "../ExitStatus.ts"
import { Engine, make } from "./memory/engine.ts"
import type { Options } from "./memory/world.ts"

export { type Build, type Builder } from "./memory/builder.ts"
export { Engine, make } from "./memory/engine.ts"
export * as Fault from "./memory/fault.ts"
export { image, type ImageConfig, type ImageOptions, type MemoryImage } from "./memory/image.ts"
export type { Ending, FileAttributes, FileInfo, Files, Piece, Process, Recipe } from "./memory/recipe.ts"
export type { Options } from "./memory/world.ts"

/**
 * What a recipe gives when its container is to have run out of memory.
 *
 * @category endings
 * @since 0.1.0
 */
export const oomKilled: ExitStatus.OomKilled = new ExitStatus.OomKilled()

/**
 * What a recipe gives, before it does anything else, when its command is not there: starting the container then fails with
 * `NotFound`.
 *
 * @category endings
 * @since 0.1.0
 */
export const notFound: ExitStatus.StartFailed = new ExitStatus.StartFailed({ issue: "not found" })

/**
 * What a recipe gives, before it does anything else, when its command is no program: starting the container then fails
 * with `PermissionDenied`.
 *
 * @category endings
 * @since 0.1.0
 */
export const notExecutable: ExitStatus.StartFailed = new ExitStatus.StartFailed({ issue: "not executable" })

/**
 * A new engine in memory, and the {@link Engine} through which a test looks inside and lets things go wrong. It lives as
 * long as the Layer; whatever still runs in it then is killed.
 *
 * **Example** (A container that fails)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { Container } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const engine = Memory.layer({
 *   images: [Memory.image("make", () => ({ stderr: "no rule to make target\n", exitCode: 2 }))]
 * })
 * const program = Container.run(Container.make("make")).pipe(
 *   Effect.catchTag("ExitCode", (error) => Effect.succeed([error.code, error.logs.stderrText])),
 *   Effect.provide(engine)
 * )
 * await Effect.runPromise(program) // => [2, "no rule to make target\n"]
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Backend | Engine> =>
  Layer.effectContext(
    Effect.map(make(options), ({ backend, engine }) => Context.add(Context.make(Backend, backend), Engine, engine))
  )

/**
 * The part of the options that can stand in a configuration.
 *
 * @category configs
 * @since 0.1.0
 */
export const MemoryConfig = Schema.Struct({
  /** How long each operation takes, such as `"10 millis"`. Default: no time. */
  latency: Schema.optionalKey(Schema.DurationFromString)
})

/**
 * @category configs
 * @since 0.1.0
 */
export type MemoryConfig = typeof MemoryConfig.Type

/**
 * {@link layer} with the part that can stand in a configuration taken from `Config`. Fails with `ConfigError`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  config: Config.Wrap<MemoryConfig>,
  options: Omit<Options, "latency"> = {}
): Layer.Layer<Backend | Engine, Config.ConfigError> =>
  Layer.unwrap(Effect.map(Config.unwrap(config), (settings) => layer({ ...options, ...settings })))
