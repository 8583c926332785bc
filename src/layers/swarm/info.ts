import type { ContainerInfo, ContainerState, ContainerSummary } from "../../Backend.ts"
import type { PortBinding } from "../../ContainerConfig.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import * as Time from "../dockerApi/time.ts"
import { type Found, imageIdLabel, imageLabel, type Known, labelsOf, layerLabel, runOf } from "./known.ts"
import type { Nodes } from "./nodes.ts"
import type * as Schemas from "./schemas.ts"
import { exitOf, isOver, ownOf, tasksOf } from "./task.ts"

const visible = (found: Found): Readonly<Record<string, string>> => {
  const { [imageLabel]: _image, [imageIdLabel]: _id, [layerLabel]: _layer, ...labels } = labelsOf(found.spec)
  return labels
}

/** The task of the run that is now. */
export const taskOf = (found: Found, tasks: ReadonlyArray<Schemas.Task>): Schemas.Task | undefined =>
  ownOf(tasksOf(tasks, { service: found.service.id, run: runOf(found) }))

const isStopped = (found: Found): boolean => runOf(found) > 0 && found.spec.mode?.job?.total !== 1

export const stateOf = (found: Found, task: Schemas.Task | undefined): ContainerState => {
  if (runOf(found) === 0) return "created"
  if (isStopped(found)) return "exited"
  if (task === undefined) return "created"
  if (isOver(task)) return "exited"
  return task.status.state === "running" ? "running" : "created"
}

const portsOf = (task: Schemas.Task, nodes: Nodes): ReadonlyArray<PortBinding> =>
  (task.status.ports?.list ?? []).flatMap(({ protocol, published = 0, target = 0 }): ReadonlyArray<PortBinding> =>
    protocol === "tcp" || protocol === "udp"
      ? [{ containerPort: target, protocol, hostIp: nodes.addressOf(task.node), hostPort: published }]
      : []
  )

export const summaryOf = (found: Found, task: Schemas.Task | undefined): ContainerSummary => ({
  id: found.service.id,
  name: found.spec.name,
  image: labelsOf(found.spec)[imageLabel] ?? "",
  imageId: labelsOf(found.spec)[imageIdLabel] ?? "",
  state: stateOf(found, task),
  createdAt: Time.read(found.service.created) ?? Time.epoch,
  labels: visible(found)
})

const exit = (
  found: Found,
  task: Schemas.Task | undefined,
  known: Known | undefined
): ExitStatus.ExitStatus | undefined => {
  if (isStopped(found)) return known?.ended ?? new ExitStatus.Unknown()
  return task !== undefined && isOver(task) ? exitOf(task) : undefined
}

/** A container as the `Backend` shows it. */
export const infoOf = (
  found: Found,
  task: Schemas.Task | undefined,
  nodes: Nodes,
  known: Known | undefined
): ContainerInfo => {
  const summary = summaryOf(found, task)
  const changed = Time.read(task?.status.time)
  const isEnded = summary.state === "exited"
  return {
    ...summary,
    exit: exit(found, task, known),
    restartCount: 0,
    startedAt: summary.state === "running" ? changed : isEnded ? Time.read(task?.created) : undefined,
    finishedAt: isEnded ? changed : undefined,
    tty: found.spec.task.container.tty ?? false,
    ports: task === undefined || isEnded ? [] : portsOf(task, nodes),
    node: task?.node === undefined || task.node === "" ? undefined : nodes.nameOf(task.node)
  }
}
