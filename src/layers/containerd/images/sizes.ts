import * as Effect from "effect/Effect"
import type * as Errors from "../../../Errors.ts"
import type { Channel } from "../channel.ts"
import { Snapshots } from "../protocol/snapshots_pb.ts"
import { Recent } from "./recent.ts"
import type { Found } from "./store.ts"

/** The bytes that an image takes on the engine's disk. */
export type SizeOf = (
  image: Pick<Found, "target" | "manifest" | "chain" | "digest">,
  operation: string
) => Effect.Effect<number, Errors.Reason>

export const make = (channel: Channel, snapshotter: string): SizeOf => {
  // A snapshot that is complete does not change.
  const known = new Recent<number>(5000)
  const usage = (chainId: string, operation: string): Effect.Effect<number, Errors.Reason> =>
    Effect.suspend(() => {
      const size = known.get(chainId)
      if (size !== undefined) return Effect.succeed(size)
      return channel.unary(Snapshots.method.usage, { snapshotter, key: chainId }, { operation }).pipe(
        Effect.map((answer) => {
          const size = Number(answer.size)
          known.set(chainId, size)
          return size
        }),
        // It is not unpacked.
        Effect.catchTag("NotFound", () => Effect.succeed(0))
      )
    })
  return ({ chain, digest, manifest, target }, operation) => {
    const blobs = new Map([[target.digest, target.size]])
    for (const blob of [manifest.config, ...manifest.layers]) blobs.set(blob.digest, blob.size)
    if (!blobs.has(digest)) blobs.set(digest, 0)
    const content = [...blobs.values()].reduce((sum, size) => sum + size, 0)
    return Effect.map(
      Effect.forEach(new Set(chain), (chainId) => usage(chainId, operation), { concurrency: 8 }),
      (snapshots) => snapshots.reduce((sum, size) => sum + size, content)
    )
  }
}
