import * as PlatformError from "effect/PlatformError"
import type * as Errors from "../Errors.ts"

const module = "FileSystem"

/** What was asked, and of which path: what every error says. */
export interface At {
  readonly method: string
  readonly path: string
}

export const systemError = (
  { method, path }: At,
  tag: PlatformError.SystemErrorTag,
  description: string,
  cause?: unknown
): PlatformError.PlatformError =>
  PlatformError.systemError({
    _tag: tag,
    module,
    method,
    description,
    pathOrDescriptor: path,
    ...(cause === undefined ? {} : { cause })
  })

export const badArgument = (method: string, description: string): PlatformError.PlatformError =>
  PlatformError.badArgument({ module, method, description })

const tags: Readonly<Partial<Record<Errors.Reason["_tag"], PlatformError.SystemErrorTag>>> = {
  NotFound: "NotFound",
  AlreadyExists: "AlreadyExists",
  Conflict: "BadResource",
  InvalidArgument: "BadResource",
  Unsupported: "BadResource",
  PermissionDenied: "PermissionDenied",
  TimedOut: "TimedOut",
  Protocol: "InvalidData"
}

/** An error of ours, as a program that knows nothing of containers understands it. */
export const platformError = (
  at: At,
  error: Errors.ContainerCopy | Errors.ContainerExec | Errors.ContainerOptions
): PlatformError.PlatformError =>
  error._tag === "ContainerOptions"
    ? badArgument(at.method, error.message)
    : systemError(at, tags[error.reason._tag] ?? "Unknown", error.message, error)

/** What programs say in the C locale, whichever they are. */
const sayings: ReadonlyArray<readonly [RegExp, PlatformError.SystemErrorTag]> = [
  [/no such file or directory|nonexistent directory/i, "NotFound"],
  [/file exists/i, "AlreadyExists"],
  [/permission denied|operation not permitted|read-only file system/i, "PermissionDenied"],
  [/resource busy|text file busy/i, "Busy"],
  [/is a directory|not a directory|not empty|too many (?:levels of )?symbolic links|overwrite/i, "BadResource"]
]

/** A program that did not do it. */
export const fromProgram = (at: At, code: string, said: string): PlatformError.PlatformError => {
  const words = said.trim()
  const tag = sayings.find(([pattern]) => pattern.test(words))?.[1] ?? "Unknown"
  return systemError(at, tag, words === "" ? code : words)
}
