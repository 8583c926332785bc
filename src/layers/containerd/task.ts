import type { Timestamp } from "@bufbuild/protobuf/wkt"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import type * as Errors from "../../Errors.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import { begin } from "./begin.ts"
import * as Attach from "./cni/attach.ts"
import type { Engine, Known, Task } from "./engine.ts"
import { deleteTask, find, isShimGone, vanishing } from "./engineTask.ts"
import { reason } from "./errors.ts"
import { folderOf } from "./folder.ts"
import * as Metrics from "./metrics.ts"
import { Containers } from "./protocol/containers_pb.ts"
import { Tasks } from "./protocol/tasks_pb.ts"
import * as Record from "./record.ts"

export const Status = { created: 1, running: 2, stopped: 3, paused: 4, pausing: 5 } as const

/** Milliseconds since the epoch; `undefined` for Go's zero time, which stands for "never". */
export const time = (timestamp: Timestamp | undefined): number | undefined =>
  timestamp === undefined || timestamp.seconds <= 0n
    ? undefined
    : Number(timestamp.seconds) * 1000 + Math.floor(timestamp.nanos / 1e6)

/** Between two looks at whether the engine is back: milliseconds. */
const rest = 250

/**
 * The engine was restarted: containers run on, and calls are worth another try. `patience` is in milliseconds, by default
 * half a minute: a restart takes less than a second.
 */
export const throughRestart = <A, R>(
  effect: Effect.Effect<A, Errors.Reason, R>,
  patience = 30_000
): Effect.Effect<A, Errors.Reason, R> =>
  Effect.retry(effect, {
    while: (error) => error._tag === "Unavailable" && error.code === 14,
    schedule: Schedule.upTo(Schedule.spaced(rest), { times: Math.ceil(patience / rest) })
  })

/** Sets labels of a container; an empty value takes one away. */
export const mark = (
  { channel }: Engine,
  operation: string,
  id: string,
  labels: Readonly<Record<string, string>>
): Effect.Effect<void, Errors.Reason> =>
  Effect.asVoid(channel.unary(Containers.method.update, {
    container: { id, labels, extensions: {} },
    updateMask: { paths: Object.keys(labels).map((key) => `labels.${key}`) }
  }, { operation }))

const killedCode = 137

/** Waits for the end of a process; how and when it came. */
export const wait = (
  engine: Engine,
  operation: string,
  id: string
): Effect.Effect<Record.Ended, Errors.Reason> =>
  Effect.gen(function*() {
    const { exitStatus, exitedAt } = yield* throughRestart(
      engine.channel.unary(Tasks.method.wait, { containerId: id, execId: "" }, { operation, deadline: "none" })
    ).pipe(Effect.retry({ while: isShimGone, schedule: vanishing }))
    const oomKilled = exitStatus === killedCode && (yield* Metrics.oomKills(engine.channel, id)) > 0
    return { status: ExitStatus.fromCode(exitStatus, { oomKilled }), at: time(exitedAt) ?? Date.now() }
  })

const startedIssue = (error: Errors.Reason): ExitStatus.ExitStatus =>
  new ExitStatus.StartFailed({ issue: error._tag === "PermissionDenied" ? "not executable" : "not found" })

/**
 * Waits for the end of a task that was started here, puts it on record, and takes the task away. The record comes first:
 * between the two anybody may die.
 */
const reap = Effect.fnUntraced(function*(engine: Engine, id: string, known: Known, task: Task) {
  const exit = yield* Effect.exit(
    Effect.catchIf(wait(engine, "wait", id), (error) => error._tag === "NotFound" || isShimGone(error), () =>
      // Gone without a word: an engine that is restarted removes what has ended in the meantime.
      Effect.succeed<Record.Ended>({ status: new ExitStatus.Unknown(), at: Date.now() }))
  )
  yield* Deferred.done(task.exited, Exit.map(exit, ({ status }) => status))
  if (Exit.isFailure(exit)) return
  yield* Effect.gen(function*() {
    yield* mark(engine, "wait", id, { [Record.labels.exit]: Record.encodeExit(exit.value) })
    // Its shim would not let the rest through for long.
    if (known.pipes !== undefined) yield* Deferred.await(known.pipes.drained)
    yield* Attach.downOrSay("wait", id, folderOf(engine, id))
    yield* deleteTask(engine, "wait", id)
    // Only now is it certain that nothing is written any more; its logger has ended as well.
  }).pipe(Effect.ensuring(task.observer?.finish ?? Effect.void))
}, (effect, _engine, id, _known, task) =>
  effect.pipe(
    Effect.catchTag("NotFound", () => Effect.void),
    Effect.catch((error) => Effect.logDebug(`the end of container ${id} could not be recorded: ${error.message}`)),
    Effect.ensuring(Deferred.fail(
      task.exited,
      reason("Unavailable", { operation: "wait", message: "the Layer was closed" })
    )),
    Effect.ensuring(Deferred.succeed(task.reaped, undefined))
  ))

/** Connects a container to its networks, and says which ports it has. What fails leaves it as if nobody had started it. */
const connect = (engine: Engine, id: string, wanted: Attach.Wanted): Effect.Effect<void, Errors.Reason, Scope.Scope> =>
  Effect.gen(function*() {
    const ports = yield* Attach.up(wanted)
    if (ports.length === 0) return
    const value = Record.encodePorts(ports)
    yield* engine.channel.unary(Containers.method.update, {
      container: {
        id,
        labels: {},
        extensions: { [Record.portsExtension]: { typeUrl: "effect-containers/Ports", value } }
      },
      updateMask: { paths: [`extensions.${Record.portsExtension}`] }
    }, { operation: "start" })
  }).pipe(
    Effect.onError(() =>
      // Why it did not start is on its way already.
      Effect.ignore(mark(engine, "start", id, { [Record.labels.started]: "", [Record.labels.exit]: "" }))
    )
  )

/** Starts the process of a container. What fails leaves no task. */
export const start = Effect.fnUntraced(function*(
  engine: Engine,
  id: string,
  known: Known,
  folder: string
): Effect.fn.Return<void, Errors.Reason> {
  const operation = "start"
  const { pipes, record: { connected, name } } = known
  const plan = connected && (yield* Attach.plan(engine.cni, connected))
  const scope = yield* Scope.fork(engine.scope)
  const started = engine.channel.unary(Tasks.method.start, { containerId: id, execId: "" }, { operation })
  const noted = <A, R>(effect: Effect.Effect<A, Errors.Reason, R>) =>
    Effect.tapError(effect, (error) =>
      error._tag === "NotFound" || error._tag === "PermissionDenied"
        // Said to who started it; this is for who asks later.
        ? Effect.ignore(mark(engine, operation, id, {
          [Record.labels.exit]: Record.encodeExit({ status: startedIssue(error), at: Date.now() })
        }))
        : Effect.void)
  known.isStarting = true
  yield* Effect.gen(function*() {
    const [{ isLogged, observer, pid }] = yield* noted(Effect.all([
      Scope.provide(begin(engine, id, known, folder), scope),
      // That it was started is known even if we do not live to see its end.
      mark(engine, operation, id, { [Record.labels.started]: String(Date.now()), [Record.labels.exit]: "" })
    ], { concurrency: "unbounded" }))
    const task: Task = {
      exited: Deferred.makeUnsafe(),
      reaped: Deferred.makeUnsafe(),
      observer,
      isLogged
    }
    const connecting = connected === undefined || plan === undefined ? Effect.void : Scope.provide(
      connect(engine, id, {
        ...plan,
        record: connected,
        name,
        containerId: `${engine.channel.namespace}-${id}`,
        folder,
        pid
      }),
      scope
    )
    yield* Effect.onError(Effect.andThen(connecting, noted(started)), () =>
      Effect.andThen(
        Attach.downOrSay(operation, id, folder),
        // The failure is on its way; a task that is left goes with its container.
        Effect.ignore(deleteTask(engine, operation, id))
      ))
    known.task = task
    yield* pipes?.started ?? Effect.void
    yield* reap(engine, id, known, task).pipe(
      Effect.ensuring(Scope.close(scope, Exit.void)),
      Effect.forkIn(engine.scope, { startImmediately: true })
    )
  }).pipe(
    Effect.onError(() => Effect.andThen(pipes?.failed ?? Effect.void, Scope.close(scope, Exit.void))),
    Effect.ensuring(Effect.sync(() => {
      known.isStarting = false
    }))
  )
})

/** Puts on record how somebody else's container ended whose maker is not there to do it, and takes its task away. */
export const settle = (engine: Engine, operation: string, id: string, ended: Record.Ended) =>
  Effect.gen(function*() {
    yield* mark(engine, operation, id, { [Record.labels.exit]: Record.encodeExit(ended) })
    yield* Attach.downOrSay(operation, id, folderOf(engine, id))
    yield* deleteTask(engine, operation, id)
  }).pipe(
    // Somebody else was faster.
    Effect.catchTag("NotFound", () => Effect.void)
  )

/** Kills a task, waits for its end, and takes it away. That there is none is as well. */
export const destroy = (engine: Engine, operation: string, id: string): Effect.Effect<void, Errors.Reason> =>
  Effect.gen(function*() {
    const folder = folderOf(engine, id)
    yield* Attach.keepForeign(operation, folder, Effect.map(find(engine, operation, id), (process) => process?.pid))
    const ends = yield* engine.channel.unary(
      Tasks.method.kill,
      { containerId: id, execId: "", signal: 9, all: true },
      { operation }
    ).pipe(
      Effect.as(true),
      Effect.catchIf((error) => error._tag === "NotFound" || error._tag === "Conflict", () => Effect.succeed(true)),
      // Some runtimes do not kill what does not run, be it that it was never started: then its deletion ends it.
      Effect.catch((error) =>
        Effect.flatMap(
          find(engine, operation, id),
          (process) =>
            process?.status === Status.created || process?.status === Status.stopped
              ? Effect.succeed(false)
              : Effect.fail(error)
        )
      )
    )
    if (ends) yield* engine.channel.unary(Tasks.method.wait, { containerId: id, execId: "" }, { operation })
    yield* Attach.downOrSay(operation, id, folder)
    yield* deleteTask(engine, operation, id)
  }).pipe(Effect.scoped, Effect.catchTag("NotFound", () => Effect.void))
