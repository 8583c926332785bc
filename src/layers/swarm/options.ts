import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"

/**
 * Something that a container is given as a file in memory, and that only its node gets.
 *
 * @category models
 * @since 0.1.0
 */
export interface SecretFile {
  /** The file's path; a name without a `/` is one in `/run/secrets`. */
  readonly target: string
  readonly value: Redacted.Redacted<string>
  /** As chmod(2) has it. Default `0o444`. */
  readonly mode?: number | undefined
  /** Numbers of the user and group whose it is. Default: root's. */
  readonly uid?: number | undefined
  readonly gid?: number | undefined
}

/**
 * What only a Swarm can be told of a container.
 *
 * @category models
 * @since 0.1.0
 */
export interface PlacementOptions {
  /** Which nodes will do, all of them holding: `node.role==worker`, `node.labels.disk==ssd`. Default: all nodes. */
  readonly constraints?: ReadonlyArray<string> | undefined
  /** By which of the nodes' labels containers are spread, the first counting most: `node.labels.rack`. Default: none. */
  readonly spread?: ReadonlyArray<string> | undefined
  /** What a node must have left over for it. Limits are the container's own (`Container.memory`, `Container.cpus`). */
  readonly reserve?: {
    /** Bytes. */
    readonly memory?: number | undefined
    readonly cpus?: number | undefined
    /** What nodes say that they have of things that can be counted, by name: `{ gpu: 1 }`. */
    readonly generic?: Readonly<Record<string, number>> | undefined
  } | undefined
  /** Made for the container alone, and removed with it. */
  readonly secrets?: ReadonlyArray<SecretFile> | undefined
  /** Made for the container alone, and removed with it. Managers show their values; `target` is a path from the root. */
  readonly configs?: ReadonlyArray<SecretFile> | undefined
}

/**
 * What the containers that are created get besides what is said of each. Default: nothing.
 *
 * @category references
 * @since 0.1.0
 */
export const Placement: Context.Reference<PlacementOptions> = Context.Reference<PlacementOptions>(
  "effect-containers/layers/Swarm/Placement",
  { defaultValue: () => ({}) }
)

/**
 * Says where the containers of a program are to run on a Swarm, and what they get there. Other engines do not look at it.
 *
 * **Example** (On a worker that has an SSD, with a password)
 *
 * ```ts
 * import { Redacted } from "effect"
 * import { Container } from "effect-containers"
 * import * as Swarm from "effect-containers/layers/Swarm"
 *
 * const migrate = Container.run(Container.make("migrate:3")).pipe(
 *   Swarm.place({
 *     constraints: ["node.role==worker", "node.labels.disk==ssd"],
 *     secrets: [{ target: "password", value: Redacted.make("...") }]
 *   })
 * )
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const place = (options: PlacementOptions) => <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(self, Placement, options)
