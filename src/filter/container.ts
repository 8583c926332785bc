import type * as Result from "effect/Result"
import type { Filter, Status } from "./filter.ts"
import { hasLabel, match, type Refusal, sameImage, type Test } from "./match.ts"

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
