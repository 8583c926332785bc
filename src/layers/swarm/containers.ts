import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type { Primitives } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import * as Filter from "../../Filter.ts"
import { create } from "./create.ts"
import { infoOf, summaryOf, taskOf } from "./info.ts"
import { ask, layerLabel, look, specOf, type Swarm } from "./known.ts"
import { attach, logs } from "./logs.ts"
import { remove } from "./remove.ts"
import * as Schemas from "./schemas.ts"
import { start } from "./start.ts"
import { stop } from "./stop.ts"
import { wait } from "./wait.ts"

type Operations = Pick<
  Primitives,
  "create" | "start" | "attach" | "wait" | "stop" | "remove" | "inspect" | "list" | "logs"
>

export const tasksOf = (
  swarm: Pick<Swarm, "client">,
  operation: string,
  filter: string
): Effect.Effect<ReadonlyArray<Schemas.Task>, Errors.Reason> =>
  ask(swarm, { operation, method: "GET", path: "/tasks", query: { filters: filter } }, Schemas.tasks)

const inspect = Effect.fnUntraced(function*(swarm: Swarm, id: string) {
  const operation = "inspect"
  const found = yield* look(swarm, operation, id)
  const tasks = yield* tasksOf(swarm, operation, JSON.stringify({ service: [found.service.id] }))
  yield* swarm.watch.nodes.refresh
  return infoOf(found, taskOf(found, tasks), swarm.watch.nodes, swarm.known.get(found.service.id))
})

const list = Effect.fnUntraced(function*(swarm: Swarm, filter: Filter.Filter) {
  const operation = "list"
  const ours = JSON.stringify({ label: [layerLabel] })
  const services = yield* ask(
    swarm,
    { operation, method: "GET", path: "/services", query: { filters: ours } },
    Schemas.services
  )
  const tasks = yield* tasksOf(swarm, operation, ours)
  const all = yield* Effect.forEach(services, (service) =>
    Effect.map(specOf(operation, service), (found) => {
      const task = taskOf(found, tasks)
      return { summary: summaryOf(found, task), exit: infoOf(found, task, swarm.watch.nodes, undefined).exit }
    }))
  const passing = all.map(({ exit, summary }) =>
    Result.map(
      Filter.matchContainer(filter, {
        ...summary,
        status: summary.state,
        exitCode: exit === undefined ? undefined : ExitStatus.toCode(exit)
      }),
      (passes) => passes ? [summary] : []
    )
  )
  // What no container is needed for to be wrong.
  const none = { id: "", name: "", image: "", labels: {}, status: "created" } as const
  return yield* Effect.mapError(
    Effect.fromResult(
      Result.flatMap(Filter.matchContainer(filter, none), () => Result.map(Result.all(passing), (some) => some.flat()))
    ),
    ({ issue }) => reason("InvalidArgument", { operation, message: issue })
  )
})

export const make = (swarm: Swarm): Operations => ({
  create: (config) => create(swarm, config),
  start: (id) => start(swarm, id),
  wait: (id) => wait(swarm, id),
  stop: (id) => stop(swarm, id),
  remove: (id, options) => remove(swarm, id, options),
  inspect: (id) => inspect(swarm, id),
  list: (filter) => list(swarm, filter),
  logs: (id, options) => logs(swarm, id, options),
  attach: (id, { output }) =>
    Effect.map(output ? attach(swarm, id) : Effect.succeed(Stream.empty), (output) => ({
      output,
      stdin: Sink.fail(reason("Unsupported", { operation: "attach", message: "nobody can write to a task of a Swarm" }))
    }))
})
