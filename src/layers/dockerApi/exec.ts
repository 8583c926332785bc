import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Net from "node:net"
import type { Exec } from "../../Backend.ts"
import type { ExecConfig } from "../../ContainerConfig.ts"
import type * as Errors from "../../Errors.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import { attachment } from "./attach.ts"
import { detachKeys } from "./detach.ts"
import { reason } from "./errors.ts"
import * as Podman from "./podman.ts"
import { ask, type Client, hijack, segment, send } from "./request.ts"
import * as Schemas from "./schemas.ts"
import { newMark, signaller } from "./signal.ts"
import { variables } from "./variables.ts"
import { whole } from "./whole.ts"

const operation = "exec"

/** Resumes when the connection has ended, or at once when it has already. */
const ended = (socket: Net.Socket): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (socket.destroyed || socket.readableEnded) return resume(Effect.void)
    const done = () => resume(Effect.void)
    socket.once("end", done)
    socket.once("close", done)
    return Effect.sync(() => {
      socket.off("end", done)
      socket.off("close", done)
    })
  })

/** How long the end of a process that nobody waits for any more may take: milliseconds. */
const killDeadline = 10_000

/** How long an accepted process that nobody waits for any more may take to begin, so that it can be ended. */
const begin = "2 seconds"

/** As far as an engine's word about a command that it could not execute is looked for: bytes. */
const longestRefusal = 1024

/** Most processes are over by the second look. */
const patience = Schedule.min([Schedule.exponential("5 millis"), Schedule.spaced("1 second")])

export const exec = Effect.fnUntraced(function*(
  client: Client,
  container: string,
  config: ExecConfig
): Effect.fn.Return<Exec, Errors.Reason, Scope.Scope> {
  const mark = newMark()
  const create = (json: object) =>
    ask(
      client,
      { operation, method: "POST", path: `/containers/${segment(container)}/exec`, json },
      Schemas.execCreated
    )
  const { id } = yield* create({
    AttachStdin: config.stdin,
    AttachStdout: true,
    AttachStderr: true,
    Tty: config.tty,
    DetachKeys: detachKeys(config.tty),
    Cmd: config.command,
    Env: [...variables(config.env), mark],
    User: config.user,
    WorkingDir: config.workDir
  })
  const lookAt = (id: string) =>
    ask(client, { operation, method: "GET", path: `/exec/${segment(id)}/json` }, Schemas.exec)
  const look = lookAt(id)
  const overOf = (id: string) => Effect.repeat(lookAt(id), { schedule: patience, while: ({ isRunning }) => isRunning })
  /** Podman 4 does not see the end of one to which nobody is attached. */
  const attached = Effect.fnUntraced(function*(id: string): Effect.fn.Return<void, Errors.Reason, Scope.Scope> {
    const socket = yield* hijack(client, {
      operation,
      method: "POST",
      path: `/exec/${segment(id)}/start`,
      json: { Detach: false, Tty: false }
    })
    socket.resume()
    yield* ended(socket)
  })
  let isOver = false
  let isAccepted = false
  // The connection is there before the process is: until that has run it has no exit code, which Podman always shows.
  const isToCome = ({ exitCode, isRunning }: Schemas.Exec): boolean =>
    isAccepted && !isRunning && exitCode === undefined && !client.isPodman

  // By a further process of the same user, who may see and signal the first one.
  const signal = Effect.fnUntraced(function*(name: string): Effect.fn.Return<void, Errors.Reason> {
    const number = ExitStatus.signalNumber(name)
    if (number === undefined) {
      return yield* reason("InvalidArgument", { operation, message: `${JSON.stringify(name)} is not a signal` })
    }
    if (isOver) return
    const { id: helper } = yield* create({
      Cmd: signaller(mark, number),
      User: config.user,
      AttachStdout: client.isPodman
    })
    const started = yield* Effect.result(
      client.isPodman ? Effect.scoped(attached(helper)) : send(client, {
        operation,
        method: "POST",
        path: `/exec/${segment(helper)}/start`,
        json: { Detach: true, Tty: false }
      })
    )
    const { exitCode } = yield* overOf(helper)
    if (Result.isFailure(started) || (exitCode ?? 0) > 0) {
      // With its container the first one ends, and the further one does.
      const ended = yield* Effect.timeoutOption(overOf(id), "1 second")
      if (Option.isSome(ended)) return
      return yield* reason("Unsupported", {
        operation,
        message:
          "the engine cannot signal a process that it was asked to execute, and the image has no /bin/sh that could",
        hint: "it ends with its container",
        cause: Result.isFailure(started) ? started.failure : undefined
      })
    }
  })

  const kill = Effect.gen(function*() {
    if (isOver) return
    const begun = yield* Effect.timeoutOption(Effect.repeat(look, { schedule: patience, while: isToCome }), begin)
    if (Option.isNone(begun) || !begun.value.isRunning) return
    yield* signal("SIGKILL")
    yield* overOf(id)
  }).pipe(
    Effect.timeout(killDeadline),
    // Gone with its container.
    Effect.catchTags({ NotFound: () => Effect.void, Conflict: () => Effect.void }),
    Effect.catch((error) =>
      Effect.logWarning(`a process of container ${container} could not be ended: ${error.message}`)
    )
  )
  yield* Effect.addFinalizer(() => kill)
  const socket = yield* hijack(client, {
    operation,
    method: "POST",
    path: `/exec/${segment(id)}/start`,
    json: { Detach: false, Tty: config.tty }
  })
  isAccepted = true
  const isEnded = () => socket.destroyed || socket.readableEnded
  let last: Schemas.Exec | undefined
  const over = Effect.suspend(() =>
    last !== undefined ? Effect.succeed(last) : Effect.map(
      Effect.repeat(look, {
        schedule: patience,
        while: (seen) => seen.isRunning || isToCome(seen) && !isEnded()
      }),
      (seen) => (last = seen)
    )
  )
  const { output, stdin } = attachment(socket, {
    operation,
    tty: config.tty,
    output: true,
    isPodman: client.isPodman,
    atEnd: whole(operation, over, Effect.map(look, ({ isRunning }) => isRunning))
  })
  let beginning = ""
  let isRead = false
  let isOverheard = false
  const watched = Stream.mapArray(output, (frames) => {
    if (beginning.length < longestRefusal) {
      for (const { bytes } of frames) beginning += Buffer.from(bytes.subarray(0, longestRefusal)).toString("latin1")
    }
    return frames
  })
  // Only what the engine wrote tells why a command could not be executed. It is kept for who reads it later.
  const overheard = yield* Effect.cached(Stream.runCollect(watched))
  const overhear = Effect.suspend(() => {
    if (isRead) return Effect.void
    isOverheard = true
    // What fails here fails for who reads it, too.
    return Effect.ignore(Effect.timeoutOption(overheard, "1 second"))
  })
  const exit = Effect.flatMap(
    // Its output ends with it; whoever does not read the output finds out by asking.
    Effect.andThen(Effect.timeoutOption(ended(socket), "1 second"), over),
    Effect.fnUntraced(function*({ exitCode, pid }): Effect.fn.Return<ExitStatus.ExitStatus, Errors.Reason> {
      isOver = true
      if (exitCode === undefined || exitCode < 0) return new ExitStatus.Unknown()
      // One that never was a process has a code of the engine's, not one of its own.
      const isNone = exitCode === 127 || exitCode === 126
      if (isNone && (client.isPodman || pid === 0)) yield* overhear
      if (client.isPodman ? Podman.refusesCommand(beginning) : isNone && pid === 0) {
        // Engines before 28 have 126 for both; what they wrote tells which.
        const isMissing = exitCode === 127 || /no such file or directory|executable file not found/.test(beginning)
        return new ExitStatus.StartFailed({ issue: isMissing ? "not found" : "not executable" })
      }
      return ExitStatus.fromCode(exitCode)
    })
  )
  return {
    output: Stream.suspend(() => {
      if (isOverheard) return Stream.unwrap(Effect.map(overheard, (frames) => Stream.fromIterable(frames)))
      isRead = true
      return watched
    }),
    stdin,
    exit,
    pid: Effect.map(
      // It has one when it is started, or else it never will.
      Effect.repeat(look, {
        schedule: patience,
        while: (seen) => (seen.pid ?? 0) === 0 && (seen.isRunning || isToCome(seen) && !isEnded())
      }),
      ({ pid = 0 }) => pid > 0 ? pid : undefined
    ),
    isRunning: Effect.map(look, ({ isRunning }) => isRunning),
    signal,
    resize: ({ columns, rows }) =>
      Effect.asVoid(
        send(client, { operation, method: "POST", path: `/exec/${segment(id)}/resize`, query: { w: columns, h: rows } })
      )
  }
})
