import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Errors from "../../Errors.ts"
import type { Engine } from "./engine.ts"
import type { Process } from "./protocol/task_pb.ts"
import { Tasks } from "./protocol/tasks_pb.ts"

/** A task as the engine shows it; `undefined`: there is none. */
export const find = (
  { channel }: Engine,
  operation: string,
  id: string
): Effect.Effect<Process | undefined, Errors.Reason> =>
  channel.unary(Tasks.method.get, { containerId: id, execId: "" }, { operation }).pipe(
    Effect.map(({ process }) => process),
    Effect.catchTag("NotFound", () => Effect.undefined)
  )

/** Until a task is gone that somebody else takes away; a second at most. */
export const vanishing = Schedule.upTo(Schedule.spaced("20 millis"), { times: 50 })

/** The engine is there, the shim is not: the engine finds out and takes the task away. */
export const isShimGone = (error: Errors.Reason): boolean => error._tag === "Unavailable" && error.code !== 14

/**
 * A task's deletion tells its shim to end. A call that is cancelled in the middle leaves the shim running for ever, with no
 * task by which it could be found: so it is not interrupted.
 */
export const deleteTask = (engine: Engine, operation: string, id: string): Effect.Effect<void, Errors.Reason> =>
  engine.channel.unary(Tasks.method.delete, { containerId: id }, { operation, deadline: 30_000 }).pipe(
    Effect.asVoid,
    Effect.catchTags({
      NotFound: () => Effect.void,
      Unavailable: (error) =>
        error.code === 14
          ? Effect.fail(error)
          // Its shim is gone: somebody else takes it away at the same time.
          : Effect.repeat(find(engine, operation, id), {
            while: (process) => process !== undefined,
            schedule: vanishing
          }).pipe(
            Effect.flatMap((process) => process === undefined ? Effect.void : Effect.fail(error))
          )
    }),
    Effect.uninterruptible
  )
