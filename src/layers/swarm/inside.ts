import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { Primitives } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import * as Exec from "../dockerApi/exec.ts"
import { type Client, segment, send } from "../dockerApi/request.ts"
import { usage } from "../dockerApi/usage.ts"
import { type Found, look, runOf, type Swarm, watching } from "./known.ts"
import type * as Schemas from "./schemas.ts"
import { isOver } from "./task.ts"

/** A container of this library as the engine of its node has it. */
export interface Inside {
  readonly client: Client
  readonly id: string
  readonly task: Schemas.Task
}

/** The task of a container's run; `undefined`: it was not started, or the Swarm has forgotten it. */
export const taskNow = (swarm: Swarm, found: Found): Effect.Effect<Schemas.Task | undefined, Errors.Reason> => {
  const run = runOf(found)
  return run === 0 || found.spec.mode?.job?.total !== 1
    ? Effect.undefined
    : swarm.watch.until(watching(found, run), ({ isGone, task }) => Result.succeed(isGone ? undefined : task))
}

const idOf = (task: Schemas.Task | undefined): string => task?.status.container?.id ?? ""

export const unreached = (swarm: Swarm, operation: string, task: Schemas.Task): Errors.Unsupported => {
  const name = swarm.watch.nodes.nameOf(task.node)
  return reason("Unsupported", {
    operation,
    message: `swarm cannot do it by a manager, and the config does not name the engine of node ${name}`,
    hint: "name it in the config's nodes"
  })
}

/** Its container, where there is one and its node is reached. */
export const inside = Effect.fnUntraced(function*(
  swarm: Swarm,
  operation: string,
  task: Schemas.Task | undefined
): Effect.fn.Return<Inside | undefined, Errors.Reason, Scope.Scope> {
  if (task === undefined || idOf(task) === "") return undefined
  const client = yield* swarm.reach.of(operation, task.node)
  return client === undefined ? undefined : { client, id: idOf(task), task }
})

/** The container on its node; a reason where it does not run, or its node is not reached. */
const running = Effect.fnUntraced(function*(
  swarm: Swarm,
  operation: string,
  id: string
): Effect.fn.Return<Inside, Errors.Reason, Scope.Scope> {
  const task = yield* taskNow(swarm, yield* look(swarm, operation, id))
  if (task === undefined || isOver(task) || idOf(task) === "") {
    return yield* reason("Conflict", { operation, message: `container ${id} is not running` })
  }
  return (yield* inside(swarm, operation, task)) ?? (yield* unreached(swarm, operation, task))
})

type Operations = Pick<Primitives, "exec" | "pause" | "unpause" | "usage" | "resize">

const path = ({ id }: Inside, rest: string): string => `/containers/${segment(id)}${rest}`

/** What is done in a container that runs, by the engine of its node. */
export const make = (swarm: Swarm): Operations => {
  const post = (operation: string, id: string, rest: string, query?: Readonly<Record<string, number>>) =>
    Effect.scoped(
      Effect.flatMap(running(swarm, operation, id), (inside) =>
        Effect.asVoid(send(inside.client, { operation, method: "POST", path: path(inside, rest), query })))
    )
  return {
    exec: (id, config) =>
      Effect.flatMap(running(swarm, "exec", id), (inside) => Exec.exec(inside.client, inside.id, config)),
    pause: (id) => post("pause", id, "/pause"),
    unpause: (id) => post("unpause", id, "/unpause"),
    resize: (id, { columns, rows }) => post("resize", id, "/resize", { w: columns, h: rows }),
    usage: (id) =>
      Effect.scoped(Effect.flatMap(running(swarm, "usage", id), (inside) => usage(inside.client, inside.id)))
  }
}
