import * as Effect from "effect/Effect"
import { getSystemErrorMap } from "node:util"
import type * as Errors from "../../../Errors.ts"
import { codeOf, reason } from "../errors.ts"

export type Operation = "copyIn" | "copyOut" | "exec"

type Tag = Errors.Reason["_tag"]

/** Why an archive or a path will not do: what a step rejects with when it is no failure of the system. */
export class Refused extends Error {
  readonly tag: Tag
  readonly hint: string | undefined
  constructor(tag: Tag, message: string, hint?: string) {
    super(message)
    this.tag = tag
    this.hint = hint
  }
}

const tags: Readonly<Record<string, Tag>> = {
  ENOENT: "NotFound",
  ENOTDIR: "NotFound",
  EEXIST: "Conflict",
  EBUSY: "Conflict",
  ENOTEMPTY: "Conflict",
  ETXTBSY: "Conflict",
  ELOOP: "InvalidArgument",
  ENAMETOOLONG: "InvalidArgument",
  EINVAL: "InvalidArgument",
  EACCES: "PermissionDenied",
  EPERM: "PermissionDenied",
  EROFS: "PermissionDenied",
  ENOSPC: "ResourceExhausted",
  EDQUOT: "ResourceExhausted",
  EFBIG: "ResourceExhausted",
  EMLINK: "ResourceExhausted",
  EMFILE: "ResourceExhausted",
  ENFILE: "ResourceExhausted",
  ENOMEM: "ResourceExhausted"
}

/** The system's words for a code, without the path that we went by. */
const wordsOf = (cause: unknown): string => {
  const errno = cause instanceof Error && "errno" in cause && typeof cause.errno === "number" ? cause.errno : undefined
  const words = errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]
  return words ?? (cause instanceof Error ? cause.message : String(cause))
}

/** A system's failure in the container at a path, as the user knows it. */
export const failure = (operation: Operation, path: string, cause: unknown): Errors.Reason => {
  if (cause instanceof Refused) {
    return reason(cause.tag, { operation, message: `${path}: ${cause.message}`, hint: cause.hint })
  }
  const code = codeOf(cause)
  const tag = (code === undefined ? undefined : tags[code]) ?? "Internal"
  return reason(tag, { operation, message: `${path}: ${wordsOf(cause)}`, code, cause })
}

/**
 * A step that is finished once it was begun: what it works on is closed by whoever comes after it, and must not be while
 * the system still looks at it.
 */
export const step = <A>(operation: Operation, path: string, run: () => Promise<A>): Effect.Effect<A, Errors.Reason> =>
  Effect.uninterruptible(Effect.tryPromise({ try: run, catch: (cause) => failure(operation, path, cause) }))
