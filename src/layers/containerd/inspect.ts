import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ContainerInfo, ContainerState, ContainerSummary } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import * as Filter from "../../Filter.ts"
import type { Engine, Known } from "./engine.ts"
import { find } from "./engineTask.ts"
import { reason } from "./errors.ts"
import { type Container, Containers } from "./protocol/containers_pb.ts"
import type { Process } from "./protocol/task_pb.ts"
import { Tasks } from "./protocol/tasks_pb.ts"
import * as Record from "./record.ts"
import * as Task from "./task.ts"

/** A container as containerd has it; an error names it as the user did. */
export const get = (engine: Engine, operation: string, name: string): Effect.Effect<Container, Errors.Reason> =>
  engine.channel.unary(Containers.method.get, { id: Record.idOf(name) }, { operation }).pipe(
    Effect.catchTag("NotFound", () => Effect.fail(gone(operation, name))),
    Effect.flatMap(({ container }) =>
      container === undefined
        ? Effect.fail(reason("Protocol", { operation, message: `the engine's answer has no container ${name}` }))
        : Effect.succeed(container)
    )
  )

export const gone = (operation: string, name: string): Errors.NotFound =>
  reason("NotFound", { operation, message: `there is no container ${name}` })

export const recordOf = (container: Container): Record.Record | undefined =>
  Record.decode(container.extensions[Record.extension]?.value)

export interface State {
  readonly state: ContainerState
  readonly exit?: ExitStatus.ExitStatus | undefined
  readonly finishedAt?: number | undefined
}

const states: Readonly<globalThis.Record<number, ContainerState>> = {
  [Task.Status.created]: "created",
  [Task.Status.running]: "running",
  [Task.Status.paused]: "paused",
  [Task.Status.pausing]: "paused"
}

/** From its task, if it has one, and from what was put on record when it had one. */
export const stateOf = (container: Container, process: Process | undefined, known?: Known): State => {
  const ended = Record.decodeExit(container.labels[Record.labels.exit])
  const state = process === undefined ? undefined : states[process.status]
  // A task that was only created is one of somebody who copies files: it says nothing.
  if (state !== undefined && !(state === "created" && ended !== undefined)) return { state }
  if (ended !== undefined) {
    return {
      state: ended.status._tag === "StartFailed" ? "created" : "exited",
      exit: ended.status,
      finishedAt: ended.at
    }
  }
  if (process !== undefined && process.status === Task.Status.stopped) {
    return { state: "exited", exit: ExitStatus.fromCode(process.exitStatus), finishedAt: Task.time(process.exitedAt) }
  }
  // It was started, and nobody saw how it ended.
  return container.labels[Record.labels.started] === undefined || known?.isStarting === true
    ? { state: "created" }
    : { state: "exited", exit: new ExitStatus.Unknown() }
}

/** A number that is no time is like none. */
const utc = (millis: number | undefined): DateTime.Utc | undefined =>
  millis === undefined ? undefined : Option.getOrUndefined(DateTime.make(millis))

const epoch = DateTime.makeUnsafe(0)

const summaryOf = (container: Container, { state }: State): ContainerSummary => {
  const record = recordOf(container)
  return {
    id: container.id,
    name: record?.name ?? container.id,
    image: record?.image ?? container.image,
    imageId: container.labels[Record.labels.image] ?? "",
    state,
    createdAt: utc(Task.time(container.createdAt)) ?? epoch,
    labels: Record.visible(container.labels)
  }
}

export const inspect = Effect.fnUntraced(function*(
  engine: Engine,
  name: string
): Effect.fn.Return<ContainerInfo, Errors.Reason> {
  const operation = "inspect"
  // First the task: whoever takes it away has put its end on record before.
  const process = yield* find(engine, operation, Record.idOf(name))
  const container = yield* get(engine, operation, name)
  const known = engine.known.get(container.id)
  const state = stateOf(container, process, known)
  const task = known?.task
  const exit = state.state === "exited" && task !== undefined && Deferred.isDoneUnsafe(task.exited)
    ? yield* Effect.orElseSucceed(Deferred.await(task.exited), () => state.exit)
    : state.exit
  const started = Number(container.labels[Record.labels.started])
  return {
    ...summaryOf(container, state),
    exit,
    startedAt: utc(started > 0 ? started : undefined),
    finishedAt: utc(state.finishedAt),
    tty: recordOf(container)?.tty ?? false,
    ports: state.state === "running" || state.state === "paused"
      ? Record.decodePorts(container.extensions[Record.portsExtension]?.value)
      : []
  }
})

/** Terms that the engine can decide, so that it need not send everything. */
const filtersOf = (filter: Filter.Filter): ReadonlyArray<string> => {
  const terms = filter.terms.flatMap(({ key, value }) => {
    if (key !== "label" || !/^[\w.=/ -]+$/.test(value)) return []
    const at = value.indexOf("=")
    return at === -1
      ? [`labels.${JSON.stringify(value)}`]
      : [`labels.${JSON.stringify(value.slice(0, at))}==${JSON.stringify(value.slice(at + 1))}`]
  })
  return terms.length === 0 ? [] : [terms.join(",")]
}

const match = (filter: Filter.Filter, facts: Filter.ContainerFacts): Effect.Effect<boolean, Errors.Reason> =>
  Effect.mapError(
    Effect.fromResult(Filter.matchContainer(filter, facts)),
    ({ issue }) => reason("InvalidArgument", { operation: "list", message: issue })
  )

export const list = Effect.fnUntraced(function*(
  engine: Engine,
  filter: Filter.Filter
): Effect.fn.Return<ReadonlyArray<ContainerSummary>, Errors.Reason> {
  const operation = "list"
  // A filter that means nothing is refused also where there is nothing to filter.
  yield* match(filter, { id: "", name: "", image: "", labels: {}, status: "created" })
  const { tasks } = yield* engine.channel.unary(Tasks.method.list, { filter: "" }, { operation })
  const processes = new Map(tasks.map((process) => [process.id, process]))
  const { containers } = yield* engine.channel.unary(
    Containers.method.list,
    { filters: filtersOf(filter) },
    { operation }
  )
  const found: Array<ContainerSummary> = []
  for (const container of containers) {
    const state = stateOf(container, processes.get(container.id), engine.known.get(container.id))
    const summary = summaryOf(container, state)
    const passes = yield* match(filter, {
      ...summary,
      status: summary.state,
      ...(state.exit?._tag === "Exited" ? { exitCode: state.exit.code } : {})
    })
    if (passes) found.push(summary)
  }
  return found
})
