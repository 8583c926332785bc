import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Stream from "effect/Stream"
import type { ExecConfig } from "../ContainerConfig.ts"
import * as Errors from "../Errors.ts"
import { checkArguments, checkTarget, checkUser, checkVariable, type Issue } from "./issue.ts"

/**
 * How a command is executed in a container.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExecOptions {
  /** Variables on top of the container's own. */
  readonly env?: Readonly<Record<string, string | Redacted.Redacted<string>>> | undefined
  /** Absolute path in the container. Default: the container's own. */
  readonly workDir?: string | undefined
  /** `user`, `uid`, `user:group` or `uid:gid`. Default: the container's own. */
  readonly user?: string | undefined
  /** Give it a terminal: its output is then all standard output. Default `false`. */
  readonly tty?: boolean | undefined
  /** The shell of a command that is a string. Default `["/bin/sh", "-c"]`. */
  readonly shell?: ReadonlyArray<string> | undefined
  /**
   * What it reads from standard input; `true` keeps it open for the handle's `stdin`. Default: nothing, it is closed from
   * the start.
   */
  readonly stdin?: boolean | string | Uint8Array | Stream.Stream<Uint8Array> | undefined
}

const firstIssue = (command: string | ReadonlyArray<string>, options: ExecOptions): Issue | undefined => {
  const { shell } = options
  if (typeof command === "string" ? command.trim() === "" : command.length === 0) {
    return ["command", "the command is empty"]
  }
  if (command[0] === "") return ["command", "the command's first word, its executable, is empty"]
  if (shell !== undefined && (shell.length === 0 || shell[0] === "")) return ["shell", "the shell is empty"]
  const issue = checkArguments("command", typeof command === "string" ? [command] : command)
    ?? checkArguments("shell", shell ?? [])
  if (issue !== undefined) return issue
  for (const [name, value] of Object.entries(options.env ?? {})) {
    const issue = checkVariable(name, value)
    if (issue !== undefined) return issue
  }
  return (options.workDir === undefined ? undefined : checkTarget("workDir", options.workDir))
    ?? (options.user === undefined ? undefined : checkUser(options.user))
}

/** Checks what is to be executed and completes it. Fails before any engine is called. */
export const settleExec = (
  image: string,
  command: string | ReadonlyArray<string>,
  options: ExecOptions
): Effect.Effect<ExecConfig, Errors.ContainerOptions> =>
  Effect.suspend(() => {
    const found = firstIssue(command, options)
    if (found !== undefined) {
      return Effect.fail(new Errors.ContainerOptions({ image, field: found[0], issue: found[1] }))
    }
    return Effect.succeed({
      command: typeof command === "string" ? [...options.shell ?? ["/bin/sh", "-c"], command] : command,
      env: Object.entries(options.env ?? {}),
      workDir: options.workDir,
      user: options.user,
      tty: options.tty ?? false,
      stdin: options.stdin !== undefined && options.stdin !== false
    })
  })
