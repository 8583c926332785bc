import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Errors from "../../../Errors.ts"
import * as Begin from "../begin.ts"
import type { Engine } from "../engine.ts"
import { find } from "../engineTask.ts"
import { Code, reason } from "../errors.ts"
import { recordOf } from "../inspect.ts"
import type { Container } from "../protocol/containers_pb.ts"
import type { Process as TaskProcess } from "../protocol/task_pb.ts"
import type { Mount } from "../protocol/types_pb.ts"
import { decodeExit, encodeExit, labels } from "../record.ts"
import * as Task from "../task.ts"
import type { Operation } from "./failure.ts"
import type { Process } from "./turns.ts"

/** How long the output of a container that has ended may be left unread: until then its task stays. */
const patience = "10 seconds"

/** How often somebody else may be faster. */
const mostTries = 5

export const isAlive = ({ status }: TaskProcess): boolean =>
  status === Task.Status.running || status === Task.Status.paused || status === Task.Status.pausing

/** Sees to it that a task that has ended is taken away, and its end on record before. */
const settle = Effect.fnUntraced(function*(
  engine: Engine,
  operation: Operation,
  container: Container
): Effect.fn.Return<void, Errors.Reason> {
  const { id } = container
  const task = engine.known.get(id)?.task
  if (task !== undefined) {
    return yield* Effect.timeoutOrElse(Deferred.await(task.reaped), {
      duration: patience,
      orElse: () =>
        Effect.fail(reason("Conflict", {
          operation,
          message: `container ${id} has ended, but its output has not been read to the end`,
          hint: "read its output, or close it"
        }))
    })
  }
  if (decodeExit(container.labels[labels.exit]) === undefined) {
    const ended = yield* Task.wait(engine, operation, id)
    yield* Task.mark(engine, operation, id, { [labels.exit]: encodeExit(ended) })
  }
  yield* Task.destroy(engine, operation, id)
})

/** A container's files are mounted as long as it has a process, even one that was never started. */
const create = (
  engine: Engine,
  operation: Operation,
  container: Container,
  mounts: ReadonlyArray<Mount>
): Effect.Effect<Process, Errors.Reason> => {
  const tty = recordOf(container)?.tty ?? false
  return Begin.create(engine, operation, {
    containerId: container.id,
    rootfs: mounts,
    stdin: "",
    // A terminal wants to be copied somewhere.
    stdout: tty ? "/dev/null" : "",
    stderr: "",
    terminal: tty
  }).pipe(
    Effect.map(({ pid }): Process => ({ pid, isOurs: true })),
    Effect.mapError((error) =>
      (error._tag === "NotFound" && error.code !== 5) || error._tag === "PermissionDenied" ||
        error._tag === "InvalidArgument"
        ? reason("Conflict", {
          operation,
          message: `container ${container.id} does not run, and cannot be made ready for a copy: ${error.message}`,
          code: error.code,
          cause: error
        })
        : error
    )
  )
}

/** A process that sees the container's files: one that is there, or one for the time of a copy. */
export const make = (
  engine: Engine,
  operation: Operation,
  container: Container,
  mounts: ReadonlyArray<Mount>
): Effect.Effect<Process, Errors.Reason> => {
  const attempt = (tries: number): Effect.Effect<Process, Errors.Reason> =>
    Effect.gen(function*() {
      const found = yield* find(engine, operation, container.id)
      if (found !== undefined && found.status !== Task.Status.stopped) return { pid: found.pid, isOurs: false }
      if (found !== undefined) yield* settle(engine, operation, container)
      return yield* create(engine, operation, container, mounts)
    }).pipe(
      Effect.catchTag(
        "AlreadyExists",
        (error) => error.code === Code.alreadyExists && tries < mostTries ? attempt(tries + 1) : Effect.fail(error)
      )
    )
  return attempt(1)
}

/** Takes away what {@link make} has made, unless it has become somebody else's. */
export const end =
  (engine: Engine, operation: Operation, id: string) => ({ isOurs, pid }: Process): Effect.Effect<void> =>
    !isOurs ? Effect.void : find(engine, operation, id).pipe(
      Effect.flatMap((found) =>
        found === undefined || found.pid !== pid || isAlive(found) ? Effect.void : Task.destroy(engine, operation, id)
      ),
      Effect.catch((error) =>
        Effect.logWarning(`the process for a copy of container ${id} is left behind: ${error.message}`)
      )
    )
