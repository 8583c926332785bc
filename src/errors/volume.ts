import * as Schema from "effect/Schema"
import { because, Reason } from "./reason.ts"

const volumeFields = {
  /** The volume as it was named. */
  volume: Schema.String,
  reason: Reason
}

const engineFields = {
  /** The name of the engine: `"docker"`, `"memory"`, ... */
  engine: Schema.String,
  reason: Reason
}

/**
 * The description of a volume is not valid. No engine was called.
 *
 * @category errors
 * @since 0.1.0
 */
export class VolumeOptions
  extends Schema.TaggedError<VolumeOptions>("effect-containers/Errors/VolumeOptions")("VolumeOptions", {
    volume: Schema.String,
    /** The option at fault: `"name"`, ... */
    field: Schema.String,
    /** The rule that it breaks, with the value that breaks it. */
    issue: Schema.String
  })
{
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `volume options of ${JSON.stringify(this.volume)} are not valid: ${this.field}: ${this.issue}`
  }
}

/**
 * Making a volume failed. Nothing of it remains.
 *
 * @category errors
 * @since 0.1.0
 */
export class VolumeCreate
  extends Schema.TaggedError<VolumeCreate>("effect-containers/Errors/VolumeCreate")("VolumeCreate", volumeFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `making volume ${this.volume} failed: ${because(this.reason)}`
  }
}

/**
 * Asking the engine about a volume failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class VolumeInspect
  extends Schema.TaggedError<VolumeInspect>("effect-containers/Errors/VolumeInspect")("VolumeInspect", volumeFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `inspecting volume ${this.volume} failed: ${because(this.reason)}`
  }
}

/**
 * Removing a volume failed; `Conflict` while a container has it.
 *
 * @category errors
 * @since 0.1.0
 */
export class VolumeRemove
  extends Schema.TaggedError<VolumeRemove>("effect-containers/Errors/VolumeRemove")("VolumeRemove", volumeFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `removing volume ${this.volume} failed: ${because(this.reason)}`
  }
}

/**
 * Listing volumes failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class VolumeList
  extends Schema.TaggedError<VolumeList>("effect-containers/Errors/VolumeList")("VolumeList", engineFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `listing volumes on ${this.engine} failed: ${because(this.reason)}`
  }
}
