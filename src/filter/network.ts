import type * as Result from "effect/Result"
import type { Filter } from "./filter.ts"
import { hasLabel, match, type Refusal, type Test } from "./match.ts"

/**
 * What {@link matchNetwork} looks at.
 *
 * @category models
 * @since 0.1.0
 */
export interface NetworkFacts {
  readonly id: string
  readonly name: string
  readonly driver: string
  readonly labels: Readonly<Record<string, string>>
}

/**
 * Whether a network passes, as Docker would decide it. Knows `id`, `name`, `driver` and `label`; any other key is refused,
 * whatever the other terms say.
 *
 * @category matching
 * @since 0.1.0
 */
export const matchNetwork = (self: Filter, facts: NetworkFacts): Result.Result<boolean, Refusal> =>
  match(
    self,
    new Map<string, Test>([
      ["id", (value) => facts.id.startsWith(value)],
      ["name", (value) => facts.name.includes(value)],
      ["driver", (value) => facts.driver === value],
      ["label", hasLabel(facts.labels)]
    ])
  )
