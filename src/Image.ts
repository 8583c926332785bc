/**
 * Images: getting them, building them, looking at them, letting them go.
 *
 * **Example** (The newest there is, the local copy when the registry is down)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { Image } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const engine = Memory.layer({ images: [Memory.image("gcc:14", () => ({ exitCode: 0 }))] })
 * const program = Image.resolve("gcc:14").pipe(Effect.map((image) => image.name), Effect.provide(engine))
 * await Effect.runPromise(program) // => "gcc:14"
 * ```
 *
 * @since 0.1.0
 */
export { build, type BuildImageOptions } from "./image/build.ts"
export * from "./image/change.ts"
export * from "./image/clean.ts"
export { exists, inspect, list } from "./image/inspect.ts"
export * from "./image/pull.ts"
export * from "./image/resolve.ts"
