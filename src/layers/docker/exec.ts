import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as Net from "node:net"
import type { Exec } from "../../Backend.ts"
import type { ExecConfig } from "../../ContainerConfig.ts"
import type * as Errors from "../../Errors.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import { attachment } from "./attach.ts"
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

/** Most processes are over by the second look. */
const patience = Schedule.min([Schedule.exponential("5 millis"), Schedule.spaced("1 second")])

export const exec = Effect.fnUntraced(function*(
  client: Client,
  container: string,
  config: ExecConfig
): Effect.fn.Return<Exec, Errors.Reason, Scope.Scope> {
  const { id } = yield* ask(client, {
    operation,
    method: "POST",
    path: `/containers/${segment(container)}/exec`,
    json: {
      AttachStdin: config.stdin,
      AttachStdout: true,
      AttachStderr: true,
      Tty: config.tty,
      Cmd: config.command,
      Env: variables(config.env),
      User: config.user,
      WorkingDir: config.workDir
    }
  }, Schemas.execCreated)
  const socket = yield* hijack(client, {
    operation,
    method: "POST",
    path: `/exec/${segment(id)}/start`,
    json: { Detach: false, Tty: config.tty }
  })
  const look = ask(client, { operation, method: "GET", path: `/exec/${segment(id)}/json` }, Schemas.exec)
  const over = Effect.repeat(look, { schedule: patience, while: ({ isRunning }) => isRunning })
  const exit = Effect.map(
    // Its output ends with it; whoever does not read the output finds out by asking.
    Effect.andThen(Effect.timeoutOption(ended(socket), "1 second"), over),
    ({ exitCode, pid }): ExitStatus.ExitStatus => {
      if (exitCode === undefined || exitCode < 0) return new ExitStatus.Unknown()
      // It never was a process: the code is the engine's, not one of its own.
      if (pid === 0 && exitCode === 127) return new ExitStatus.StartFailed({ issue: "not found" })
      if (pid === 0 && exitCode === 126) return new ExitStatus.StartFailed({ issue: "not executable" })
      return ExitStatus.fromCode(exitCode)
    }
  )
  return {
    ...attachment(socket, { operation, tty: config.tty, output: true }),
    exit,
    resize: ({ columns, rows }) =>
      Effect.asVoid(
        send(client, { operation, method: "POST", path: `/exec/${segment(id)}/resize`, query: { w: columns, h: rows } })
      )
  }
})
