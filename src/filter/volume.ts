import type * as Result from "effect/Result"
import type { Filter } from "./filter.ts"
import { hasLabel, match, type Refusal, type Test } from "./match.ts"
import type { NetworkFacts } from "./network.ts"

/**
 * Whether a volume passes, as Docker would decide it. Knows `name`, `driver` and `label`; any other key is refused,
 * whatever the other terms say.
 *
 * @category matching
 * @since 0.1.0
 */
export const matchVolume = (self: Filter, facts: Omit<NetworkFacts, "id">): Result.Result<boolean, Refusal> =>
  match(
    self,
    new Map<string, Test>([
      ["name", (value) => facts.name.includes(value)],
      ["driver", (value) => facts.driver === value],
      ["label", hasLabel(facts.labels)]
    ])
  )
