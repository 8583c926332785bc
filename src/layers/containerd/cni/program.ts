import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import type * as Errors from "../../../Errors.ts"
import { fromCause, reason } from "../errors.ts"
import * as Failure from "./failure.ts"

/** One call of a plugin. */
export interface Call {
  readonly operation: string
  readonly program: string
  readonly type: string
  readonly command: "ADD" | "DEL"
  /** Variables of the protocol, and `PATH`: a plugin gets no other. */
  readonly env: Readonly<Record<string, string>>
  /** The configuration, as JSON. */
  readonly input: string
}

/** Milliseconds: it waits for locks, and a machine can be slow. */
const deadline = 60_000

/** As much of what it writes as is kept: a result is a few hundred characters. */
const most = 1 << 20

const gathered = (limit: number) => {
  const chunks: Array<Buffer> = []
  let size = 0
  return {
    add: (chunk: Buffer) => {
      if (size < limit) chunks.push(chunk.subarray(0, limit - size))
      size += chunk.length
    },
    text: () => Buffer.concat(chunks).toString("utf8")
  }
}

/**
 * Runs a plugin; what it wrote. It is the leader of a group of its own, so that an interrupt from a terminal does not
 * stop it halfway, and with it ends what it has called.
 */
export const run = ({ command, env, input, operation, program, type }: Call): Effect.Effect<string, Errors.Reason> =>
  Effect.callback<string, Errors.Reason>((resume) => {
    const what = `the CNI plugin ${type} (${command})`
    const child = spawn(program, [], { cwd: "/", detached: true, env: { ...env }, stdio: "pipe" })
    const stdout = gathered(most)
    const stderr = gathered(1 << 13)
    child.stdout.on("data", stdout.add)
    child.stderr.on("data", stderr.add)
    // It may end without having read anything.
    child.stdin.on("error", () => undefined)
    child.once("error", (cause) => {
      const { code, message } = fromCause(operation, cause)
      resume(Effect.fail(reason("Unsupported", {
        operation,
        message: `${what} cannot be run: ${message}`,
        code,
        cause
      })))
    })
    child.once("close", (code, signal) => {
      resume(
        code === 0 ? Effect.succeed(stdout.text()) : Effect.fail(Failure.make({
          operation,
          what,
          stdout: stdout.text(),
          stderr: stderr.text(),
          ended: signal ?? `code ${code}`
        }))
      )
    })
    child.stdin.end(input)
    return Effect.callback<void>((resume) => {
      const over = () => resume(Effect.void)
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return over()
      child.once("exit", over)
      try {
        process.kill(-child.pid, "SIGKILL")
      } catch {
        // It has ended in this moment.
      }
    })
  }).pipe(
    Effect.timeoutOrElse({
      duration: deadline,
      orElse: () =>
        Effect.fail(reason("TimedOut", {
          operation,
          message: `the CNI plugin ${type} (${command}) did not end in ${deadline} ms`
        }))
    })
  )
