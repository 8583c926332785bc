import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as Output from "../Output.ts"
import { because, Reason } from "./reason.ts"

const containerFields = {
  /** The engine's id of the container, `""` when there was none yet. */
  id: Schema.String,
  /** The image that it was made from, as it was named; `""` when it was found by id. */
  image: Schema.String,
  reason: Reason
}

const named = (error: { readonly id: string; readonly image: string }): string =>
  error.id === ""
    ? error.image
    : error.image === ""
    ? error.id.slice(0, 12)
    : `${error.id.slice(0, 12)} (${error.image})`

/**
 * Creating a container failed. Nothing of it remains.
 *
 * @category errors
 * @since 0.1.0
 */
export class ContainerCreate extends Schema.TaggedError<ContainerCreate>("effect-containers/Errors/ContainerCreate")(
  "ContainerCreate",
  containerFields
) {
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `creating container ${named(this)} failed: ${because(this.reason)}`
  }
}

/**
 * Starting a container failed. `NotFound` and `PermissionDenied` name the command that is not there or not executable.
 *
 * @category errors
 * @since 0.1.0
 */
export class ContainerStart extends Schema.TaggedError<ContainerStart>("effect-containers/Errors/ContainerStart")(
  "ContainerStart",
  containerFields
) {
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `starting container ${named(this)} failed: ${because(this.reason)}`
  }
}

/**
 * Waiting for a container to end failed; `Unavailable` when the engine was lost, so that its exit is not known.
 *
 * @category errors
 * @since 0.1.0
 */
export class ContainerWait
  extends Schema.TaggedError<ContainerWait>("effect-containers/Errors/ContainerWait")("ContainerWait", containerFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `waiting for container ${named(this)} failed: ${because(this.reason)}`
  }
}

/**
 * Asking the engine about a container failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ContainerInspect extends Schema.TaggedError<ContainerInspect>("effect-containers/Errors/ContainerInspect")(
  "ContainerInspect",
  containerFields
) {
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `inspecting container ${named(this)} failed: ${because(this.reason)}`
  }
}

/**
 * Reading a container's output failed. What had arrived before was delivered.
 *
 * @category errors
 * @since 0.1.0
 */
export class ContainerLogs
  extends Schema.TaggedError<ContainerLogs>("effect-containers/Errors/ContainerLogs")("ContainerLogs", containerFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `reading the logs of container ${named(this)} failed: ${because(this.reason)}`
  }
}

/**
 * Attaching to a container's input and output failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ContainerAttach extends Schema.TaggedError<ContainerAttach>("effect-containers/Errors/ContainerAttach")(
  "ContainerAttach",
  containerFields
) {
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `attaching to container ${named(this)} failed: ${because(this.reason)}`
  }
}

/**
 * Sending a container a signal failed; `Conflict` when it does not run.
 *
 * @category errors
 * @since 0.1.0
 */
export class ContainerSignal extends Schema.TaggedError<ContainerSignal>("effect-containers/Errors/ContainerSignal")(
  "ContainerSignal",
  containerFields
) {
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `signalling container ${named(this)} failed: ${because(this.reason)}`
  }
}

/**
 * Pausing a container, or letting it go on, failed; `Conflict` when it is not in the state for it.
 *
 * @category errors
 * @since 0.1.0
 */
export class ContainerPause extends Schema.TaggedError<ContainerPause>("effect-containers/Errors/ContainerPause")(
  "ContainerPause",
  containerFields
) {
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `pausing or unpausing container ${named(this)} failed: ${because(this.reason)}`
  }
}

/**
 * Asking what a container uses failed; `Conflict` when it does not run.
 *
 * @category errors
 * @since 0.1.0
 */
export class ContainerStats extends Schema.TaggedError<ContainerStats>("effect-containers/Errors/ContainerStats")(
  "ContainerStats",
  containerFields
) {
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `asking what container ${named(this)} uses failed: ${because(this.reason)}`
  }
}

/**
 * Stopping a container failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ContainerStop
  extends Schema.TaggedError<ContainerStop>("effect-containers/Errors/ContainerStop")("ContainerStop", containerFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `stopping container ${named(this)} failed: ${because(this.reason)}`
  }
}

/**
 * Removing a container failed; `Conflict` when it runs and `force` was not asked for.
 *
 * @category errors
 * @since 0.1.0
 */
export class ContainerRemove extends Schema.TaggedError<ContainerRemove>("effect-containers/Errors/ContainerRemove")(
  "ContainerRemove",
  containerFields
) {
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `removing container ${named(this)} failed: ${because(this.reason)}`
  }
}

/**
 * Running a further command in a container failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ContainerExec
  extends Schema.TaggedError<ContainerExec>("effect-containers/Errors/ContainerExec")("ContainerExec", containerFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `executing a command in container ${named(this)} failed: ${because(this.reason)}`
  }
}

/**
 * Copying files into or out of a container failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ContainerCopy
  extends Schema.TaggedError<ContainerCopy>("effect-containers/Errors/ContainerCopy")("ContainerCopy", containerFields)
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `copying files to or from container ${named(this)} failed: ${because(this.reason)}`
  }
}

/**
 * A container wrote something else than it was expected to: `Protocol`, with what is wrong with it.
 *
 * @category errors
 * @since 0.1.0
 */
export class ContainerOutput
  extends Schema.TaggedError<ContainerOutput>("effect-containers/Errors/ContainerOutput")("ContainerOutput", {
    ...containerFields,
    /** Which line of standard output, counted from 1, when it was read by lines. */
    line: Schema.optionalKey(Schema.Int)
  })
{
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `reading what container ${named(this)} wrote failed: ${because(this.reason)}`
  }
}

/**
 * A container, or a command that was executed in one, ended in another way than it was expected to. Carries what it
 * wrote.
 *
 * `Runtime.runMain` ends the program with the same code.
 *
 * @category errors
 * @since 0.1.0
 */
export class ExitCode extends Schema.TaggedError<ExitCode>("effect-containers/Errors/ExitCode")("ExitCode", {
  id: Schema.String,
  image: Schema.String,
  /** The code that a shell would show: the process's own, or `128 + n` for signal `n`. */
  code: Schema.Int,
  /** The signal that ended it, such as `"SIGKILL"`. */
  signal: Schema.optionalKey(Schema.String),
  oomKilled: Schema.Boolean,
  /** It was killed because it ran longer than `Container.timeLimit`. */
  timedOut: Schema.Boolean,
  logs: Output.Output,
  /** The command, when it was not the container's own but executed in it. */
  command: Schema.optionalKey(Schema.Array(Schema.String))
}) {
  override readonly [Runtime.errorExitCode]: number = this.code
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    const how = this.oomKilled
      ? "ran out of memory and was killed"
      : this.timedOut
      ? "ran longer than its time limit and was killed"
      : this.signal === undefined
      ? `exit-code ${this.code}`
      : `was killed by ${this.signal} (exit-code ${this.code})`
    const last = this.logs.text.trimEnd().split("\n").slice(-5).join("\n").slice(-1000)
    const what = this.command === undefined ? "" : `${JSON.stringify(this.command).slice(0, 200)} in `
    return `${what}container ${named(this)}: ${how}${last === "" ? "" : `. Its last words:\n${last}`}`
  }
}
