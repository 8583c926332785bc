import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { open } from "node:fs/promises"
import type * as Errors from "../../../Errors.ts"
import { fromCause, reason } from "../errors.ts"

const pathOf = (pid: number): string => `/proc/${pid}/ns/net`

/**
 * Keeps a process's network namespace as long as the scope is open, also beyond the process's end: plugins undo their
 * rules by what they find in it. The path by which others reach it.
 */
export const hold = (operation: string, pid: number): Effect.Effect<string, Errors.Reason, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.tryPromise({ try: () => open(pathOf(pid), "r"), catch: (cause) => fromCause(operation, cause) }),
      // Nothing was written, so there is nothing that a failing close could lose.
      (file) => Effect.ignore(Effect.tryPromise(() => file.close()))
    ),
    ({ fd }) => `/proc/${process.pid}/fd/${fd}`
  )

/** A new network namespace, for as long as the scope is open. */
export const make = (
  operation: string,
  path: string
): Effect.Effect<string, Errors.Reason, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<{ readonly pid: number; readonly end: () => void }, Errors.Reason>((resume) => {
        // It says when it is there, and ends with its input.
        const child = spawn("unshare", ["--net", "sh", "-c", "echo; read -r _"], {
          cwd: "/",
          detached: true,
          env: { PATH: path },
          stdio: ["pipe", "pipe", "ignore"]
        })
        child.stdin.on("error", () => undefined)
        const end = () => {
          child.stdin.destroy()
          child.stdout.destroy()
        }
        child.once("error", (cause) => resume(Effect.fail(fromCause(operation, cause))))
        child.once("exit", () =>
          resume(Effect.fail(reason("Unsupported", { operation, message: "no network namespace can be made here" }))))
        child.stdout.once("data", () => {
          if (child.pid !== undefined) {
            resume(Effect.succeed({ pid: child.pid, end }))
          }
        })
        return Effect.sync(end)
      }),
      ({ end }) =>
        Effect.sync(end)
    ),
    ({ pid }) =>
      pathOf(pid)
  )
