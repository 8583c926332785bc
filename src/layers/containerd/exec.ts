import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import { join } from "node:path"
import type { Exec } from "../../Backend.ts"
import type { ExecConfig } from "../../ContainerConfig.ts"
import type * as Errors from "../../Errors.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import * as Accounts from "./accounts.ts"
import { step } from "./copy/failure.ts"
import * as Root from "./copy/root.ts"
import { readText } from "./copy/text.ts"
import type { Engine } from "./engine.ts"
import { find } from "./engineTask.ts"
import { reason } from "./errors.ts"
import { folderOf } from "./folder.ts"
import { get } from "./inspect.ts"
import { mountsOf } from "./mounts.ts"
import type { Container } from "./protocol/containers_pb.ts"
import type { Process as Task } from "./protocol/task_pb.ts"
import { Tasks } from "./protocol/tasks_pb.ts"
import { newMark, signalDescendants } from "./signal.ts"
import type { Process, User } from "./spec/model.ts"
import { environment } from "./spec/process.ts"
import * as Rlimits from "./spec/rlimits.ts"
import * as UserOf from "./spec/user.ts"
import * as Pipes from "./stdio/pipes.ts"
import { Status, throughRestart } from "./task.ts"

const operation = "exec"

const Ids = Schema.Struct({
  uid: Schema.Finite,
  gid: Schema.Finite,
  additionalGids: Schema.optionalKey(Schema.Array(Schema.Finite))
})

const Spec = Schema.fromJsonString(Schema.Struct({
  process: Schema.Struct({
    user: Ids,
    env: Schema.optionalKey(Schema.Array(Schema.String)),
    cwd: Schema.String,
    noNewPrivileges: Schema.optionalKey(Schema.Boolean),
    apparmorProfile: Schema.optionalKey(Schema.String),
    rlimits: Schema.optionalKey(
      Schema.Array(Schema.Struct({ type: Schema.String, soft: Schema.Finite, hard: Schema.Finite }))
    )
  })
}))

const decodeSpec = Schema.decodeUnknownResult(Spec)

/** What the container's own process was started with. */
const processOf = (container: Container): Effect.Effect<typeof Spec.Type["process"], Errors.Protocol> => {
  const spec = decodeSpec(new TextDecoder().decode(container.spec?.value))
  return Result.isSuccess(spec) ? Effect.succeed(spec.success.process) : Effect.fail(
    reason("Protocol", { operation, message: `the specification of container ${container.id} cannot be read` })
  )
}

/** The users that the container has now, seen through its first process. */
const accountsOf = Effect.fnUntraced(function*(
  engine: Engine,
  container: Container,
  { pid }: Task
): Effect.fn.Return<UserOf.Accounts, Errors.Reason, Scope.Scope> {
  const root = yield* Root.open(operation, pid, yield* mountsOf(engine, operation, container))
  const text = (path: string) => step(operation, path, () => readText(root, path, Accounts.longest))
  return { passwd: yield* text(Accounts.passwd), group: yield* text(Accounts.group) }
}, Effect.scoped)

const userOf = Effect.fnUntraced(function*(
  engine: Engine,
  name: string,
  container: Container,
  task: Task,
  user: string
): Effect.fn.Return<User, Errors.Reason> {
  const accounts = yield* accountsOf(engine, container, task).pipe(
    // Unless it has ended in the meantime: then that is what is wrong.
    Effect.catchTag("Unavailable", (error) => Effect.andThen(running(engine, name, container), Effect.fail(error))),
    // Who is given in numbers is who is meant, also where the files are no use or out of reach.
    Effect.catchTag(
      ["InvalidArgument", "PermissionDenied", "Unavailable", "Unsupported"],
      (error) => /^\d+:\d+$/.test(user) ? Effect.succeed(UserOf.nobody) : Effect.fail(error)
    )
  )
  return yield* Effect.mapError(
    Effect.fromResult(UserOf.resolve(user, accounts)),
    (message) => reason("InvalidArgument", { operation, message })
  )
})

const running = (
  engine: Engine,
  name: string,
  container: Container
): Effect.Effect<Task, Errors.Reason> =>
  Effect.filterOrFail(
    find(engine, operation, container.id),
    (task): task is Task => task?.status === Status.running,
    (task) =>
      reason("Conflict", {
        operation,
        message: `container ${name} is ${task?.status === Status.paused ? "paused" : "not running"}`
      })
  )

/** A command that is none ends as an exit status, not as a failure. */
const startIssue = (error: Errors.Reason): ExitStatus.ExitStatus | undefined => {
  if (error.code !== 2) return undefined
  if (error._tag === "NotFound") return new ExitStatus.StartFailed({ issue: "not found" })
  return error._tag === "PermissionDenied" ? new ExitStatus.StartFailed({ issue: "not executable" }) : undefined
}

/** How long the end of a process that nobody waits for any more may take. */
const killDeadline = "10 seconds"

/** Starts a further process. Its pipes, and it itself if it still runs, end with the scope. */
export const exec = Effect.fnUntraced(function*(
  engine: Engine,
  name: string,
  config: ExecConfig
): Effect.fn.Return<Exec, Errors.Reason, Scope.Scope> {
  const { channel } = engine
  const container = yield* get(engine, operation, name)
  const task = yield* running(engine, name, container)
  const own = yield* processOf(container)
  const user = config.user === undefined
    ? { ...own.user, additionalGids: own.user.additionalGids ?? [] }
    : yield* userOf(engine, name, container, task, config.user)
  const execId = `exec-${randomBytes(8).toString("hex")}`
  const containerId = container.id
  const mark = newMark()
  const process: Process = {
    terminal: config.tty,
    user,
    args: config.command,
    env: [...environment(own.env ?? [], config.env, config.tty ? { TERM: "xterm" } : {}), mark],
    cwd: config.workDir ?? own.cwd,
    ...(own.noNewPrivileges === true ? { noNewPrivileges: true } : {}),
    ...(own.apparmorProfile === undefined ? {} : { apparmorProfile: own.apparmorProfile }),
    // The runtime gives a further process its own.
    ...(own.rlimits === undefined ? {} : { rlimits: Rlimits.fromJson(own.rlimits) })
  }
  const pipes = yield* Pipes.make({
    operation,
    folder: join(folderOf(engine, containerId), execId),
    stdin: config.stdin,
    output: true,
    tty: config.tty,
    close: channel.unary(Tasks.method.closeIO, { containerId, execId, stdin: true }, { operation }).pipe(
      Effect.asVoid,
      Effect.catchTag("NotFound", () => Effect.void)
    )
  })
  const wait = throughRestart(
    channel.unary(Tasks.method.wait, { containerId, execId }, { operation, deadline: "none" })
  )
  const forget = channel.unary(Tasks.method.deleteProcess, { containerId, execId }, { operation, deadline: 30_000 })
  let isOver = false
  let pid: number | undefined
  const signal = Effect.fnUntraced(function*(name: string): Effect.fn.Return<void, Errors.Reason> {
    const number = ExitStatus.signalNumber(name)
    if (number === undefined) {
      return yield* reason("InvalidArgument", { operation, message: `${JSON.stringify(name)} is not a signal` })
    }
    if (isOver) return
    // What it started first: it could start more in the time between.
    yield* signalDescendants(engine, containerId, mark, number, pid)
    yield* channel.unary(Tasks.method.kill, { containerId, execId, signal: number, all: false }, { operation }).pipe(
      Effect.catchTags({ NotFound: () => Effect.void, Conflict: () => Effect.void })
    )
    if (number === 9) yield* signalDescendants(engine, containerId, mark, number, pid)
  })
  const end = Effect.gen(function*() {
    if (!isOver) {
      yield* signal("SIGKILL")
      yield* wait
    }
    yield* forget
  }).pipe(
    Effect.timeout(killDeadline),
    // Gone with its container.
    Effect.catchTag("NotFound", () => Effect.void),
    Effect.catch((error) => Effect.logWarning(`a process of container ${name} could not be ended: ${error.message}`))
  )
  yield* Effect.uninterruptible(Effect.gen(function*() {
    yield* channel.unary(Tasks.method.exec, {
      containerId,
      stdin: pipes.stdin,
      stdout: pipes.stdout,
      stderr: pipes.stderr,
      terminal: config.tty,
      spec: {
        typeUrl: "types.containerd.io/opencontainers/runtime-spec/1/Process",
        value: Rlimits.encode(process)
      },
      execId
    }, { operation })
    yield* Effect.addFinalizer(() => end)
  }))
  const started = yield* Effect.result(
    channel.unary(Tasks.method.start, { containerId, execId }, { operation })
  )
  const resize: Exec["resize"] = ({ columns, rows }) =>
    Effect.asVoid(
      channel.unary(Tasks.method.resizePty, { containerId, execId, width: columns, height: rows }, { operation })
    )
  if (Result.isFailure(started)) {
    isOver = true
    yield* pipes.failed
    const issue = startIssue(started.failure)
    if (issue === undefined) return yield* started.failure
    return {
      ...pipes.attachment,
      exit: Effect.succeed(issue),
      pid: Effect.undefined,
      isRunning: Effect.succeed(false),
      signal,
      resize
    }
  }
  yield* pipes.started
  const exit = Effect.map(wait, ({ exitStatus }) => {
    isOver = true
    return ExitStatus.fromCode(exitStatus)
  })
  pid = started.success.pid
  const isRunning = channel.unary(Tasks.method.get, { containerId, execId }, { operation }).pipe(
    Effect.map((got) => got.process?.status !== Status.stopped),
    Effect.catchTag("NotFound", () => Effect.succeed(false))
  )
  return { ...pipes.attachment, exit, pid: Effect.succeed(pid), isRunning, signal, resize }
})
