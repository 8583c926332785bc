import * as Errors from "../../Errors.ts"

/** The reasons of one operation, with less around them. */
export const reasons = (operation: string) => ({
  notFound: (message: string, hint?: string) => new Errors.NotFound({ operation, message, ...hinted(hint) }),
  alreadyExists: (message: string) => new Errors.AlreadyExists({ operation, message }),
  conflict: (message: string, hint?: string) => new Errors.Conflict({ operation, message, ...hinted(hint) }),
  invalid: (message: string, hint?: string) => new Errors.InvalidArgument({ operation, message, ...hinted(hint) }),
  denied: (message: string) => new Errors.PermissionDenied({ operation, message }),
  unauthenticated: (message: string) => new Errors.Unauthenticated({ operation, message }),
  unavailable: (message: string) => new Errors.Unavailable({ operation, message }),
  unsupported: (message: string, hint?: string) => new Errors.Unsupported({ operation, message, ...hinted(hint) }),
  internal: (message: string, code?: number) =>
    new Errors.Internal({ operation, message, ...(code === undefined ? {} : { code }) })
})

const hinted = (hint: string | undefined) => hint === undefined ? {} : { hint }

/** A reason by its tag. */
export const ofTag = (tag: Errors.Reason["_tag"], operation: string, message: string): Errors.Reason => {
  const fields = { operation, message }
  switch (tag) {
    case "NotFound":
      return new Errors.NotFound(fields)
    case "AlreadyExists":
      return new Errors.AlreadyExists(fields)
    case "Conflict":
      return new Errors.Conflict(fields)
    case "InvalidArgument":
      return new Errors.InvalidArgument(fields)
    case "Unauthenticated":
      return new Errors.Unauthenticated(fields)
    case "PermissionDenied":
      return new Errors.PermissionDenied(fields)
    case "Unavailable":
      return new Errors.Unavailable(fields)
    case "TimedOut":
      return new Errors.TimedOut(fields)
    case "ResourceExhausted":
      return new Errors.ResourceExhausted(fields)
    case "Unsupported":
      return new Errors.Unsupported(fields)
    case "Protocol":
      return new Errors.Protocol(fields)
    case "Internal":
      return new Errors.Internal(fields)
  }
}
