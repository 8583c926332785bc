import * as Result from "effect/Result"
import * as Wildcard from "../buildContext/wildcard.ts"
import * as Reference from "../Reference.ts"
import type { Filter } from "./filter.ts"
import { hasLabel, match, type Refusal, type Test } from "./match.ts"

/**
 * What {@link matchImage} looks at.
 *
 * @category models
 * @since 0.1.0
 */
export interface ImageFacts {
  /** All names that the image has, short or full. */
  readonly references: ReadonlyArray<string>
  readonly labels: Readonly<Record<string, string>>
  /** Default: whether it has no references. */
  readonly dangling?: boolean | undefined
}

const hasReference = (references: ReadonlyArray<string>): Test => (value) => {
  const matches = Wildcard.compile(value, { deep: false })
  if (typeof matches === "string") return `the pattern ${matches}`
  return references.some((text) =>
    Result.match(Reference.parseResult(text), {
      onFailure: () => matches(text),
      onSuccess: (reference) => {
        const bare = new Reference.Reference({ domain: reference.domain, path: reference.path })
        return matches(reference.familiar) || matches(bare.familiar)
      }
    })
  )
}

/**
 * Whether an image passes, as Docker would decide it. Knows `reference`, `label` and `dangling`; any other key is refused,
 * whatever the other terms say.
 *
 * **Example** (By name)
 *
 * ```ts import.meta.vitest
 * import { Result } from "effect"
 * import { Filter } from "effect-containers"
 *
 * const gcc = { references: ["docker.io/library/gcc:14"], labels: {} }
 * Filter.matchImage(Filter.reference("gcc"), gcc) // => Result.succeed(true)
 * Filter.matchImage(Filter.reference("gcc:1?"), gcc) // => Result.succeed(true)
 * Filter.matchImage(Filter.dangling(true), gcc) // => Result.succeed(false)
 * ```
 *
 * @category matching
 * @since 0.1.0
 */
export const matchImage = (self: Filter, facts: ImageFacts): Result.Result<boolean, Refusal> =>
  match(
    self,
    new Map<string, Test>([
      ["reference", hasReference(facts.references)],
      ["label", hasLabel(facts.labels)],
      ["dangling", (value) => {
        const dangling = facts.dangling ?? facts.references.length === 0
        if (value === "true" || value === "1") return dangling
        if (value === "false" || value === "0") return !dangling
        return "it must be true or false"
      }]
    ])
  )
