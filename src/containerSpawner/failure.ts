import * as PlatformError from "effect/PlatformError"
import type * as ChildProcess from "effect/process/ChildProcess"
import * as CommandLine from "effect/process/CommandLine"
import type * as Errors from "../Errors.ts"

const module = "ChildProcess"

const tags: Readonly<Partial<Record<Errors.Reason["_tag"], PlatformError.SystemErrorTag>>> = {
  NotFound: "NotFound",
  AlreadyExists: "AlreadyExists",
  Conflict: "BadResource",
  PermissionDenied: "PermissionDenied",
  TimedOut: "TimedOut",
  Protocol: "InvalidData"
}

/** As errors name it: what is redacted stays so. */
const display = (command: ChildProcess.StandardCommand): string =>
  CommandLine.display([command.command, ...command.args])

/** What a program that knows nothing of containers understands. */
export const systemError = (
  command: ChildProcess.StandardCommand,
  method: string,
  tag: PlatformError.SystemErrorTag,
  description: string,
  cause?: unknown
): PlatformError.PlatformError =>
  PlatformError.systemError({
    _tag: tag,
    module,
    method,
    description,
    pathOrDescriptor: display(command),
    ...(cause === undefined ? {} : { cause })
  })

/** The same of an error of ours. */
export const platformError =
  (command: ChildProcess.StandardCommand, method: string) =>
  (error: Errors.ContainerExec | Errors.ContainerOptions): PlatformError.PlatformError =>
    error._tag === "ContainerOptions"
      ? badArgument(error.message)
      : systemError(command, method, tags[error.reason._tag] ?? "Unknown", error.message, error)

/** Refused before the engine is asked. */
export const badArgument = (description: string): PlatformError.PlatformError =>
  PlatformError.badArgument({ module, method: "spawn", description })
