import * as Effect from "effect/Effect"
import { Backend, type ImageInfo, type ImageSummary } from "../Backend.ts"
import type * as Errors from "../Errors.ts"
import * as Filter from "../Filter.ts"
import { checked } from "./name.ts"

/** What the engine has under this name, `undefined` when it has nothing. */
export const lookUp = Effect.fnUntraced(function*(
  name: string
): Effect.fn.Return<ImageInfo | undefined, Errors.ImageInspect, Backend> {
  const backend = yield* Backend
  return yield* backend.inspectImage(name).pipe(
    Effect.catchReason("ImageInspect", "NotFound", () => Effect.undefined)
  )
})

/**
 * Whether the engine has an image of this name or id. Asks no registry. Fails with `ImageInspect` and `ImageOptions`.
 *
 * @category looking
 * @since 0.1.0
 */
export const exists = Effect.fn("Image.exists")(function*(
  name: string
): Effect.fn.Return<boolean, Errors.ImageInspect | Errors.ImageOptions, Backend> {
  yield* checked(name)
  return (yield* lookUp(name)) !== undefined
})

/**
 * An image as its engine shows it. Fails with `ImageInspect` (`NotFound` when it is not there) and `ImageOptions`.
 *
 * @category looking
 * @since 0.1.0
 */
export const inspect = Effect.fn("Image.inspect")(function*(
  name: string
): Effect.fn.Return<ImageInfo, Errors.ImageInspect | Errors.ImageOptions, Backend> {
  yield* checked(name)
  return yield* (yield* Backend).inspectImage(name)
})

/**
 * The images that the engine has. Default: all. Fails with `ImageList`.
 *
 * @category looking
 * @since 0.1.0
 */
export const list = Effect.fn("Image.list")(function*(
  filter: Filter.Filter = Filter.all
): Effect.fn.Return<ReadonlyArray<ImageSummary>, Errors.ImageList, Backend> {
  return yield* (yield* Backend).listImages(filter)
})
