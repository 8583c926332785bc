import * as Schema from "effect/Schema"
import { because, Reason } from "./reason.ts"

const engineFields = {
  /** The name of the engine: `"docker"`, `"memory"`, ... */
  engine: Schema.String,
  reason: Reason
}

/**
 * Reading images from an archive failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ImageImport
  extends Schema.TaggedError<ImageImport>("effect-containers/Errors/ImageImport")("ImageImport", engineFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `importing an image archive on ${this.engine} failed: ${because(this.reason)}`
  }
}

/**
 * Listing images failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ImageList
  extends Schema.TaggedError<ImageList>("effect-containers/Errors/ImageList")("ImageList", engineFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `listing images on ${this.engine} failed: ${because(this.reason)}`
  }
}

/**
 * Listing containers failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ContainerList
  extends Schema.TaggedError<ContainerList>("effect-containers/Errors/ContainerList")("ContainerList", engineFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `listing containers on ${this.engine} failed: ${because(this.reason)}`
  }
}

/**
 * The engine did not answer a health check.
 *
 * @category errors
 * @since 0.1.0
 */
export class EngineHealth
  extends Schema.TaggedError<EngineHealth>("effect-containers/Errors/EngineHealth")("EngineHealth", engineFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `the health check on ${this.engine} failed: ${because(this.reason)}`
  }
}

/**
 * The engine's event stream failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class EngineEvents
  extends Schema.TaggedError<EngineEvents>("effect-containers/Errors/EngineEvents")("EngineEvents", engineFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `the event stream on ${this.engine} failed: ${because(this.reason)}`
  }
}

/**
 * No engine could be used on this machine. Names every candidate that was tried and why it was refused.
 *
 * @category errors
 * @since 0.1.0
 */
export class BackendNotAvailable
  extends Schema.TaggedError<BackendNotAvailable>("effect-containers/Errors/BackendNotAvailable")(
    "BackendNotAvailable",
    {
      candidates: Schema.Array(Schema.Struct({
        /** The engine that was tried. */
        engine: Schema.String,
        /** Where: an address such as `unix:///var/run/docker.sock`, and how it was found. */
        address: Schema.String,
        reason: Reason
      }))
    }
  )
{
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.candidates.some((candidate) => candidate.reason.isRetryable)
  }
  override get message(): string {
    if (this.candidates.length === 0) return "backend not available on this platform: there was no candidate to try"
    const lines = this.candidates.map(({ address, engine, reason }) =>
      `  - ${engine} at ${address}: ${because(reason)}`
    )
    return `backend not available on this platform. Tried:\n${lines.join("\n")}`
  }
}
