import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Stream from "effect/Stream"
import { Backend, type PushOptions, type RemovedImage } from "../Backend.ts"
import type * as Errors from "../Errors.ts"
import type { PullStatus } from "../Progress.ts"
import * as Reference from "../Reference.ts"
import { attributes, checked } from "./name.ts"

/**
 * Gives an image another name. Fails with `ImageTag` and `ImageOptions`.
 *
 * @category changing
 * @since 0.1.0
 */
export const tag: {
  (reference: string): (name: string) => Effect.Effect<void, Errors.ImageTag | Errors.ImageOptions, Backend>
  (name: string, reference: string): Effect.Effect<void, Errors.ImageTag | Errors.ImageOptions, Backend>
} = dual(
  2,
  Effect.fn("Image.tag")(function*(
    name: string,
    reference: string
  ): Effect.fn.Return<void, Errors.ImageTag | Errors.ImageOptions, Backend> {
    yield* checked(name)
    yield* Reference.parse(reference)
    yield* (yield* Backend).tagImage(name, reference)
  })
)

/**
 * Takes a name from an image, and removes the image when it was the last one. Fails with `ImageRemove` (`NotFound`,
 * `Conflict` while a container uses it) and `ImageOptions`. `force` removes also what stopped containers use, and an
 * image that has several names when it is given by its id.
 *
 * @category changing
 * @since 0.1.0
 */
export const remove = Effect.fn("Image.remove")(function*(
  name: string,
  options?: { readonly force?: boolean | undefined }
): Effect.fn.Return<RemovedImage, Errors.ImageRemove | Errors.ImageOptions, Backend> {
  yield* checked(name)
  return yield* (yield* Backend).removeImage(name, { force: options?.force ?? false })
})

/**
 * Sends an image to the registry that its name says. Fails with `ImagePush`, also when the engine reports the failure in
 * the middle of its answer, and with `ImageOptions`.
 *
 * @category changing
 * @since 0.1.0
 */
export const push = (
  name: string,
  options: PushOptions = {}
): Stream.Stream<PullStatus, Errors.ImagePush | Errors.ImageOptions, Backend> =>
  Stream.unwrap(Effect.gen(function*() {
    yield* Reference.parse(name)
    return (yield* Backend).push(name, options)
  })).pipe(Stream.withSpan("Image.push", attributes(name)))

/**
 * Reads images from an archive, as `docker save`, `podman save` and OCI tools write it; gives the names that it brought.
 * Fails with `ImageImport`.
 *
 * @category changing
 * @since 0.1.0
 */
export const fromArchive = Effect.fn("Image.fromArchive")(function*<E, R>(
  archive: Stream.Stream<Uint8Array, E, R>
): Effect.fn.Return<ReadonlyArray<string>, Errors.ImageImport | E, Backend | R> {
  const context = yield* Effect.context<R>()
  return yield* (yield* Backend).importImages(Stream.provideContext(archive, context))
})

/**
 * Images as one archive, which {@link fromArchive} of any engine reads. Fails with `ImageExport` and `ImageOptions`.
 *
 * @category changing
 * @since 0.1.0
 */
export const toArchive = (
  names: ReadonlyArray<string>
): Stream.Stream<Uint8Array, Errors.ImageExport | Errors.ImageOptions, Backend> =>
  Stream.unwrap(Effect.gen(function*() {
    yield* Effect.forEach(names, checked, { discard: true })
    return (yield* Backend).exportImages(names)
  })).pipe(Stream.withSpan("Image.toArchive"))
