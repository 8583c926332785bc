import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { Container } from "./description.ts"
import { checkTarget, type Issue } from "./issue.ts"
import type { PoolOptions } from "./pool.ts"

const isCount = (value: number, least: number): boolean => Number.isSafeInteger(value) && value >= least

const positive = (input: Duration.Input): boolean => {
  const duration = Duration.fromInput(input)
  return Option.isSome(duration) && Duration.isFinite(duration.value) && Duration.toMillis(duration.value) > 0
}

/** What of a description cannot be of several containers, one in the place of the other. */
const describedIssue = ({ options: { name, ports, restart, stdin } }: Container): Issue | undefined => {
  if (name !== undefined) return ["name", "the containers of a pool cannot all have one name"]
  if (ports.some(({ hostPort = 0 }) => hostPort !== 0)) {
    return ["port", "the containers of a pool cannot all have one port of the host: leave hostPort out"]
  }
  if (restart !== undefined && restart.name !== "no") {
    return ["restart", "a pool puts a new container in the place of one that has ended"]
  }
  return stdin === undefined ? undefined : ["stdin", "each use has standard input of its own"]
}

/** What is wrong with a pool. */
export const poolIssue = <E, R>(self: Container, options: PoolOptions<E, R>): Issue | undefined => {
  const { maxUses, min, scratch = [], size, timeToLive } = options
  if (!isCount(size, 1)) return ["size", `${size} is not a number of containers: it must be a whole number from 1 on`]
  if (min !== undefined && (!isCount(min, 0) || min > size)) {
    return ["min", `${min} is not a number of containers from 0 to the pool's size, ${size}`]
  }
  if (maxUses !== undefined && !isCount(maxUses, 1)) {
    return ["maxUses", `${maxUses} is not a number of uses: it must be a whole number from 1 on`]
  }
  if (timeToLive !== undefined && !positive(timeToLive)) return ["timeToLive", "it must be a time of more than nothing"]
  for (const path of scratch) {
    const issue = checkTarget("scratch", path)
    if (issue !== undefined) return issue
    if (/^\/[/.]*$/.test(path)) return ["scratch", "the root directory cannot be emptied"]
  }
  return describedIssue(self)
}
