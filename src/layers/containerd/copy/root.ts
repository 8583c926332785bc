import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { readFile, stat } from "node:fs/promises"
import type * as Errors from "../../../Errors.ts"
import { codeOf, reason } from "../errors.ts"
import type { Mount } from "../protocol/types_pb.ts"
import { close, hostDirectory, itself, type Place } from "./descriptor.ts"
import { failure, type Operation, Refused } from "./failure.ts"
import * as Ids from "./ids.ts"

/** The root of a container's files, open. */
export interface Root extends Place {
  readonly users: Ids.Ids
  readonly groups: Ids.Ids
}

const hint =
  "a container's files are reached through /proc: run as root, or as the user of a rootless engine, on its machine and among its processes"

/** In `mountinfo` as in `fstab`, what would end a field is written in octal. */
const unescaped = (field: string): string =>
  field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))

interface Mounted {
  readonly type: string
  readonly source: string
  readonly options: ReadonlyArray<string>
}

/** What a process has for its root, last what is on top. */
export const rootOf = (mountinfo: string): Mounted | undefined => {
  const line = mountinfo.split("\n").findLast((line) => line.split(" ")[4] === "/")
  const [type, source, options] = line?.slice(line.indexOf(" - ") + 3).split(" ") ?? []
  return type === undefined || source === undefined || options === undefined
    ? undefined
    : { type, source: unescaped(source), options: unescaped(options).split(",") }
}

/**
 * Whether the root of a process is what the engine mounts for the container: the number that the engine has for the
 * process can be another's here, and a runtime with a kernel of its own has no process that sees the container's files.
 */
const isMounted = async (root: Place, mountinfo: () => Promise<string>, mount: Mount): Promise<boolean> => {
  if (mount.type === "bind") {
    const { dev, ino } = await stat(mount.source, { bigint: true })
    return dev === root.stats.dev && ino === root.stats.ino
  }
  const found = rootOf(await mountinfo())
  if (found === undefined) return false
  const upper = mount.options.find((option) => option.startsWith("upperdir="))
  return mount.type === "overlay" && upper !== undefined
    ? found.type === "overlay" && found.options.includes(upper)
    : found.source === mount.source
}

/** Whose this process is: root's where there are no users. */
const own = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }

const openRoot = async (pid: number, mounts: ReadonlyArray<Mount>): Promise<Root> => {
  // From here on this process and no later one of its number.
  const process = await hostDirectory(`/proc/${pid}`)
  try {
    const of = (name: string) => `${itself(process.descriptor)}/${name}`
    const root = await hostDirectory(of("root"))
    try {
      const mount = mounts.at(-1)
      if (mount === undefined || !(await isMounted(root, () => readFile(of("mountinfo"), "utf8"), mount))) {
        throw new Refused("Unsupported", "the container's files cannot be reached from here", hint)
      }
      const [users, groups] = await Promise.all([Ids.read(of("uid_map")), Ids.read(of("gid_map"))])
      return {
        ...root,
        users: Ids.ofUser(users, own.uid),
        groups: Ids.ofUser(groups, own.gid)
      }
    } catch (cause) {
      await close(root.descriptor)
      throw cause
    }
  } finally {
    await close(process.descriptor)
  }
}

/** Opens the root of a process of a container. `Unavailable`: the process has ended in the meantime. */
export const open = (
  operation: Operation,
  pid: number,
  mounts: ReadonlyArray<Mount>
): Effect.Effect<Root, Errors.Reason, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: () => openRoot(pid, mounts),
      catch: (cause) => {
        const code = codeOf(cause)
        if (code === "EACCES" || code === "EPERM") {
          return reason("PermissionDenied", {
            operation,
            message: "the container's files may not be looked at from here",
            hint,
            code,
            cause
          })
        }
        return code === "ENOENT" || code === "ESRCH"
          ? reason("Unavailable", {
            operation,
            message: `the container's process ${pid} cannot be seen from here`,
            hint,
            code,
            cause
          })
          : failure(operation, "/", cause)
      }
    }),
    ({ descriptor }) => Effect.promise(() => close(descriptor))
  )
