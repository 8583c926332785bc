import * as Effect from "effect/Effect"
import * as Errors from "../Errors.ts"
import * as Reference from "../Reference.ts"

/** Of a span. */
export const attributes = (image: string) => ({ attributes: { "container.image.name": image } })

/** Checks a name; an id is one too, where an engine can be asked for it. */
export const checked = (name: string): Effect.Effect<string, Errors.ImageOptions> =>
  Reference.isId(name) ? Effect.succeed(name) : Effect.as(Reference.parse(name), name)

export const checkedPlatform = (
  image: string,
  platform: string | undefined
): Effect.Effect<void, Errors.ImageOptions> =>
  platform === undefined || /^[a-z0-9_]+\/[a-z0-9_]+(?:\/[a-z0-9_.]+)?$/.test(platform) ? Effect.void : Effect.fail(
    new Errors.ImageOptions({
      image,
      field: "platform",
      issue: `${JSON.stringify(platform)} is not of the form os/architecture or os/architecture/variant`
    })
  )
