import * as Effect from "effect/Effect"
import type * as Errors from "../../../Errors.ts"
import { type Descriptor, type Index, isIndex } from "./manifest.ts"

/** How deep an index may be in others: nobody makes more than two of them. */
const deepest = 4

export interface Expanded<A> {
  /** The manifests that are named, by the index or by one in it. */
  readonly manifests: ReadonlyArray<Descriptor>
  /** The indices in it, each after those in itself. */
  readonly indices: ReadonlyArray<A>
  /** No index in it was left out. */
  readonly isWhole: boolean
}

/**
 * All that an index names, also by way of others. `get` gives one of these; what it has not, `undefined`, is left out.
 */
export const expand = <A extends { readonly index: Index }, R>(
  { index }: { readonly index: Index },
  get: (descriptor: Descriptor) => Effect.Effect<A | undefined, Errors.Reason, R>,
  depth = 1
): Effect.Effect<Expanded<A>, Errors.Reason, R> =>
  Effect.gen(function*() {
    const manifests: Array<Descriptor> = []
    const indices: Array<A> = []
    let isWhole = true
    for (const entry of index.manifests) {
      if (!isIndex(entry.mediaType ?? "")) {
        manifests.push(entry)
        continue
      }
      const one = depth < deepest ? yield* get(entry) : undefined
      if (one === undefined) {
        isWhole = false
        continue
      }
      const inner = yield* expand(one, get, depth + 1)
      // What is for a platform as a whole is so in each of its parts.
      const { platform } = entry
      manifests.push(
        ...inner.manifests.map((manifest) => platform === undefined ? manifest : { platform, ...manifest })
      )
      indices.push(...inner.indices, one)
      isWhole &&= inner.isWhole
    }
    return { manifests, indices, isWhole }
  })
