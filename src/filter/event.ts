import type * as Result from "effect/Result"
import type { Filter } from "./filter.ts"
import { hasLabel, match, type Refusal, sameImage, type Test } from "./match.ts"

/**
 * What {@link matchEvent} looks at.
 *
 * @category models
 * @since 0.1.0
 */
export interface EventFacts {
  /** Of the thing that it happened to: `"container"`, `"image"`, ... */
  readonly type: string
  readonly action: string
  /** Of the thing that it happened to. */
  readonly id: string
  /** Its labels among them, and its `name` and `image` where it has them. */
  readonly attributes: Readonly<Record<string, string>>
}

/**
 * Whether an event passes, as Docker would decide it. Knows `type`, `event`, `container`, `image` and `label`; any other
 * key is refused, whatever the other terms say.
 *
 * @category matching
 * @since 0.1.0
 */
export const matchEvent = (self: Filter, facts: EventFacts): Result.Result<boolean, Refusal> => {
  const named = facts.attributes["name"]
  // a pull names what was asked for in its id, with the tag, and the bare name beside it
  const images = facts.type === "image" ? [facts.id, named] : [facts.attributes["image"]]
  return match(
    self,
    new Map<string, Test>([
      ["type", (value) => value === facts.type],
      // an action may carry what it did: `exec_create: ls`
      ["event", (value) => facts.action === value || facts.action.startsWith(`${value}:`)],
      [
        "container",
        (value) => facts.type === "container" && (facts.id.startsWith(value) || named?.startsWith(value) === true)
      ],
      ["image", (value) => images.some((image) => image !== undefined && sameImage(image, image)(value) === true)],
      ["label", hasLabel(facts.attributes)]
    ])
  )
}
