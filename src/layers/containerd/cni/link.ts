/**
 * What there is on this machine of a network that was made: plugins make its link, and nobody but us takes it away.
 */
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import type * as Errors from "../../../Errors.ts"
import { fromCause, reason } from "../errors.ts"

/** The program that all of it needs. */
export const program = "ip"

/** Whether there is a link of this name. */
export const isThere = (link: string): boolean => existsSync(`/sys/class/net/${link}`)

const say = /Cannot find device|No such file or directory|File exists/

/** Runs it; whether it did something: what is there already, or gone already, is as it should be. */
const ip = (operation: string, path: string, ...args: ReadonlyArray<string>): Effect.Effect<boolean, Errors.Reason> =>
  Effect.callback((resume) => {
    execFile(program, args, { cwd: "/", env: { PATH: path }, timeout: 60_000 }, (error, _, stderr) => {
      if (error === null) return resume(Effect.succeed(true))
      if (say.test(stderr)) return resume(Effect.succeed(false))
      const text = stderr.trim()
      resume(Effect.fail(
        text === "" ?
          fromCause(operation, error) :
          reason(/not permitted/.test(text) ? "PermissionDenied" : "Internal", {
            operation,
            message: `${program} ${args.join(" ")}: ${text}`
          })
      ))
    })
  })

/** Of the rules of this machine; before those that find a way, after those of its own addresses. */
const preference = "30000"

/**
 * Keeps what comes over a link from other networks of containers: no packet goes there. Nothing leaves one that is to be
 * internal.
 */
export const separate = (
  operation: string,
  path: string,
  { internal, link, others }: {
    readonly link: string
    readonly internal: boolean
    readonly others: ReadonlyArray<string>
  }
): Effect.Effect<void, Errors.Reason> =>
  Effect.forEach(
    internal ? ["0.0.0.0/0"] : others,
    (subnet) => ip(operation, path, "rule", "add", "iif", link, "to", subnet, "pref", preference, "prohibit"),
    { discard: true }
  )

/** More than {@link separate} makes. */
const most = 16

/** Takes it away, with its rules. */
export const remove = (operation: string, path: string, link: string): Effect.Effect<void, Errors.Reason> =>
  Effect.gen(function*() {
    if (isThere(link)) yield* ip(operation, path, "link", "delete", link)
    for (let n = 0; n < most; n++) {
      if (!(yield* ip(operation, path, "rule", "delete", "iif", link))) return
    }
  })
