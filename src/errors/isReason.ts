import * as Errors from "../Errors.ts"

/** Whether it is what an engine answered, and not the failure of something that it was given. */
export const isReason = (error: unknown): error is Errors.Reason =>
  error instanceof Errors.NotFound || error instanceof Errors.AlreadyExists || error instanceof Errors.Conflict ||
  error instanceof Errors.InvalidArgument || error instanceof Errors.Unauthenticated ||
  error instanceof Errors.PermissionDenied || error instanceof Errors.Unavailable ||
  error instanceof Errors.TimedOut || error instanceof Errors.ResourceExhausted ||
  error instanceof Errors.Unsupported || error instanceof Errors.Protocol || error instanceof Errors.Internal
