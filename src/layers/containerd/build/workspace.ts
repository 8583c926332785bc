import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { randomUUID } from "node:crypto"
import { chmod, mkdir, readdir, readFile, readlink, rm } from "node:fs/promises"
import { join } from "node:path"
import type * as Errors from "../../../Errors.ts"
import { fromCause } from "../errors.ts"
import { ifThere } from "../there.ts"

/** A folder for one build. */
export interface Workspace {
  /** Also in what a builder keeps elsewhere: it says which process the build belongs to. */
  readonly id: string
  readonly folder: string
}

const prefix = "efc"

/** When a process was started, in ticks since the machine was: a number is given again, both are not. */
const startOf = async (pid: number | "self"): Promise<string | undefined> => {
  const stat = await ifThere(readFile(`/proc/${pid}/stat`, "utf8"))
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19]
}

/** The numbers of processes are the same within these. */
const among = async (): Promise<string> => {
  const [boot, pids] = await Promise.all([
    readFile("/proc/sys/kernel/random/boot_id", "utf8"),
    readlink("/proc/self/ns/pid")
  ])
  return `${boot.slice(0, 8)}-${/\d+/.exec(pids)?.[0] ?? "0"}`
}

const own = async (): Promise<string> =>
  `${prefix}-${await among()}-${process.pid}-${await startOf("self") ?? "0"}-${randomUUID().slice(0, 8)}`

const pattern = /^efc-([0-9a-f]{8})-(\d+)-(\d+)-(\d+)-[0-9a-f]{8}$/

/** Whether the build of this id was that of a process that is no more. Rejects where that cannot be looked at. */
export const isDead = async (id: string): Promise<boolean> => {
  const [, boot, pids, pid, start] = pattern.exec(id) ?? []
  if (boot === undefined) return false
  const here = await among()
  // Nothing outlives the machine's restart.
  if (!here.startsWith(boot)) return true
  return here === `${boot}-${pids}` && await startOf(Number(pid)) !== start
}

/** The folders of builds, below the engine's own. */
const place = (folder: string): string => join(folder, "builds")

const remove = (path: string): Promise<void> => rm(path, { recursive: true, force: true, maxRetries: 3 })

/** Removes the folders of programs that were killed. */
export const sweep = (folder: string): Effect.Effect<void> =>
  Effect.tryPromise(async () => {
    for (const id of await ifThere(readdir(place(folder))) ?? []) {
      if (await isDead(id)) await remove(join(place(folder), id))
    }
  }).pipe(
    Effect.catch((error) =>
      Effect.logWarning(`what killed builds have left in ${place(folder)} stays: ${String(error.cause)}`)
    )
  )

/** A folder that nobody else looks into, and that goes with the scope. */
export const make = (folder: string, operation: string): Effect.Effect<Workspace, Errors.Reason, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: async () => {
        await mkdir(place(folder), { recursive: true, mode: 0o700 })
        const id = await own()
        const path = join(place(folder), id)
        await mkdir(path, { mode: 0o700 })
        await chmod(path, 0o700)
        return { id, folder: path }
      },
      catch: (cause) => fromCause(operation, cause)
    }),
    (workspace) =>
      Effect.tryPromise(() => remove(workspace.folder)).pipe(
        Effect.catch((error) =>
          Effect.logWarning(`the folder ${workspace.folder} of a build is left behind: ${String(error.cause)}`)
        )
      )
  )
