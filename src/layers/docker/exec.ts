import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { randomBytes } from "node:crypto"
import type * as Net from "node:net"
import type { Exec } from "../../Backend.ts"
import type { ExecConfig } from "../../ContainerConfig.ts"
import type * as Errors from "../../Errors.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import { attachment } from "./attach.ts"
import * as Podman from "./podman.ts"
import { ask, type Client, hijack, segment, send } from "./request.ts"
import * as Schemas from "./schemas.ts"
import { variables } from "./variables.ts"

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

/** The API cannot signal such a process. It, and what it started, is known again by this variable. */
const marker = "EFFECT_CONTAINERS_EXEC"

/** Kills whatever has the text of its argument in its environment. */
const killer = `for p in /proc/[0-9]*; do
  case "$(tr '\\0' '\\n' <"$p/environ")" in *"$1"*) kill -KILL "\${p#/proc/}" ;; esac
done 2>/dev/null`

/** How long the end of a process that nobody waits for any more may take: milliseconds. */
const killDeadline = 10_000

/** As far as an engine's word about a command that it could not execute is looked for: bytes. */
const longestRefusal = 1024

/** Most processes are over by the second look. */
const patience = Schedule.min([Schedule.exponential("5 millis"), Schedule.spaced("1 second")])

export const exec = Effect.fnUntraced(function*(
  client: Client,
  container: string,
  config: ExecConfig
): Effect.fn.Return<Exec, Errors.Reason, Scope.Scope> {
  const mark = `${marker}=${randomBytes(8).toString("hex")}`
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
    Cmd: config.command,
    Env: [...variables(config.env), mark],
    User: config.user,
    WorkingDir: config.workDir
  })
  const look = ask(client, { operation, method: "GET", path: `/exec/${segment(id)}/json` }, Schemas.exec)
  const over = Effect.repeat(look, { schedule: patience, while: ({ isRunning }) => isRunning })
  let isOver = false

  // By a further process of the same user, who may see and signal the first one. Without a shell in the image there is
  // none, and the process ends with its container.
  const kill = Effect.gen(function*() {
    if (isOver || !(yield* look).isRunning) return
    const { id: helper } = yield* create({ Cmd: ["/bin/sh", "-c", killer, "sh", mark], User: config.user })
    yield* send(client, {
      operation,
      method: "POST",
      path: `/exec/${segment(helper)}/start`,
      json: { Detach: true, Tty: false }
    })
    yield* over
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
  const { output, stdin } = attachment(socket, {
    operation,
    tty: config.tty,
    output: true,
    isPodman: client.isPodman
  })
  let beginning = ""
  const exit = Effect.map(
    // Its output ends with it; whoever does not read the output finds out by asking.
    Effect.andThen(Effect.timeoutOption(ended(socket), "1 second"), over),
    ({ exitCode, pid }): ExitStatus.ExitStatus => {
      isOver = true
      if (exitCode === undefined || exitCode < 0) return new ExitStatus.Unknown()
      // It never was a process: the code is the engine's, not one of its own.
      const isRefused = client.isPodman
        ? Podman.refusesCommand(beginning)
        : pid === 0 && (exitCode === 127 || exitCode === 126)
      if (isRefused) {
        // Engines before 28 have 126 for both; what they wrote tells which.
        const isMissing = exitCode === 127 || /no such file or directory|executable file not found/.test(beginning)
        return new ExitStatus.StartFailed({ issue: isMissing ? "not found" : "not executable" })
      }
      return ExitStatus.fromCode(exitCode)
    }
  )
  return {
    output: Stream.mapArray(output, (frames) => {
      if (beginning.length < longestRefusal) {
        for (const { bytes } of frames) beginning += Buffer.from(bytes.subarray(0, longestRefusal)).toString("latin1")
      }
      return frames
    }),
    stdin,
    exit,
    resize: ({ columns, rows }) =>
      Effect.asVoid(
        send(client, { operation, method: "POST", path: `/exec/${segment(id)}/resize`, query: { w: columns, h: rows } })
      )
  }
})
