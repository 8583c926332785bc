import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { RestartPolicy } from "../ContainerConfig.ts"
import type { Options } from "./description.ts"
import { checkArguments, type Issue, show } from "./issue.ts"

/** All there are; a program without types can hand over another. */
const policies: Readonly<Record<"no" | RestartPolicy["name"], true>> = {
  no: true,
  always: true,
  "unless-stopped": true,
  "on-failure": true
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 1

/** Docker takes nothing shorter. */
const isLong = (input: Duration.Input): boolean => {
  const duration = Duration.fromInput(input)
  return Option.isSome(duration) && Duration.isFinite(duration.value) && Duration.toMillis(duration.value) >= 1
}

const healthcheckIssue = (check: NonNullable<Options["healthcheck"]>): string | undefined => {
  const { command, retries, startPeriod } = check
  if (command.length === 0 || command[0] === "" || typeof command === "string" && command.trim() === "") {
    return "the command is empty"
  }
  const issue = checkArguments("healthcheck", typeof command === "string" ? [command] : command)
  if (issue !== undefined) return issue[1]
  for (const field of ["interval", "timeout"] as const) {
    const given = check[field]
    if (given !== undefined && !isLong(given)) return `the ${field} is no time, or shorter than 1 millisecond`
  }
  if (startPeriod !== undefined && startPeriod !== 0 && !isLong(startPeriod)) {
    return "the startPeriod is no time, or shorter than 1 millisecond"
  }
  return retries === undefined || isCount(retries)
    ? undefined
    : `${retries} is not a number of failures: it must be a whole number from 1 on`
}

const restartIssue = ({ maximumRetryCount, name }: NonNullable<Options["restart"]>): string | undefined => {
  if (!Object.hasOwn(policies, name)) return `${show(name)} is no policy: there are ${Object.keys(policies).join(", ")}`
  if (maximumRetryCount === undefined) return undefined
  if (name !== "on-failure") return `a maximumRetryCount goes with "on-failure", not with ${show(name)}`
  return isCount(maximumRetryCount)
    ? undefined
    : `${maximumRetryCount} is not a number of times: it must be a whole number from 1 on`
}

/** What is wrong with what the engine is to do while it runs. */
export const supervisionIssue = ({ healthcheck, logDriver, restart }: Options): Issue | undefined => {
  const health = healthcheck === undefined ? undefined : healthcheckIssue(healthcheck)
  if (health !== undefined) return ["healthcheck", health]
  const again = restart === undefined ? undefined : restartIssue(restart)
  if (again !== undefined) return ["restart", again]
  return logDriver !== undefined && logDriver.name === "" ? ["logDriver", "the driver's name is empty"] : undefined
}
