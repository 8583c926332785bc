import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Backend, type ContainerSummary, type NetworkInfo, type VolumeInfo } from "../Backend.ts"
import type * as Errors from "../Errors.ts"
import * as Filter from "../Filter.ts"
import * as Owner from "../Owner.ts"

/**
 * What should be gone and is still there: why.
 *
 * @category models
 * @since 0.1.0
 */
export type Kept =
  | { readonly container: ContainerSummary; readonly error: Errors.ContainerRemove }
  | { readonly network: NetworkInfo; readonly error: Errors.NetworkRemove }
  | { readonly volume: VolumeInfo; readonly error: Errors.VolumeRemove }

/**
 * What {@link sweep} did.
 *
 * @category models
 * @since 0.1.0
 */
export interface Swept {
  /** The containers that are gone. */
  readonly removed: ReadonlyArray<ContainerSummary>
  readonly networks: ReadonlyArray<NetworkInfo>
  readonly volumes: ReadonlyArray<VolumeInfo>
  readonly kept: ReadonlyArray<Kept>
}

interface Labelled {
  readonly labels: Readonly<Record<string, string>>
}

/** Removes those of a list that nobody owns any more; gives them, and adds to `kept` what could not be removed. */
const sweepAll = Effect.fnUntraced(function*<A extends Labelled, E, E2 extends { readonly reason: Errors.Reason }>(
  listed: Effect.Effect<ReadonlyArray<A>, E>,
  remove: (one: A) => Effect.Effect<void, E2>,
  keep: (one: A, error: E2) => void
): Effect.fn.Return<ReadonlyArray<A>, E> {
  const now = yield* Clock.currentTimeMillis
  const removed: Array<A> = []
  for (const one of yield* listed) {
    if (!Owner.isAbandoned(one.labels, now)) continue
    yield* remove(one).pipe(
      // Somebody else sweeps at the same time: gone is gone.
      Effect.catchIf(({ reason }) => reason._tag === "NotFound", () => Effect.void),
      Effect.match({
        onSuccess: () => void removed.push(one),
        onFailure: (error) => keep(one, error)
      })
    )
  }
  return removed
})

/** An engine that makes no networks has none of ours, and so with volumes. */
const unlessUnsupported = <A, E extends { readonly reason: Errors.Reason }>(
  listed: Effect.Effect<ReadonlyArray<A>, E>
): Effect.Effect<ReadonlyArray<A>, E> =>
  Effect.catchIf(listed, ({ reason }) => reason._tag === "Unsupported", () => Effect.succeed([]))

/**
 * Removes the containers, networks and volumes that programs which are no more have left behind, after a crash or a
 * `kill -9`: those whose labels name an owner that is dead for certain (its process is gone from this machine, or it is
 * from before the last boot), or whose lease (`Container.lease`) is over. Never touches what a living process owns or what
 * this library did not make. Fails with `ContainerList`, `NetworkList` or `VolumeList`.
 *
 * @category managing
 * @since 0.1.0
 */
export const sweep = Effect.fn("Container.sweep")(function*(): Effect.fn.Return<
  Swept,
  Errors.ContainerList | Errors.NetworkList | Errors.VolumeList,
  Backend
> {
  const backend = yield* Backend
  const ours = Filter.label(Owner.labels.owner)
  const kept: Array<Kept> = []
  const removed = yield* sweepAll(
    backend.list(ours),
    ({ id }) => backend.remove(id, { force: true }),
    (container, error) => void kept.push({ container, error })
  )
  // After those that were in them.
  const networks = yield* sweepAll(
    unlessUnsupported(backend.listNetworks(ours)),
    ({ id }) => backend.removeNetwork(id),
    (network, error) => void kept.push({ network, error })
  )
  const volumes = yield* sweepAll(
    unlessUnsupported(backend.listVolumes(ours)),
    ({ name }) => backend.removeVolume(name),
    (volume, error) => void kept.push({ volume, error })
  )
  return { removed, networks, volumes, kept }
})
