import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { existsSync } from "node:fs"
import { join } from "node:path"
import type { Attachment, Primitives } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import * as Owner from "../../Owner.ts"
import * as Attach from "./cni/attach.ts"
import * as Turns from "./copy/turns.ts"
import { create, removeSnapshot } from "./create.ts"
import type { Engine, Known } from "./engine.ts"
import { find } from "./engineTask.ts"
import { reason } from "./errors.ts"
import { exec } from "./exec.ts"
import { folderOf, removeFolder } from "./folder.ts"
import { get, gone, inspect, list, recordOf, stateOf } from "./inspect.ts"
import * as Logs from "./logs.ts"
import * as Metrics from "./metrics.ts"
import { type Container, Containers } from "./protocol/containers_pb.ts"
import { Snapshots } from "./protocol/snapshots_pb.ts"
import { Tasks } from "./protocol/tasks_pb.ts"
import { idOf } from "./record.ts"
import * as Pipes from "./stdio/pipes.ts"
import * as Task from "./task.ts"

type Operations = Pick<
  Primitives,
  | "create"
  | "start"
  | "attach"
  | "wait"
  | "signal"
  | "pause"
  | "unpause"
  | "usage"
  | "stop"
  | "remove"
  | "inspect"
  | "list"
  | "logs"
  | "resize"
  | "exec"
>

const notRunning = (operation: string, name: string) =>
  reason("Conflict", { operation, message: `container ${name} is not running` })

export const make = (engine: Engine): Operations => {
  const { channel, known } = engine

  /** Also of a container that somebody else made. */
  const knownOf = (operation: string, name: string): Effect.Effect<Known, Errors.Reason> =>
    Effect.suspend(() => {
      const id = idOf(name)
      const mine = known.get(id)
      if (mine !== undefined) return Effect.succeed(mine)
      return Effect.gen(function*() {
        const container = yield* get(engine, operation, name)
        const record = recordOf(container)
        if (record === undefined) {
          return yield* reason("Unsupported", {
            operation,
            message: `container ${name} was not made by this library`
          })
        }
        const { mounts } = yield* channel.unary(
          Snapshots.method.mounts,
          { snapshotter: container.snapshotter, key: container.snapshotKey },
          { operation }
        )
        const isDetached = Owner.isNobodys(container.labels)
        const found: Known = {
          record,
          mounts,
          pipes: undefined,
          task: undefined,
          isNew: false,
          isStarting: false,
          isDetached
        }
        known.set(id, found)
        return found
      })
    })

  /** Whether its process runs; a task that was only created is one of somebody who copies files. */
  const isTask = (operation: string, id: string) =>
    Effect.map(
      find(engine, operation, id),
      (process) =>
        process !== undefined && process.status !== Task.Status.stopped && process.status !== Task.Status.created
    )

  /** The container is there, but has no process: which of the two is missing. */
  const orGone = (operation: string, name: string) => <A, R>(effect: Effect.Effect<A, Errors.Reason, R>) =>
    Effect.catchTag(
      effect,
      "NotFound",
      () => Effect.andThen(get(engine, operation, name), Effect.fail(notRunning(operation, name)))
    )

  const start: Operations["start"] = Effect.fnUntraced(function*(name) {
    const operation = "start"
    const id = idOf(name)
    const mine = yield* knownOf(operation, name)
    if (mine.task !== undefined || !mine.isNew) {
      // It may run already, and then it is started; or it has ended, and then it starts again.
      const container = yield* get(engine, operation, name)
      const process = yield* find(engine, operation, id)
      if (stateOf(container, process).state !== "created" && (yield* isTask(operation, id))) return
      if (mine.task !== undefined) yield* Deferred.await(mine.task.reaped)
      else if (process !== undefined) yield* Task.destroy(engine, operation, id)
    }
    yield* Task.start(engine, id, mine, folderOf(engine, id)).pipe(
      Effect.catchTag("NotFound", (error) =>
        // Nothing is missing but the container itself.
        error.code === 5
          ? Effect.andThen(get(engine, operation, name), Effect.fail(error))
          : Effect.fail(error))
    )
    mine.isNew = false
  }, Effect.uninterruptible)

  const closeInput = (id: string) =>
    Effect.asVoid(
      channel.unary(Tasks.method.closeIO, { containerId: id, execId: "", stdin: true }, { operation: "attach" })
    ).pipe(Effect.catchTag("NotFound", () => Effect.void))

  const attach: Operations["attach"] = Effect.fnUntraced(function*(name, { output, stdin, tty }) {
    const operation = "attach"
    const id = idOf(name)
    const mine = yield* knownOf(operation, name)
    if (mine.task !== undefined || (yield* isTask(operation, id))) {
      return yield* adopt(id, mine, { output, stdin, tty })
    }
    const pipes = yield* Pipes.make({
      operation,
      folder: join(folderOf(engine, id), "pipes"),
      stdin,
      output,
      tty,
      close: closeInput(id)
    })
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        mine.pipes = pipes
      }),
      () =>
        Effect.sync(() => {
          if (mine.pipes === pipes && mine.task === undefined) mine.pipes = undefined
        })
    )
    return pipes.attachment
  })

  /** To one that runs: what it writes from now on, and its input if it has one. */
  const adopt = (
    id: string,
    mine: Known,
    options: { readonly output: boolean; readonly stdin: boolean; readonly tty: boolean }
  ): Effect.Effect<Attachment, Errors.Reason, Scope.Scope> =>
    Effect.gen(function*() {
      const path = join(folderOf(engine, id), "pipes", "stdin")
      const output = options.output ? logs(id, { follow: true, tail: 0 }) : Stream.empty
      const stdin = options.stdin && existsSync(path)
        ? yield* Pipes.input({ operation: "attach", path, tty: mine.record.tty, close: closeInput(id) })
        : Pipes.noInput("attach")
      return { output, stdin }
    })

  /** Of a container that somebody else started, or that nobody did. */
  const waitForeign = Effect.fnUntraced(function*(
    name: string
  ): Effect.fn.Return<ExitStatus.ExitStatus, Errors.Reason> {
    const operation = "wait"
    const id = idOf(name)
    for (;;) {
      const process = yield* Task.throughRestart(find(engine, operation, id))
      const container: Container = yield* Task.throughRestart(get(engine, operation, name))
      const { exit, state } = stateOf(container, process)
      if (exit !== undefined) return exit
      if (state === "created") {
        return yield* reason("Conflict", { operation, message: `container ${name} was never started` })
      }
      const ended = yield* Effect.catchTag(Task.wait(engine, operation, id), "NotFound", () => Effect.undefined)
      const owner = Owner.decode(container.labels[Owner.labels.owner] ?? "")
      // Whoever started it says how it ended and takes the task away. If that is nobody, we do.
      if (ended !== undefined && (owner === undefined || Owner.isDead(owner))) {
        yield* Task.settle(engine, operation, id, ended)
        return ended.status
      }
      if (ended !== undefined) return ended.status
    }
  })

  const wait: Operations["wait"] = (name) =>
    Effect.suspend(() => {
      const task = known.get(idOf(name))?.task
      return task === undefined ? waitForeign(name) : Deferred.await(task.exited)
    })

  const kill = (operation: string, id: string, signal: number) =>
    Effect.asVoid(
      channel.unary(Tasks.method.kill, { containerId: id, execId: "", signal, all: false }, { operation })
    )

  const signal: Operations["signal"] = Effect.fnUntraced(function*(name, signal) {
    const operation = "signal"
    const number = ExitStatus.signalNumber(signal)
    if (number === undefined) {
      return yield* reason("InvalidArgument", { operation, message: `${signal} is not a signal` })
    }
    yield* orGone(operation, name)(Effect.gen(function*() {
      if (!(yield* isTask(operation, idOf(name)))) {
        return yield* reason("NotFound", { operation, message: "no task" })
      }
      yield* kill(operation, idOf(name), number)
    }))
  })

  const stop: Operations["stop"] = Effect.fnUntraced(function*(name, { grace }) {
    const operation = "stop"
    const id = idOf(name)
    const container = yield* get(engine, operation, name)
    if (!(yield* isTask(operation, id))) return
    const record = recordOf(container)
    const number = ExitStatus.signalNumber(record?.stopSignal ?? "SIGTERM") ?? 15
    const ended = wait(name).pipe(Effect.catchTags({ NotFound: () => Effect.void, Conflict: () => Effect.void }))
    const ask = (signal: number) =>
      Effect.catchTags(kill(operation, id, signal), { NotFound: () => Effect.void, Conflict: () => Effect.void })
    if (grace > 0) {
      yield* ask(number)
      const inTime = yield* Effect.timeoutOption(ended, grace)
      if (inTime._tag === "Some") return
    }
    yield* ask(9)
    yield* ended
  })

  const remove: Operations["remove"] = Effect.fnUntraced(function*(name, { force }) {
    const operation = "remove"
    const id = idOf(name)
    const mine = known.get(id)
    const task = mine?.task
    if (!force && (yield* isTask(operation, id))) {
      return yield* reason("Conflict", {
        operation,
        message: `container ${name} is running`,
        hint: "stop it, or use force"
      })
    }
    if (task !== undefined) {
      // Whoever waits for its end takes it away: two who do it at once are in each other's way.
      if (!Deferred.isDoneUnsafe(task.exited)) {
        yield* Effect.catchTags(kill(operation, id, 9), { NotFound: () => Effect.void, Conflict: () => Effect.void })
      }
      // Nobody is going to read what is left of its output.
      if (mine?.pipes !== undefined) yield* Deferred.succeed(mine.pipes.drained, undefined)
      yield* Deferred.await(task.reaped)
    }
    yield* Task.destroy(engine, operation, id)
    // Of a task that nobody saw end.
    yield* Attach.downOrSay(operation, id, folderOf(engine, id))
    yield* channel.unary(Containers.method.delete, { id }, { operation }).pipe(
      Effect.catchTag("NotFound", () => Effect.fail(gone(operation, name)))
    )
    known.delete(id)
    yield* Effect.all([removeSnapshot(engine, operation, id), removeFolder(engine, id)], { concurrency: "unbounded" })
  })

  const logs = Logs.make(engine, waitForeign)

  return {
    attach,
    wait,
    signal,
    stop,
    logs,
    start: (name) => Turns.afterCopies(engine, idOf(name))(start(name)),
    remove: (name, options) =>
      Task.throughRestart(Turns.insteadOfCopies(engine, idOf(name))(remove(name, options)), options.patience ?? 0),
    create: (config) =>
      Effect.map(create(engine, config), ({ id, known: made }) => {
        known.set(id, made)
        return id
      }),
    pause: (name) =>
      orGone("pause", name)(
        Effect.asVoid(channel.unary(Tasks.method.pause, { containerId: idOf(name) }, { operation: "pause" }))
      ),
    unpause: (name) =>
      orGone("unpause", name)(
        Effect.asVoid(channel.unary(Tasks.method.resume, { containerId: idOf(name) }, { operation: "unpause" }))
      ),
    usage: (name) =>
      orGone("usage", name)(Effect.gen(function*() {
        // Nothing is said of what does not run, and that would look like nothing used.
        if (!(yield* isTask("usage", idOf(name)))) {
          return yield* reason("NotFound", { operation: "usage", message: "no task" })
        }
        return yield* Metrics.usage(channel, idOf(name))
      })),
    inspect: (name) => inspect(engine, name),
    list: (filter) => list(engine, filter),
    resize: (name, { columns, rows }) =>
      orGone("resize", name)(Effect.asVoid(
        channel.unary(
          Tasks.method.resizePty,
          { containerId: idOf(name), execId: "", width: columns, height: rows },
          { operation: "resize" }
        )
      )),
    exec: (name, config) => exec(engine, name, config)
  }
}
