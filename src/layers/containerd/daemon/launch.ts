import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, existsSync, openSync, readFileSync, statSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type * as Errors from "../../../Errors.ts"
import { fromCause, reason } from "../errors.ts"
import { log } from "./place.ts"
import type { Plan } from "./plan.ts"

/** flock's exit code when another process has the lock. */
const locked = 75

/** A keeper that was started. */
export interface Launched {
  readonly process: ChildProcess
  /** It has ended: because it is not needed, there being another, or why. */
  readonly ended: () => "not needed" | Errors.Reason | undefined
}

/** The program: beside this one, as it was compiled or not. */
const program = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "./keeper.ts" : "./keeper.js", import.meta.url)
)

/** A bundle may have this file and not that one. */
export const check: Effect.Effect<void, Errors.Reason> = Effect.suspend(() =>
  existsSync(program) ? Effect.void : Effect.fail(reason("Unsupported", {
    operation: "connect",
    message: `${program} is not there`,
    hint: "leave this package out of a bundle: a private engine is kept by a program that is in it"
  }))
)

const since = (path: string, offset: number): string => {
  try {
    const bytes = readFileSync(path)
    return bytes.subarray(bytes.length < offset ? 0 : offset).toString().trim().split("\n").slice(-5).join("\n")
  } catch {
    return ""
  }
}

/** Only what it needs: others can look at a process's variables, and some would mean something to a daemon. */
const variables = (plan: Plan): NodeJS.ProcessEnv =>
  Object.fromEntries(
    [["PATH", plan.path], ...["HOME", "USER", "LOGNAME", "XDG_RUNTIME_DIR"].map((name) => [name, process.env[name]])]
      .filter(([, value]) => value !== undefined)
  )

/**
 * Starts a keeper. It is no child of the terminal's, so that it outlives an interrupt from there, and ends by itself when
 * the scope has closed and it has no user.
 */
export const launch = (
  plan: Plan,
  lock: ReadonlyArray<string>
): Effect.Effect<Launched, Errors.Reason, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({
      try: (): Launched => {
        const path = log(plan.folder)
        const output = openSync(path, "a", 0o600)
        const offset = statSync(path).size
        const [command = "", ...args] = [...lock, process.execPath, program, JSON.stringify(plan)]
        const child = spawn(command, args, {
          cwd: "/",
          detached: true,
          env: variables(plan),
          stdio: ["pipe", "ignore", output]
        })
        closeSync(output)
        let failed: Error | undefined
        child.once("error", (error) => {
          failed = error
        })
        // It may have ended by itself.
        child.stdin?.on("error", () => undefined)
        return {
          process: child,
          ended: () => {
            if (failed !== undefined) return fromCause("connect", failed)
            const { exitCode, signalCode } = child
            if (exitCode === null && signalCode === null) return undefined
            if (exitCode === locked || exitCode === 0) return "not needed"
            const said = since(path, offset)
            return reason("Unavailable", {
              operation: "connect",
              message: said === "" ? `the keeper of the private engine ended (${signalCode ?? exitCode})` : said
            })
          }
        }
      },
      catch: (cause) => fromCause("connect", cause)
    }),
    ({ process }) =>
      Effect.sync(() => {
        process.stdin?.destroy()
        process.unref()
      })
  )
