import * as Effect from "effect/Effect"
import { accessSync, constants } from "node:fs"
import { delimiter, isAbsolute, join } from "node:path"
import type * as Errors from "../../../Errors.ts"
import { reason } from "../../../errors/make.ts"

/** The programs that a private engine is made of. */
export interface Programs {
  readonly containerd: string
  /** `undefined`: the one in `path`. */
  readonly runc: string | undefined
  /** What a keeper is started with, which then has the folder's lock. */
  readonly lock: ReadonlyArray<string>
  /** What the daemon is started with, in namespaces of its own. */
  readonly enter: ReadonlyArray<string>
  readonly path: string
}

/** What a user of this library may say about them. */
export interface Wanted {
  readonly containerd: string | undefined
  readonly runc: string | undefined
  readonly rootlesskit: string | undefined
  /** `$PATH`. */
  readonly path: string | undefined
  /** Where rootlesskit may keep its state. */
  readonly folder: string
  readonly isRoot: boolean
}

const usual = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const operation = "connect"

/** Where each program is, or which are missing and how to get them. */
export const find = (
  { containerd, folder, isRoot, path, rootlesskit, runc }: Wanted,
  platform: NodeJS.Platform = process.platform
): Effect.Effect<Programs, Errors.Reason> =>
  Effect.suspend((): Effect.Effect<Programs, Errors.Reason> => {
    if (platform !== "linux") {
      return Effect.fail(reason("Unsupported", { operation, message: `containerd does not run on ${platform}` }))
    }
    // Programs of the system are not in every user's path.
    const folders = [...new Set([...(path ?? "").split(delimiter).filter(isAbsolute), ...usual])]
    const missing: Array<string> = []
    const look = (program: string, given: string | undefined): string => {
      const places = given === undefined ? folders.map((folder) => join(folder, program)) : [given]
      const found = places.find(isProgram)
      if (found === undefined) missing.push(given ?? program)
      return found ?? program
    }
    const daemon = look("containerd", containerd)
    // One that was chosen knows where its own shims are.
    if (containerd === undefined) look("containerd-shim-runc-v2", undefined)
    if (containerd === undefined || runc !== undefined) look("runc", runc)
    const lock = [look("flock", undefined), "-n", "-E", "75", "-F", join(folder, "lock")]
    const enter = isRoot
      ? [look("unshare", undefined), "--mount", "--propagation", "slave"]
      : [
        look("rootlesskit", rootlesskit),
        `--state-dir=${join(folder, "rootlesskit")}`,
        "--net=host",
        "--copy-up=/etc",
        "--copy-up=/run",
        "--propagation=rslave"
      ]
    if (!isRoot) { for (const program of ["newuidmap", "newgidmap"]) look(program, undefined) }
    return missing.length === 0
      ? Effect.succeed({ containerd: daemon, runc, lock, enter, path: folders.join(delimiter) })
      : Effect.fail(reason("NotFound", {
        operation,
        message: `a private engine needs ${missing.join(", ")}, which ${missing.length === 1 ? "is" : "are"} not there`,
        hint: `install containerd and runc${isRoot ? "" : ", rootlesskit and uidmap"}`
      }))
  })
