import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import { fromMessage } from "../dockerApi/errors.ts"
import type * as Schemas from "./schemas.ts"

/** In these a task is over. */
const over: ReadonlySet<string> = new Set(["complete", "failed", "rejected", "shutdown", "orphaned", "remove"])

export const isOver = ({ status }: Schemas.Task): boolean => over.has(status.state)

/** Whether its process runs, or did. */
export const hasStarted = (task: Schemas.Task): boolean => task.status.state === "running" || isOver(task)

/** Whether it waits for a node that it fits on. */
export const isUnplaced = ({ status }: Schemas.Task): boolean =>
  status.state === "new" || status.state === "allocated" || status.state === "pending"

/** How a node says that it could not even start it. */
const cannotStart = /^starting container failed: /

const startFailure = ({ status: { error = "", state } }: Schemas.Task): string | undefined =>
  cannotStart.test(error) ? error.replace(cannotStart, "") : state === "rejected" ? error : undefined

/** Why it was never started; `undefined`: it was. */
export const refused = (task: Schemas.Task, node: string): Errors.Reason | undefined => {
  const words = startFailure(task)
  if (words === undefined) return undefined
  const error = fromMessage("start", words)
  return reason(error._tag, { ...error, message: `${error.message} (on the node ${node})` })
}

/** It is over, and nobody can say how: its node is not a part of the Swarm any more. */
export const isOrphaned = ({ status }: Schemas.Task): boolean => status.state === "orphaned"

/** How a task that is over has ended. */
export const exitOf = (task: Schemas.Task): ExitStatus.ExitStatus => {
  const { container, error = "", state } = task.status
  const code = container?.code ?? 0
  if (startFailure(task) !== undefined) {
    return new ExitStatus.StartFailed({
      issue: code === 126 && !/no such file or directory|not found/.test(error) ? "not executable" : "not found"
    })
  }
  if (state === "complete") return ExitStatus.fromCode(code)
  // A code of 0 would be made up: what failed has one, or the engine does not know it.
  return code < 0 || code === 0 && state !== "shutdown" ? new ExitStatus.Unknown() : ExitStatus.fromCode(code)
}
