import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import { Backend, type ImageInfo } from "../Backend.ts"
import type * as BuildContext from "../BuildContext.ts"
import * as Errors from "../Errors.ts"
import { type BuildStatus, type PullStatus, render, renderBuild, type RenderOptions } from "../Progress.ts"
import * as Reference from "../Reference.ts"
import { build, type BuildImageOptions } from "./build.ts"
import { lookUp } from "./inspect.ts"
import { checked, checkedPlatform } from "./name.ts"
import { pull, type PullOptions } from "./pull.ts"

/**
 * An image that the engine holds: {@link resolve} gives it. A container made of it runs exactly this one, whatever its
 * name comes to mean meanwhile.
 *
 * @category models
 * @since 0.1.0
 */
export interface Image {
  /** As it was asked for. */
  readonly name: string
  /** `sha256:` and 64 hexadecimal digits. */
  readonly id: string
  readonly info: ImageInfo
}

/**
 * Build also what is there already. Default `false`.
 *
 * @category references
 * @since 0.1.0
 */
export const ForceRebuild: Context.Reference<boolean> = Context.Reference<boolean>(
  "effect-containers/Image/ForceRebuild",
  {
    defaultValue: () => false
  }
)

/**
 * @category models
 * @since 0.1.0
 */
export interface ResolveOptions<E = never, R = never> extends PullOptions {
  /** When the registry is asked. Default `"always"`. Of no effect with `build`. */
  readonly pull?: "always" | "missing" | "never" | undefined
  /** Build it of this unless it is there; see {@link ForceRebuild}. */
  readonly build?: BuildContext.BuildContext | undefined
  /** How to build it. */
  readonly buildOptions?: BuildImageOptions | undefined
  /** Draw it in the terminal while it goes on, see `Progress.render`. Default `false`. */
  readonly progress?: boolean | RenderOptions | undefined
  /** Gets each status of the pull or build. */
  readonly output?: Sink.Sink<unknown, PullStatus | BuildStatus, unknown, E, R> | undefined
}

const inspected = (name: string, info: ImageInfo): Image => ({ name, id: info.id, info })

/**
 * Makes sure that the engine has an image, and gives it.
 *
 * By default the registry is asked for the latest; if that fails and the engine has a copy, the copy is used and a
 * warning logged. With `build` nothing is pulled: the image is built unless the engine has one of that name, or always
 * under {@link ForceRebuild}.
 *
 * Fails with `ImagePull`, `ImageBuild` or `ImageOptions`.
 *
 * @category getting
 * @since 0.1.0
 */
export const resolve = Effect.fn("Image.resolve")(function*<E = never, R = never>(
  name: string,
  options: ResolveOptions<E, R> = {}
): Effect.fn.Return<Image, Errors.ImagePull | Errors.ImageBuild | Errors.ImageOptions | E, Backend | R> {
  yield* Effect.annotateCurrentSpan("container.image.name", name)
  yield* checked(name)
  yield* checkedPlatform(name, options.platform)
  const output: Sink.Sink<unknown, PullStatus | BuildStatus, unknown, E, R> = options.output ?? Sink.drain
  const drawing = options.progress === true ? {} : options.progress === false ? undefined : options.progress

  if (options.build !== undefined) {
    const context = options.build
    const failed = ({ reason }: Errors.ImageInspect) =>
      new Errors.ImageBuild({
        image: name,
        reason,
        cause: new Errors.ImageBuildDockerfile({ image: name, reason, log: "" })
      })
    const present = (yield* ForceRebuild) ? undefined : yield* Effect.mapError(lookUp(name), failed)
    if (present !== undefined) return inspected(name, present)
    const building = build(name, context, { platform: options.platform, ...options.buildOptions }).pipe(
      Stream.mapError((error) =>
        error._tag === "ImageOptions"
          ? error
          : new Errors.ImageBuild({ image: name, reason: error.reason, cause: error })
      )
    )
    yield* Stream.runDrain(Stream.tapSink(drawing === undefined ? building : renderBuild(building, drawing), output))
    return inspected(name, yield* Effect.mapError((yield* Backend).inspectImage(name), failed))
  }

  const failed = ({ reason }: { readonly reason: Errors.Reason }) => new Errors.ImagePull({ image: name, reason })
  const local = Effect.mapError(lookUp(name), failed)
  const policy = options.pull ?? "always"
  if (policy !== "always" || Reference.isId(name)) {
    const present = yield* local
    if (present !== undefined) return inspected(name, present)
    if (policy === "never" || Reference.isId(name)) {
      return yield* failed({
        reason: new Errors.NotFound({
          operation: "resolve",
          message: "the engine does not have the image",
          hint: policy === "never" ? "its pull policy is \"never\"" : "an id cannot be pulled: give the image's name"
        })
      })
    }
  }
  let pulled: Errors.ClientPull | undefined
  const statuses = pull(name, options)
  const pulling = (drawing === undefined ? statuses : render(statuses, drawing)).pipe(
    Stream.catchTag("ClientPull", (error) => {
      pulled = error
      return Stream.empty
    })
  )
  yield* Stream.runDrain(Stream.tapSink(pulling, output))
  if (pulled === undefined) {
    return inspected(name, yield* Effect.mapError((yield* Backend).inspectImage(name), failed))
  }
  const copy = yield* Effect.catchTag(local, "ImagePull", () => Effect.undefined)
  if (copy === undefined) return yield* failed(pulled)
  yield* Effect.logWarning(`using the local copy of image ${name}: ${pulled.message}`)
  return inspected(name, copy)
})
