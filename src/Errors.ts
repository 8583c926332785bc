/**
 * Every way in which this library fails. An error's `_tag` says which operation failed, its `reason` says why, in words
 * that are the same for every engine:
 *
 * **Example** (Retry only what can get better)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { Errors } from "effect-containers"
 *
 * const failed = new Errors.ImagePull({
 *   image: "gcc:14",
 *   reason: new Errors.Unavailable({ operation: "pull", message: "connection refused" })
 * })
 * failed.isRetryable // => true
 * failed.message // => "pulling image gcc:14 failed: connection refused"
 * await Effect.runPromise(
 *   Effect.fail(failed).pipe(Effect.catchReason("ImagePull", "Unavailable", (reason) => Effect.succeed(reason.operation)))
 * ) // => "pull"
 * ```
 *
 * @since 0.1.0
 */
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as Output from "./Output.ts"

// ---------------------------------------------------------------------------------------------------------------------
// reasons
// ---------------------------------------------------------------------------------------------------------------------

const reasonFields = {
  /** What was asked of the engine: `"pull"`, `"create"`, ... */
  operation: Schema.String,
  /** What the engine said, or we in its place. */
  message: Schema.String,
  /** What can be done about it, where that is known. */
  hint: Schema.optionalKey(Schema.String),
  /** The engine's own code: an HTTP status, a gRPC code, an errno, an exit code. */
  code: Schema.optionalKey(Schema.Union([Schema.Finite, Schema.String])),
  cause: Schema.optionalKey(Schema.Defect())
}

/**
 * The thing named does not exist: no such image, tag, container, executable, path.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NotFound
  extends Schema.TaggedError<NotFound>("effect-containers/Errors/NotFound")("NotFound", reasonFields)
{
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return false
  }
}

/**
 * A thing of that name is there already.
 *
 * @category reasons
 * @since 0.1.0
 */
export class AlreadyExists
  extends Schema.TaggedError<AlreadyExists>("effect-containers/Errors/AlreadyExists")("AlreadyExists", reasonFields)
{
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The thing is in a state in which this cannot be done: an image in use, a container that runs.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Conflict
  extends Schema.TaggedError<Conflict>("effect-containers/Errors/Conflict")("Conflict", reasonFields)
{
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The engine refused what it was asked as not valid.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvalidArgument extends Schema.TaggedError<InvalidArgument>("effect-containers/Errors/InvalidArgument")(
  "InvalidArgument",
  reasonFields
) {
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The registry or the engine wants credentials, or refused the ones it got.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Unauthenticated extends Schema.TaggedError<Unauthenticated>("effect-containers/Errors/Unauthenticated")(
  "Unauthenticated",
  reasonFields
) {
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return false
  }
}

/**
 * Who asks is known and is not allowed: also a socket that may not be opened, a file that may not be executed.
 *
 * @category reasons
 * @since 0.1.0
 */
export class PermissionDenied extends Schema.TaggedError<PermissionDenied>("effect-containers/Errors/PermissionDenied")(
  "PermissionDenied",
  reasonFields
) {
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The engine or the registry cannot be reached, or went away in the middle of a call. Worth a retry.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Unavailable
  extends Schema.TaggedError<Unavailable>("effect-containers/Errors/Unavailable")("Unavailable", reasonFields)
{
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return true
  }
}

/**
 * There was no answer in time. Worth a retry.
 *
 * @category reasons
 * @since 0.1.0
 */
export class TimedOut
  extends Schema.TaggedError<TimedOut>("effect-containers/Errors/TimedOut")("TimedOut", reasonFields)
{
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return true
  }
}

/**
 * Disk, memory, a quota or a rate limit is used up. Worth a retry after a while.
 *
 * @category reasons
 * @since 0.1.0
 */
export class ResourceExhausted
  extends Schema.TaggedError<ResourceExhausted>("effect-containers/Errors/ResourceExhausted")(
    "ResourceExhausted",
    reasonFields
  )
{
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return true
  }
}

/**
 * This engine cannot do it, by nature or by version. Nothing was done.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Unsupported
  extends Schema.TaggedError<Unsupported>("effect-containers/Errors/Unsupported")("Unsupported", reasonFields)
{
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The other side said something that its protocol does not have.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Protocol
  extends Schema.TaggedError<Protocol>("effect-containers/Errors/Protocol")("Protocol", reasonFields)
{
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return false
  }
}

/**
 * Anything else that the engine reports as failed, a build step that exits with an error among them.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Internal
  extends Schema.TaggedError<Internal>("effect-containers/Errors/Internal")("Internal", reasonFields)
{
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return false
  }
}

/**
 * Why an operation failed: the same twelve for every engine.
 *
 * @category reasons
 * @since 0.1.0
 */
export const Reason = Schema.Union([
  NotFound,
  AlreadyExists,
  Conflict,
  InvalidArgument,
  Unauthenticated,
  PermissionDenied,
  Unavailable,
  TimedOut,
  ResourceExhausted,
  Unsupported,
  Protocol,
  Internal
])

/**
 * @category reasons
 * @since 0.1.0
 */
export type Reason = typeof Reason.Type

const because = (reason: Reason): string =>
  reason.hint === undefined ? reason.message : `${reason.message} (${reason.hint})`

// ---------------------------------------------------------------------------------------------------------------------
// bad input, found before any engine is called
// ---------------------------------------------------------------------------------------------------------------------

const optionsFields = {
  /** The image that the options are for. */
  image: Schema.String,
  /** The option at fault: `"command"`, `"variable"`, `"volume"`, ... */
  field: Schema.String,
  /** The rule that it breaks, with the value that breaks it. */
  issue: Schema.String
}

/**
 * The description of an image, or of how to get it, is not valid. No engine was called.
 *
 * @category errors
 * @since 0.1.0
 */
export class ImageOptions
  extends Schema.TaggedError<ImageOptions>("effect-containers/Errors/ImageOptions")("ImageOptions", optionsFields)
{
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `image options of ${JSON.stringify(this.image)} are not valid: ${this.field}: ${this.issue}`
  }
}

/**
 * The description of a container is not valid. No engine was called.
 *
 * @category errors
 * @since 0.1.0
 */
export class ContainerOptions extends Schema.TaggedError<ContainerOptions>("effect-containers/Errors/ContainerOptions")(
  "ContainerOptions",
  optionsFields
) {
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `container options for ${JSON.stringify(this.image)} are not valid: ${this.field}: ${this.issue}`
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// images
// ---------------------------------------------------------------------------------------------------------------------

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

// ---------------------------------------------------------------------------------------------------------------------
// the engine as a whole
// ---------------------------------------------------------------------------------------------------------------------

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

// ---------------------------------------------------------------------------------------------------------------------
// containers
// ---------------------------------------------------------------------------------------------------------------------

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
 * A container ended in another way than it was expected to. Carries what it wrote.
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
  logs: Output.Output
}) {
  override readonly [Runtime.errorExitCode]: number = this.code
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    const how = this.oomKilled
      ? "ran out of memory and was killed"
      : this.signal === undefined
      ? `exit-code ${this.code}`
      : `was killed by ${this.signal} (exit-code ${this.code})`
    const last = this.logs.text.trimEnd().split("\n").slice(-5).join("\n").slice(-1000)
    return `container ${named(this)}: ${how}${last === "" ? "" : `. Its last words:\n${last}`}`
  }
}
