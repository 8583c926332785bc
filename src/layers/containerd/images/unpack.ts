import * as Effect from "effect/Effect"
import { randomUUID } from "node:crypto"
import type * as Errors from "../../../Errors.ts"
import type { Channel } from "../channel.ts"
import { reason } from "../errors.ts"
import { Diff } from "../protocol/diff_pb.ts"
import { Snapshots } from "../protocol/snapshots_pb.ts"
import type { Content } from "./content.ts"
import * as Keyed from "./keyed.ts"
import * as Lease from "./lease.ts"
import type { Descriptor } from "./manifest.ts"
import type { Loaded } from "./store.ts"

/** A layer that is to become a snapshot. */
export interface LayerOptions {
  readonly operation: string
  readonly lease: string
  readonly descriptor: Descriptor
  readonly diffId: string
  readonly chainId: string
  /** The chain id of the layer below, `""` when there is none. */
  readonly parent: string
  /** Is run when there is work to do. */
  readonly onExtract?: Effect.Effect<void> | undefined
}

export interface Unpack {
  /** Succeeds when the snapshot is there and held by the lease; says whether it was made for this. */
  readonly layer: (options: LayerOptions) => Effect.Effect<boolean, Errors.Reason>
  /** Keeps an image's snapshots for as long as its configuration is there. */
  readonly keep: (image: Pick<Loaded, "manifest" | "chain">, operation: string) => Effect.Effect<void, Errors.Reason>
  /** Succeeds when an image's snapshots are there, and kept for as long as it is. */
  readonly ensure: (image: Loaded, operation: string) => Effect.Effect<void, Errors.Reason>
}

export const make = (channel: Channel, content: Content, snapshotter: string): Unpack => {
  const label = `containerd.io/gc.ref.snapshot.${snapshotter}`
  // Who waits for somebody else's work finds it done, or does it when it was not finished.
  const locks = Keyed.make()

  const remove = (key: string, operation: string) =>
    // It goes with the lease.
    Effect.ignore(channel.unary(Snapshots.method.remove, { snapshotter, key }, { operation }))

  const work = Effect.fnUntraced(function*(
    { chainId, descriptor, diffId, lease, onExtract = Effect.void, operation, parent }: LayerOptions
  ): Effect.fn.Return<boolean, Errors.Reason> {
    const key = `extract-${randomUUID()} ${chainId}`
    const prepared = channel.unary(Snapshots.method.prepare, {
      snapshotter,
      key,
      parent,
      // Says what it is to become: one that is there already is held by the lease, and reported.
      labels: { "containerd.io/snapshot.ref": chainId }
    }, { operation, lease })
    const extract = Effect.fnUntraced(function*({ mounts }: Effect.Success<typeof prepared>) {
      yield* onExtract
      const { applied } = yield* channel.unary(Diff.method.apply, {
        diff: {
          mediaType: descriptor.mediaType ?? "",
          digest: descriptor.digest,
          size: BigInt(descriptor.size),
          annotations: {}
        },
        mounts
      }, { operation, lease, deadline: "none" })
      if (applied?.digest !== diffId) {
        return yield* reason("Protocol", {
          operation,
          message: `the layer ${descriptor.digest} holds ${applied?.digest}, and its image says ${diffId}`
        })
      }
      yield* channel.unary(
        Snapshots.method.commit,
        { snapshotter, name: chainId, key, labels: {} },
        { operation, lease, deadline: "none" }
      )
    })
    const made = yield* Effect.catchTag(
      Effect.acquireUseRelease(
        prepared,
        extract,
        (_, exit) => exit._tag === "Success" ? Effect.void : remove(key, operation)
      ),
      "AlreadyExists",
      () => Effect.succeed(false)
    )
    if (made === false) return false
    yield* content.label(descriptor.digest, { "containerd.io/uncompressed": diffId }, operation)
    return true
  })

  const layer: Unpack["layer"] = (options) => locks.withLock(options.chainId)(work(options))

  const keep: Unpack["keep"] = ({ chain, manifest }, operation) => {
    const top = chain.at(-1)
    return top === undefined
      ? Effect.void
      : content.label(manifest.config.digest, { [label]: top }, operation)
  }

  return {
    layer,
    keep,
    ensure: Effect.fnUntraced(function*(image, operation) {
      const { chain, config, manifest } = image
      const top = chain.at(-1)
      if (top === undefined) return
      // One that nobody keeps may go at any time.
      const [isThere, isKept] = yield* Effect.all([
        channel.unary(Snapshots.method.stat, { snapshotter, key: top }, { operation }).pipe(
          Effect.as(true),
          Effect.catchTag("NotFound", () => Effect.succeed(false))
        ),
        content.info(manifest.config.digest, operation).pipe(
          Effect.map(({ labels }) => labels[label] === top),
          Effect.catchTag("NotFound", () => Effect.succeed(false))
        )
      ], { concurrency: "unbounded" })
      if (isThere && isKept) return
      yield* Effect.scoped(Effect.gen(function*() {
        const lease = yield* Lease.make(channel, operation)
        for (const [i, descriptor] of manifest.layers.entries()) {
          yield* layer({
            operation,
            lease,
            descriptor,
            diffId: config.rootfs.diffIds[i] ?? "",
            chainId: chain[i] ?? "",
            parent: chain[i - 1] ?? ""
          })
        }
        yield* keep(image, operation)
      }))
    })
  }
}
