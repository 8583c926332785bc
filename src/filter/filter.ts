import * as Data from "effect/Data"
import { dual } from "effect/Function"

/**
 * @category models
 * @since 0.1.0
 */
export interface Term {
  readonly key: string
  readonly value: string
}

/**
 * The terms in the order in which they were given, each once.
 *
 * @category models
 * @since 0.1.0
 */
export class Filter extends Data.Class<{ readonly terms: ReadonlyArray<Term> }> {}

/**
 * The states in which a container can be.
 *
 * @category models
 * @since 0.1.0
 */
export type Status = "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead"

/**
 * The filter that everything passes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const all: Filter = new Filter({ terms: [] })

/**
 * A filter of one term, for any key that the engine knows. An engine refuses a key that it does not know.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (key: string, value: string): Filter => new Filter({ terms: [{ key, value }] })

/**
 * Has this label, with this value if one is given.
 *
 * @category constructors
 * @since 0.1.0
 */
export const label = (name: string, value?: string): Filter =>
  make("label", value === undefined ? name : `${name}=${value}`)

/**
 * A container of this name. The engine takes it as a regular expression that may match anywhere in the name: `^/web$` is
 * only `web`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const name = (pattern: string): Filter => make("name", pattern)

/**
 * A container whose id begins with this.
 *
 * @category constructors
 * @since 0.1.0
 */
export const id = (prefix: string): Filter => make("id", prefix)

/**
 * A container in this state.
 *
 * @category constructors
 * @since 0.1.0
 */
export const status = (status: Status): Filter => make("status", status)

/**
 * A container that ended with this code.
 *
 * @category constructors
 * @since 0.1.0
 */
export const exited = (code: number): Filter => make("exited", String(code))

/**
 * A container made from this image, given by reference or id. Docker includes images built on top of it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ancestor = (image: string): Filter => make("ancestor", image)

/**
 * An image with a reference that this pattern matches. The pattern is held against the short name (`gcc`), with and
 * without its tag; `*` and `?` do not match `/`: `gcc:*`, `team/*`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reference = (pattern: string): Filter => make("reference", pattern)

/**
 * An image without (`true`) or with (`false`) a reference.
 *
 * @category constructors
 * @since 0.1.0
 */
export const dangling = (dangling: boolean): Filter => make("dangling", String(dangling))

/**
 * An event of this kind of thing: `"container"`, `"image"`, `"network"`, `"volume"`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const type = (type: string): Filter => make("type", type)

/**
 * An event of this name: `"start"`, `"die"`, `"pull"`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const event = (action: string): Filter => make("event", action)

/**
 * An event of this container, given by the beginning of its id or name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const container = (container: string): Filter => make("container", container)

/**
 * The terms of both. Terms of one key are alternatives, except labels.
 *
 * @category combinators
 * @since 0.1.0
 */
export const and: {
  (that: Filter): (self: Filter) => Filter
  (self: Filter, that: Filter): Filter
} = dual(2, (self: Filter, that: Filter): Filter => {
  const terms = [...self.terms]
  for (const term of that.terms) {
    if (!terms.some(({ key, value }) => key === term.key && value === term.value)) terms.push(term)
  }
  return new Filter({ terms })
})

/**
 * The values by key, as the engines' `filters` parameter has them.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toRecord = (self: Filter): Readonly<Record<string, ReadonlyArray<string>>> =>
  Object.fromEntries(byKey(self))

const byKey = (self: Filter): Map<string, Array<string>> => {
  const keys = new Map<string, Array<string>>()
  for (const { key, value } of self.terms) {
    const values = keys.get(key)
    if (values === undefined) keys.set(key, [value])
    else values.push(value)
  }
  return keys
}
