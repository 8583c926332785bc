import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Backend, type ContainerSummary } from "../Backend.ts"
import type * as Errors from "../Errors.ts"
import * as Filter from "../Filter.ts"
import * as Owner from "../Owner.ts"

/**
 * What {@link sweep} did.
 *
 * @category models
 * @since 0.1.0
 */
export interface Swept {
  readonly removed: ReadonlyArray<ContainerSummary>
  /** What should be gone and is still there: why. */
  readonly kept: ReadonlyArray<{ readonly container: ContainerSummary; readonly error: Errors.ContainerRemove }>
}

/**
 * Removes the containers that programs which are no more have left behind, after a crash or a `kill -9`: those whose
 * labels name an owner that is dead for certain (its process is gone from this machine, or it is from before the last
 * boot), or whose lease (`Container.lease`) is over. Never touches what a living process owns or what this library did
 * not make. Fails with `ContainerList`.
 *
 * @category managing
 * @since 0.1.0
 */
export const sweep = Effect.fn("Container.sweep")(function*(): Effect.fn.Return<Swept, Errors.ContainerList, Backend> {
  const backend = yield* Backend
  const now = yield* Clock.currentTimeMillis
  const removed: Array<ContainerSummary> = []
  const kept: Array<Swept["kept"][number]> = []
  for (const container of yield* backend.list(Filter.label(Owner.labels.owner))) {
    const owner = Owner.decode(container.labels[Owner.labels.owner] ?? "")
    const expires = Date.parse(container.labels[Owner.labels.expires] ?? "")
    if (!(expires <= now) && (owner === undefined || !Owner.isDead(owner))) continue
    yield* backend.remove(container.id, { force: true }).pipe(
      // Somebody else sweeps at the same time: gone is gone.
      Effect.catchReason("ContainerRemove", "NotFound", () => Effect.void),
      Effect.matchEffect({
        onSuccess: () => Effect.sync(() => removed.push(container)),
        onFailure: (error) => Effect.sync(() => kept.push({ container, error }))
      })
    )
  }
  return { removed, kept }
})
