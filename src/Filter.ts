/**
 * Which containers, images or events an engine is to list: the engines' own list filters.
 *
 * A filter is a set of terms, each a key and a value. Terms of different keys must all hold. Of several terms of one key
 * it is enough that one holds; only `label` terms must all hold. So `and` of two statuses means "the one or the other".
 *
 * **Example** (Running containers of a project)
 *
 * ```ts import.meta.vitest
 * import { Filter } from "effect-containers"
 *
 * const filter = Filter.label("project", "shop").pipe(
 *   Filter.and(Filter.label("tier")),
 *   Filter.and(Filter.status("running"))
 * )
 * Filter.toRecord(filter) // => { label: ["project=shop", "tier"], status: ["running"] }
 * ```
 *
 * @since 0.1.0
 */
export * from "./filter/container.ts"
export * from "./filter/event.ts"
export * from "./filter/filter.ts"
export * from "./filter/image.ts"
export type { Refusal } from "./filter/match.ts"
export * from "./filter/network.ts"
export * from "./filter/volume.ts"
