import * as Result from "effect/Result"
import type * as Errors from "../../Errors.ts"
import { reason } from "./errors.ts"

const operation = "connect"

/** The versions of the API between which this library was tried: Docker 20.10 has the first, 28.5 the last. */
export const oldest = "1.41"
export const newest = "1.51"

/** Negative when `a` is older. */
const compare = (a: string, b: string): number => {
  const [majorA = 0, minorA = 0] = a.split(".").map(Number)
  const [majorB = 0, minorB = 0] = b.split(".").map(Number)
  return majorA - majorB || minorA - minorB
}

export const isVersion = (text: string): boolean => /^\d{1,5}\.\d{1,5}$/.test(text)

/**
 * The version to speak with an engine that offers `offered` at most. `wanted` is the user's choice.
 */
export const negotiate = (
  offered: string,
  wanted: string | undefined
): Result.Result<string, Errors.Unsupported | Errors.InvalidArgument> => {
  if (wanted !== undefined && !isVersion(wanted)) {
    return Result.fail(
      reason("InvalidArgument", {
        operation,
        message: `${JSON.stringify(wanted)} is not a version of the API`,
        hint: `such as ${JSON.stringify(newest)}`
      })
    )
  }
  if (compare(offered, oldest) < 0) {
    return Result.fail(
      reason("Unsupported", {
        operation,
        message: `the engine speaks version ${offered} of the API, and ${oldest} is the oldest that will do`,
        hint: "Docker 20.10 and Podman 4 are new enough"
      })
    )
  }
  if (wanted === undefined) return Result.succeed(compare(offered, newest) < 0 ? offered : newest)
  if (compare(wanted, offered) > 0 || compare(wanted, oldest) < 0) {
    return Result.fail(
      reason("Unsupported", {
        operation,
        message: `version ${wanted} of the API was asked for, and the engine has ${oldest} to ${offered}`,
        hint: "leave the version out: it is agreed on with the engine"
      })
    )
  }
  return Result.succeed(wanted)
}
