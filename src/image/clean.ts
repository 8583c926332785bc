import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { Backend, type ImageSummary } from "../Backend.ts"
import type * as Errors from "../Errors.ts"
import * as Filter from "../Filter.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface CleanOptions {
  /** Only images that came to the engine longer ago than this; where it does not know, that were built longer ago. */
  readonly olderThan: Duration.Input
  /** Only images that pass this. Default: all. */
  readonly filter?: Filter.Filter | undefined
}

/**
 * What {@link clean} did.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cleaned {
  readonly removed: ReadonlyArray<ImageSummary>
  /** Bytes that the removed images took. Layers that others still use are counted too: at most this much is free now. */
  readonly bytes: number
  /** What was old enough and is still there: why. */
  readonly kept: ReadonlyArray<{ readonly image: ImageSummary; readonly error: Errors.ImageRemove }>
}

/**
 * Removes images that are old and that no container uses, running or not. Goes on after an image that cannot be removed.
 * Fails with `ImageList` or `ContainerList` when the engine cannot even be asked.
 *
 * @category changing
 * @since 0.1.0
 */
export const clean = Effect.fn("Image.clean")(function*(
  options: CleanOptions
): Effect.fn.Return<Cleaned, Errors.ImageList | Errors.ContainerList, Backend> {
  const backend = yield* Backend
  const now = yield* DateTime.now
  const limit = DateTime.subtractDuration(now, Duration.fromInputUnsafe(options.olderThan))
  const images = yield* backend.listImages(options.filter ?? Filter.all)
  const used = new Set((yield* backend.list(Filter.all)).map((container) => container.imageId))

  const removed: Array<ImageSummary> = []
  const kept: Array<Cleaned["kept"][number]> = []
  for (const image of images) {
    if (used.has(image.id)) continue
    // Gone meanwhile, or not to be seen: not ours to judge.
    const info = yield* Effect.option(backend.inspectImage(image.id))
    if (info._tag === "None" || !DateTime.isLessThan(info.value.arrivedAt ?? info.value.createdAt, limit)) continue
    // By its names, one after the other: removing by id would need force for an image that has several.
    const names = image.references.length > 0 ? image.references : [image.id]
    const result = yield* Effect.result(
      Effect.forEach(names, (name) => backend.removeImage(name, { force: false }), { discard: true })
    )
    if (Result.isSuccess(result)) removed.push(image)
    else kept.push({ image, error: result.failure })
  }
  return { removed, kept, bytes: removed.reduce((sum, image) => sum + image.size, 0) }
})

/**
 * Runs {@link clean} again and again, the first time after one interval, until it is interrupted. A round that fails is
 * logged and the next one tried.
 *
 * @category changing
 * @since 0.1.0
 */
export const cleanEvery = (
  interval: Duration.Input,
  options: CleanOptions
): Effect.Effect<never, never, Backend> =>
  clean(options).pipe(
    Effect.tap(({ bytes, kept, removed }) =>
      Effect.logInfo(`removed ${removed.length} images (${bytes} bytes), could not remove ${kept.length}`)
    ),
    Effect.catch((error) => Effect.logWarning("cleaning images failed", error)),
    Effect.schedule(Schedule.spaced(interval)),
    Effect.andThen(Effect.never)
  )
