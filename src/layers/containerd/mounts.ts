import * as Effect from "effect/Effect"
import type * as Errors from "../../Errors.ts"
import type { Engine } from "./engine.ts"
import type { Container } from "./protocol/containers_pb.ts"
import { Snapshots } from "./protocol/snapshots_pb.ts"
import type { Mount } from "./protocol/types_pb.ts"

/** What the engine mounts for a container's root. */
export const mountsOf = (
  engine: Engine,
  operation: string,
  { id, snapshotKey, snapshotter }: Container
): Effect.Effect<ReadonlyArray<Mount>, Errors.Reason> =>
  Effect.suspend(() => {
    const mine = engine.known.get(id)
    return mine === undefined
      ? Effect.map(
        engine.channel.unary(Snapshots.method.mounts, { snapshotter, key: snapshotKey }, { operation }),
        ({ mounts }) => mounts
      )
      : Effect.succeed(mine.mounts)
  })
