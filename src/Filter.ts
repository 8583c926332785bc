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
import * as Data from "effect/Data"
import { dual } from "effect/Function"
import * as Result from "effect/Result"
import * as Wildcard from "./buildContext/wildcard.ts"
import * as Reference from "./Reference.ts"

// ---------------------------------------------------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------------------------------------------------

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

// ---------------------------------------------------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------------------------------------------------

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

// ---------------------------------------------------------------------------------------------------------------------
// combinators and conversions
// ---------------------------------------------------------------------------------------------------------------------

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

// ---------------------------------------------------------------------------------------------------------------------
// matching
// ---------------------------------------------------------------------------------------------------------------------

/**
 * Why a filter cannot be applied: its key is not known to who applies it, or its value is none that the key can have.
 *
 * @category models
 * @since 0.1.0
 */
export interface Refusal {
  readonly key: string
  readonly issue: string
}

/** What a key means: whether a value holds, or what is wrong with the value. */
type Test = (value: string) => boolean | string

const match = (
  self: Filter,
  tests: ReadonlyMap<string, Test>
): Result.Result<boolean, Refusal> => {
  let passes = true
  for (const [key, values] of byKey(self)) {
    const test = tests.get(key)
    if (test === undefined) {
      const known = [...tests.keys()].join(", ")
      return Result.fail({ key, issue: `the filter ${JSON.stringify(key)} is not known here; known are ${known}` })
    }
    const held: Array<boolean> = []
    for (const value of values) {
      const holds = test(value)
      if (typeof holds === "string") {
        return Result.fail({ key, issue: `the filter ${key} cannot have the value ${JSON.stringify(value)}: ${holds}` })
      }
      held.push(holds)
    }
    if (!(key === "label" ? held.every(Boolean) : held.some(Boolean))) passes = false
  }
  return Result.succeed(passes)
}

const hasLabel = (labels: Readonly<Record<string, string>>): Test => (value) => {
  const equals = value.indexOf("=")
  const key = equals < 0 ? value : value.slice(0, equals)
  return Object.hasOwn(labels, key) && (equals < 0 || labels[key] === value.slice(equals + 1))
}

const pattern = (texts: ReadonlyArray<string>): Test => (value) => {
  if (texts.includes(value)) return true
  try {
    const expression = new RegExp(value)
    return texts.some((text) => expression.test(text))
  } catch {
    return "it is not a regular expression"
  }
}

const states: ReadonlySet<string> = new Set<Status>([
  "created",
  "running",
  "paused",
  "restarting",
  "removing",
  "exited",
  "dead"
])

const normalised = (text: string): string =>
  Result.match(Reference.parseResult(text), {
    onSuccess: (reference) => Reference.withDefaultTag(reference).canonical,
    onFailure: () => text
  })

const sameImage = (image: string, imageId: string | undefined): Test => (value) =>
  value === image || normalised(value) === normalised(image) ||
  (imageId !== undefined && Reference.isId(value) &&
    imageId.replace(/^sha256:/, "").startsWith(value.replace(/^sha256:/, "")))

/**
 * What {@link matchContainer} looks at.
 *
 * @category models
 * @since 0.1.0
 */
export interface ContainerFacts {
  readonly id: string
  /** Without the `/` that Docker puts before it. */
  readonly name: string
  /** As the container was asked for: a reference or an id. */
  readonly image: string
  readonly imageId?: string | undefined
  readonly labels: Readonly<Record<string, string>>
  readonly status: Status
  /** Of a container that has ended. */
  readonly exitCode?: number | undefined
}

/**
 * Whether a container passes, as Docker would decide it. Knows `id`, `name`, `label`, `status`, `exited` and `ancestor`
 * (the image itself, not those built on it); any other key is refused, whatever the other terms say.
 *
 * **Example** (For an engine that filters by itself)
 *
 * ```ts import.meta.vitest
 * import { Result } from "effect"
 * import { Filter } from "effect-containers"
 *
 * const web = { id: "4f1c", name: "web", image: "nginx", labels: { tier: "front" }, status: "running" } as const
 * Filter.matchContainer(Filter.label("tier"), web) // => Result.succeed(true)
 * Filter.matchContainer(Filter.status("exited"), web) // => Result.succeed(false)
 * Result.isFailure(Filter.matchContainer(Filter.make("colour", "red"), web)) // => true
 * ```
 *
 * @category matching
 * @since 0.1.0
 */
export const matchContainer = (self: Filter, facts: ContainerFacts): Result.Result<boolean, Refusal> =>
  match(
    self,
    new Map<string, Test>([
      ["id", (value) => facts.id.startsWith(value)],
      ["name", pattern([facts.name, `/${facts.name}`])],
      ["label", hasLabel(facts.labels)],
      ["status", (value) => states.has(value) ? value === facts.status : `it must be one of ${[...states].join(", ")}`],
      ["exited", (value) =>
        /^\d+$/.test(value)
          ? facts.status === "exited" && facts.exitCode === Number(value)
          : "it must be an exit code, such as 0"],
      ["ancestor", sameImage(facts.image, facts.imageId)]
    ])
  )

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
