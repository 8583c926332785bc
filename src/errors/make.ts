import * as Errors from "../Errors.ts"

type Tag = Errors.Reason["_tag"]

interface Fields {
  readonly operation: string
  readonly message: string
  readonly hint?: string | undefined
  readonly code?: number | string | undefined
  readonly cause?: unknown
}

const constructors: {
  readonly [T in Tag]: new(fields: {
    readonly operation: string
    readonly message: string
    readonly hint?: string
    readonly code?: number | string
    readonly cause?: unknown
  }) => Extract<Errors.Reason, { readonly _tag: T }>
} = {
  NotFound: Errors.NotFound,
  AlreadyExists: Errors.AlreadyExists,
  Conflict: Errors.Conflict,
  InvalidArgument: Errors.InvalidArgument,
  Unauthenticated: Errors.Unauthenticated,
  PermissionDenied: Errors.PermissionDenied,
  Unavailable: Errors.Unavailable,
  TimedOut: Errors.TimedOut,
  ResourceExhausted: Errors.ResourceExhausted,
  Unsupported: Errors.Unsupported,
  Protocol: Errors.Protocol,
  Internal: Errors.Internal
}

/** A reason of this tag; fields that are `undefined` are left out. */
export const reason = <T extends Tag>(
  tag: T,
  { cause, code, hint, message, operation }: Fields
): Extract<Errors.Reason, { readonly _tag: T }> =>
  new constructors[tag]({
    operation,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(code === undefined ? {} : { code }),
    ...(cause === undefined ? {} : { cause })
  })
