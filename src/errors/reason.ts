import * as Schema from "effect/Schema"

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

/** What a message says of a reason: why, and what can be done about it. */
export const because = (reason: Reason): string =>
  reason.hint === undefined ? reason.message : `${reason.message} (${reason.hint})`
