import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as Errors from "../../Errors.ts"
import type { Request } from "./channel.ts"
import type { Engine, Known, Task } from "./engine.ts"
import { deleteTask } from "./engineTask.ts"
import { Code } from "./errors.ts"
import { type CreateTaskRequestSchema, type CreateTaskResponse, Tasks } from "./protocol/tasks_pb.ts"
import * as Log from "./stdio/log.ts"
import * as Logging from "./stdio/logging.ts"
import * as Order from "./stdio/order.ts"

const operation = "start"

/** How long the engine may take to take away what is left of a container's last task: 5 seconds. */
const cleared = Schedule.upTo(Schedule.spaced("50 millis"), { times: 100 })

/** How long a process may stay that somebody else has made to copy files, where his own next copy does not come: a second. */
const copied = Schedule.upTo(Schedule.spaced("50 millis"), { times: 20 })

/**
 * Makes a task, with no process started yet. The engine forgets a task before its folder is gone: for as long it is waited
 * for here, since nothing else tells when it is.
 */
export const create = (
  { channel }: Engine,
  operation: string,
  request: Request<typeof CreateTaskRequestSchema>
): Effect.Effect<CreateTaskResponse, Errors.Reason> =>
  Effect.retry(channel.unary(Tasks.method.create, request, { operation }), {
    // Of gRPC's own code for it, there is a task.
    while: (error) => error._tag === "AlreadyExists" && error.code !== Code.alreadyExists,
    schedule: cleared
  })

/** A task that was created and does not run yet, and what keeps its output. */
export interface Begun extends Pick<Task, "observer" | "isLogged"> {
  readonly pid: number
}

/**
 * Creates the task of a container. Its output goes to whoever has attached, or else to a log: by the shim, while we note
 * when it grows, or by a logger of its own if it is to outlive us. The scope ends what watches it here.
 */
export const begin = Effect.fnUntraced(function*(
  engine: Engine,
  id: string,
  { isDetached, mounts, pipes, record }: Known,
  folder: string
): Effect.fn.Return<Begun, Errors.Reason, Scope.Scope> {
  const writingTo = (stdout: string, stderr: string) =>
    Effect.map(
      create(engine, operation, {
        containerId: id,
        rootfs: mounts,
        stdin: pipes?.stdin ?? "",
        stdout,
        stderr: record.tty ? "" : stderr,
        terminal: record.tty
      }).pipe(Effect.retry({ while: ({ code }) => code === Code.alreadyExists, schedule: copied })),
      ({ pid }) => pid
    )
  if (pipes !== undefined && pipes.stdout !== "") {
    return { observer: undefined, isLogged: false, pid: yield* writingTo(pipes.stdout, pipes.stderr) }
  }
  const log = Order.paths(folder)
  yield* Log.create(log)
  // But for a terminal's, a shim that starts a logger does not read an input.
  const uri = isDetached && (record.tty || (pipes?.stdin ?? "") === "") ? Logging.uri(folder) : undefined
  if (uri !== undefined) {
    const pid = yield* Effect.catchIf(writingTo(uri, uri), Logging.isRefused, () => Effect.undefined)
    // A logger that ends at once is to the shim one that is ready: it says so itself.
    if (pid !== undefined) {
      const isKept = yield* Effect.onError(
        Logging.isKept(operation, log),
        // The failure is on its way; a task that is left goes with its container.
        () => Effect.ignore(deleteTask(engine, operation, id))
      )
      if (isKept) return { observer: undefined, isLogged: true, pid }
      yield* deleteTask(engine, operation, id)
    }
  }
  if (isDetached) {
    yield* Effect.logDebug(
      `container ${id} has no logger of its own: when it wrote what is known as long as this program lives`
    )
  }
  const [observer, pid] = yield* Effect.all([Log.observe(log), writingTo(log.stdout, log.stderr)], {
    concurrency: "unbounded"
  })
  return { observer, isLogged: false, pid }
})
