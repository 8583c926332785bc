/**
 * What engines report while they pull, push, import and build; the reports of any engine folded into one state; that
 * state drawn for a person.
 *
 * **Example** (From statuses to a percentage)
 *
 * ```ts import.meta.vitest
 * import { Effect, Stream } from "effect"
 * import { Progress } from "effect-containers"
 *
 * const pull = Stream.make(
 *   new Progress.PullStatus({ id: "a", phase: "Exists", status: "Already exists" }),
 *   new Progress.PullStatus({ id: "b", phase: "Downloading", status: "Downloading", current: 20, total: 40 })
 * )
 * const state = await Effect.runPromise(
 *   Stream.runFold(pull, () => Progress.initial, (state, status) => Progress.fold(state, status))
 * )
 * state.fraction // => 0.375
 * ```
 *
 * @since 0.1.0
 */
export { type BuildState, foldBuild, formatBuild, type FormatBuildOptions, initialBuild } from "./progress/build.ts"
export { format, type FormatOptions, type Outcome } from "./progress/format.ts"
export { render, renderBuild, type RenderOptions } from "./progress/render.ts"
export { type Terminal } from "./progress/screen.ts"
export { fold, initial, type Layer, rate, remaining, type State } from "./progress/state.ts"
export { BuildStatus, BuildStep, Phase, phaseOf, PullStatus } from "./progress/status.ts"
