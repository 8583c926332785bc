import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import { fromMessage } from "../dockerApi/errors.ts"
import { taken } from "./lost.ts"
import type * as Schemas from "./schemas.ts"

/** In these a task is over. */
const over: ReadonlySet<string> = new Set(["complete", "failed", "rejected", "shutdown", "orphaned", "remove"])

export const isOver = ({ status }: Schemas.Task): boolean => over.has(status.state)

/** Whether its process runs, or did. */
export const hasStarted = (task: Schemas.Task): boolean => task.status.state === "running" || isOver(task)

/** Whether it waits for a node that it fits on. */
export const isUnplaced = ({ status }: Schemas.Task): boolean =>
  status.state === "new" || status.state === "allocated" || status.state === "pending"

/** The tasks of a run, the oldest first. There is one; but managers of which two take themselves for the leader make two. */
export const tasksOf = (
  tasks: ReadonlyArray<Schemas.Task>,
  { run, service }: { readonly service: string; readonly run: number }
): ReadonlyArray<Schemas.Task> =>
  tasks.filter((task) => task.service === service && (task.iteration?.index ?? 0) === run)
    .toSorted((a, b) => Date.parse(a.created ?? "") - Date.parse(b.created ?? ""))

/** Whether the Swarm is about to forget it: it was told to end it, and nothing of it runs. */
export const isLeaving = (task: Schemas.Task): boolean =>
  task.desired === "remove" && (isUnplaced(task) || isOver(task))

/** Of a run's tasks its own: the first that a node takes, and until then the first. */
export const ownOf = (tasks: ReadonlyArray<Schemas.Task>): Schemas.Task | undefined =>
  tasks.find((task) => !isUnplaced(task)) ?? tasks[0]

/** How a node says that it could not even start it. */
const cannotStart = /^starting container failed: /

/** A manager takes a task from a node that is no longer what its container asks for, whether it ran there or not. */
export const isTaken = ({ status: { error = "", state } }: Schemas.Task): boolean =>
  state === "rejected" && /node no longer meets constraints/.test(error)

const startFailure = (task: Schemas.Task): string | undefined => {
  const { error = "", state } = task.status
  if (isTaken(task)) return undefined
  return cannotStart.test(error) ? error.replace(cannotStart, "") : state === "rejected" ? error : undefined
}

/** Why it was never started; `undefined`: it was. */
export const refused = (task: Schemas.Task, node: string): Errors.Reason | undefined => {
  if (isTaken(task)) return taken("start", node)
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
