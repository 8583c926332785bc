import * as Schema from "effect/Schema"
import { address } from "../dockerApi/address.ts"

const Milliseconds = Schema.Finite.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 31 - 1 }))

/**
 * How to reach a manager of a Swarm, and what holds for all that is run on it. Everything may be left out.
 *
 * - `host`, `tls`, `apiVersion`, `connectTimeout`, `healthTimeout`, `requestTimeout`: as `DockerConfig` has them. Whom they
 *   lead to must be a manager.
 * - `registry`: where images are brought that are in no registry yet (built, imported), so that every node can have them:
 *   `host:port`, or that and a path. Without, such an image runs only on a Swarm of one node.
 * - `nodes`: how the nodes' own engines are reached, by host name: `{ "worker-1": { host: "tcp://worker-1:2376", tls } }`.
 *   Some things only they can do for a container: signals, a grace of its own when it is stopped, commands in it, its files
 *   once it was started, pause, usage, whether it ran out of memory. The manager itself need not be named. What is asked of
 *   a node that is not named is refused as `Unsupported`.
 * - `sharedPaths`: directories that are the same on every node, a network's file system for one. What is below them can be
 *   mounted. Default: none, and no path can.
 * - `lostAfter`: milliseconds for which a node may be away before its containers count as lost: their `wait` then fails with
 *   reason `Unavailable`, naming the node. That the node is away the Swarm itself sees after three beats of its dispatcher's
 *   heart (5 seconds each, by default). A node whose leader has died needs some seconds to find another. Default 30000.
 * - `managerTimeout`: milliseconds for which the managers may fail to answer whoever waits for something, as they do while
 *   they elect a leader. Default 30000.
 * - `placementTimeout`: milliseconds for which a container may wait for a node that it fits on. Default 60000.
 * - `pollInterval`: milliseconds between two looks at the tasks that somebody waits for, one look for all of them, when
 *   nothing has changed for a while. Default 500.
 *
 * **Example** (Reading it from JSON)
 *
 * ```ts import.meta.vitest
 * import { Schema } from "effect"
 * import * as Swarm from "effect-containers/layers/Swarm"
 *
 * const config = Schema.decodeUnknownSync(Swarm.SwarmConfig)({ registry: "registry.local:5000", lostAfter: 20_000 })
 * config.registry // => "registry.local:5000"
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export const SwarmConfig = Schema.Struct({
  ...address,
  registry: Schema.optional(Schema.NonEmptyString),
  nodes: Schema.optional(
    Schema.Record(
      Schema.String,
      Schema.Struct({ host: Schema.NonEmptyString, tls: address.tls })
    )
  ),
  sharedPaths: Schema.optional(Schema.Array(Schema.NonEmptyString)),
  lostAfter: Schema.optional(Milliseconds),
  managerTimeout: Schema.optional(Milliseconds),
  placementTimeout: Schema.optional(Milliseconds),
  pollInterval: Schema.optional(Milliseconds)
})

/**
 * @category models
 * @since 0.1.0
 */
export type SwarmConfig = typeof SwarmConfig.Type
