import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"

type Tag = Errors.Reason["_tag"]

/** The codes of gRPC, in which managers speak with each other. */
const codes: Readonly<Record<string, Tag>> = {
  AlreadyExists: "AlreadyExists",
  Canceled: "Unavailable",
  DeadlineExceeded: "Unavailable",
  FailedPrecondition: "Conflict",
  InvalidArgument: "InvalidArgument",
  NotFound: "NotFound",
  PermissionDenied: "PermissionDenied",
  ResourceExhausted: "ResourceExhausted",
  Unavailable: "Unavailable",
  Unimplemented: "Unsupported"
}

/** What a manager says when the others do not answer it, and while it stops to lead. */
const isAlone =
  /does not have a leader|lost leader status|no elected|failed to process the request: node|context deadline exceeded|context canceled|broker is not running|not a swarm manager/i

/** The engine gives on what the Swarm has said, in which a status of HTTP says little. */
export const said = (error: Errors.Reason): Errors.Reason => {
  const { cause, code, hint, message: words, operation } = error
  const found = /^rpc error: code = (\w+) desc = (.*)$/s.exec(words)
  const message = found?.[2] ?? words
  if (isAlone.test(message)) {
    return reason("Unavailable", {
      operation,
      message,
      code,
      hint: "more than half of the managers must reach each other"
    })
  }
  if (/name conflicts with an existing object/.test(message)) {
    return reason("AlreadyExists", { operation, message, code })
  }
  const tag = found === null ? undefined : codes[found[1]!]
  return tag === undefined || tag === error._tag && found === null
    ? error
    : reason(tag, { operation, message, code, hint, cause })
}
