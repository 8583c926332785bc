import * as Schema from "effect/Schema"
import { because, Reason } from "./reason.ts"

const imageFields = {
  /** The image as it was named. */
  image: Schema.String,
  reason: Reason
}

/**
 * The engine's pull of an image failed: what `Image.pull` fails with.
 *
 * @category errors
 * @since 0.1.0
 */
export class ClientPull
  extends Schema.TaggedError<ClientPull>("effect-containers/Errors/ClientPull")("ClientPull", imageFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `client pull of image ${this.image} failed: ${because(this.reason)}`
  }
}

/**
 * Pulling an image failed, and there was no local copy to use in its place: what `Image.resolve` and runs fail with.
 *
 * @category errors
 * @since 0.1.0
 */
export class ImagePull
  extends Schema.TaggedError<ImagePull>("effect-containers/Errors/ImagePull")("ImagePull", imageFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `pulling image ${this.image} failed: ${because(this.reason)}`
  }
}

/**
 * Building a Dockerfile failed: what `Image.build` fails with. Carries the step that failed and the end of the build's
 * log. When a `RUN` failed, the reason is `Internal` and its `code` is the exit code.
 *
 * @category errors
 * @since 0.1.0
 */
export class ImageBuildDockerfile
  extends Schema.TaggedError<ImageBuildDockerfile>("effect-containers/Errors/ImageBuildDockerfile")(
    "ImageBuildDockerfile",
    {
      ...imageFields,
      /** The instruction that failed, `undefined` if none had begun. Numbered from 1. */
      step: Schema.optionalKey(Schema.Struct({ number: Schema.Int, total: Schema.Int, instruction: Schema.String })),
      /** The last 100 lines, 64 KiB at most, of what the build wrote. */
      log: Schema.String
    }
  )
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    const at = this.step === undefined
      ? ""
      : ` at step ${this.step.number}/${this.step.total} (${this.step.instruction})`
    return `building Dockerfile of image ${this.image} failed${at}: ${because(this.reason)}`
  }
}

/**
 * Building an image failed: what `Image.resolve` fails with when it was given something to build. The `cause` has the
 * step and the log.
 *
 * @category errors
 * @since 0.1.0
 */
export class ImageBuild extends Schema.TaggedError<ImageBuild>("effect-containers/Errors/ImageBuild")("ImageBuild", {
  ...imageFields,
  cause: ImageBuildDockerfile
}) {
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `building image ${this.image} failed: ${this.cause.message}`
  }
}

/**
 * Pushing an image to its registry failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ImagePush
  extends Schema.TaggedError<ImagePush>("effect-containers/Errors/ImagePush")("ImagePush", imageFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `pushing image ${this.image} failed: ${because(this.reason)}`
  }
}

/**
 * Asking the engine about an image failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ImageInspect
  extends Schema.TaggedError<ImageInspect>("effect-containers/Errors/ImageInspect")("ImageInspect", imageFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `inspecting image ${this.image} failed: ${because(this.reason)}`
  }
}

/**
 * Giving an image another name failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ImageTag
  extends Schema.TaggedError<ImageTag>("effect-containers/Errors/ImageTag")("ImageTag", imageFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `tagging image ${this.image} failed: ${because(this.reason)}`
  }
}

/**
 * Removing an image failed; `Conflict` when a container uses it.
 *
 * @category errors
 * @since 0.1.0
 */
export class ImageRemove
  extends Schema.TaggedError<ImageRemove>("effect-containers/Errors/ImageRemove")("ImageRemove", imageFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `removing image ${this.image} failed: ${because(this.reason)}`
  }
}

/**
 * Writing an image to an archive failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ImageExport
  extends Schema.TaggedError<ImageExport>("effect-containers/Errors/ImageExport")("ImageExport", imageFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `exporting image ${this.image} failed: ${because(this.reason)}`
  }
}
