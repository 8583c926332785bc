import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type { ContainerInfo, Primitives } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import * as Filter from "../../Filter.ts"
import { ask as askEngine, segment } from "../dockerApi/request.ts"
import * as EngineSchemas from "../dockerApi/schemas.ts"
import * as Time from "../dockerApi/time.ts"
import { create } from "./create.ts"
import { infoOf, summaryOf, taskOf } from "./info.ts"
import { inside } from "./inside.ts"
import { ask, layerLabel, look, specOf, type Swarm } from "./known.ts"
import { attach, logs } from "./logs.ts"
import { remove } from "./remove.ts"
import * as Schemas from "./schemas.ts"
import { start } from "./start.ts"
import { signal, stop } from "./stop.ts"
import { wait } from "./wait.ts"

type Operations = Pick<
  Primitives,
  "create" | "start" | "attach" | "wait" | "stop" | "signal" | "remove" | "inspect" | "list" | "logs"
>

export const tasksOf = (
  swarm: Pick<Swarm, "client">,
  operation: string,
  filter: string
): Effect.Effect<ReadonlyArray<Schemas.Task>, Errors.Reason> =>
  ask(swarm, { operation, method: "GET", path: "/tasks", query: { filters: filter } }, Schemas.tasks)

/** With what its node's engine knows besides, where that is reached. */
const seenInside = (swarm: Swarm, info: ContainerInfo, task: Schemas.Task | undefined): Effect.Effect<ContainerInfo> =>
  Effect.scoped(inside(swarm, "inspect", task)).pipe(
    Effect.flatMap((there) =>
      there === undefined ? Effect.succeed(info) : Effect.map(
        askEngine(
          there.client,
          { operation: "inspect", method: "GET", path: `/containers/${segment(there.id)}/json` },
          EngineSchemas.container
        ),
        ({ state }): ContainerInfo => ({
          ...info,
          ...info.state === "running" && state.status === "paused" ? { state: "paused" } : {},
          startedAt: Time.read(state.startedAt) ?? info.startedAt,
          ...info.state === "exited" ? { finishedAt: Time.read(state.finishedAt) ?? info.finishedAt } : {},
          ...state.oomKilled === true && info.exit?._tag === "Killed" ? { exit: new ExitStatus.OomKilled() } : {}
        })
      )
    ),
    Effect.catchTag("NotFound", () => Effect.succeed(info)),
    // What the managers know is enough.
    Effect.catch((error) =>
      Effect.as(Effect.logDebug(`of container ${info.id} its node says nothing: ${error.message}`), info)
    )
  )

const inspect = Effect.fnUntraced(function*(swarm: Swarm, id: string) {
  const operation = "inspect"
  const found = yield* look(swarm, operation, id)
  const tasks = yield* tasksOf(swarm, operation, JSON.stringify({ service: [found.service.id] }))
  yield* swarm.watch.nodes.refresh
  const task = taskOf(found, tasks)
  const info = infoOf(found, task, swarm.watch.nodes, swarm.known.get(found.service.id))
  return info.state === "created" ? info : yield* seenInside(swarm, info, task)
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
  stop: (id, options) => stop(swarm, id, options),
  signal: (id, name) => signal(swarm, id, name),
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
