import * as Schema from "effect/Schema"
import { because, Reason } from "./reason.ts"

const networkFields = {
  /** The network as it was named. */
  network: Schema.String,
  reason: Reason
}

const engineFields = {
  /** The name of the engine: `"docker"`, `"memory"`, ... */
  engine: Schema.String,
  reason: Reason
}

/**
 * The description of a network is not valid. No engine was called.
 *
 * @category errors
 * @since 0.1.0
 */
export class NetworkOptions
  extends Schema.TaggedError<NetworkOptions>("effect-containers/Errors/NetworkOptions")("NetworkOptions", {
    network: Schema.String,
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
    return `network options of ${JSON.stringify(this.network)} are not valid: ${this.field}: ${this.issue}`
  }
}

/**
 * Making a network failed. Nothing of it remains.
 *
 * @category errors
 * @since 0.1.0
 */
export class NetworkCreate
  extends Schema.TaggedError<NetworkCreate>("effect-containers/Errors/NetworkCreate")("NetworkCreate", networkFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `making network ${this.network} failed: ${because(this.reason)}`
  }
}

/**
 * Asking the engine about a network failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class NetworkInspect
  extends Schema.TaggedError<NetworkInspect>("effect-containers/Errors/NetworkInspect")("NetworkInspect", networkFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `inspecting network ${this.network} failed: ${because(this.reason)}`
  }
}

/**
 * Removing a network failed; `Conflict` while containers are in it.
 *
 * @category errors
 * @since 0.1.0
 */
export class NetworkRemove
  extends Schema.TaggedError<NetworkRemove>("effect-containers/Errors/NetworkRemove")("NetworkRemove", networkFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `removing network ${this.network} failed: ${because(this.reason)}`
  }
}

/**
 * Listing networks failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class NetworkList
  extends Schema.TaggedError<NetworkList>("effect-containers/Errors/NetworkList")("NetworkList", engineFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `listing networks on ${this.engine} failed: ${because(this.reason)}`
  }
}
