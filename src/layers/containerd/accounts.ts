import * as Effect from "effect/Effect"
import { lstat, readFile, readlink } from "node:fs/promises"
import { dirname, join, posix } from "node:path"
import type * as Errors from "../../Errors.ts"
import { reason } from "./errors.ts"
import type { Mount } from "./protocol/types_pb.ts"
import type { Accounts } from "./spec/user.ts"
import { ifThere } from "./there.ts"

export const passwd = "/etc/passwd"
export const group = "/etc/group"

export const paths: ReadonlyArray<string> = [passwd, group]

/** The directories that a root file system is made of, the topmost first. */
export const layers = (mounts: ReadonlyArray<Mount>): ReadonlyArray<string> | undefined => {
  const [mount] = mounts
  if (mount === undefined || mounts.length > 1) return undefined
  if (mount.type === "bind") return [mount.source]
  if (mount.type !== "overlay") return undefined
  const option = (name: string) => mount.options.find((option) => option.startsWith(`${name}=`))?.slice(name.length + 1)
  const upper = option("upperdir")
  return [...upper === undefined ? [] : [upper], ...(option("lowerdir") ?? "").split(":").filter((dir) => dir !== "")]
}

/** How many links are followed, as the kernel has it. */
const mostLinks = 40

/**
 * Where a file of the merged tree lies, its links followed inside that tree and never on the host. `undefined`: there is
 * none. Rejects when the directories cannot be looked at.
 */
const find = async (dirs: ReadonlyArray<string>, path: string, links = 0): Promise<string | undefined> => {
  if (links > mostLinks) return undefined
  const parts = path.split("/").filter((part) => part !== "" && part !== ".")
  let current = dirs
  let walked = "/"
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1
    const next: Array<string> = []
    for (const dir of current) {
      const at = join(dir, part)
      const stat = await ifThere(lstat(at))
      if (stat === undefined) continue
      // A whiteout: gone, whatever lies below.
      if (stat.isCharacterDevice() && stat.rdev === 0) break
      if (stat.isSymbolicLink()) {
        if (next.length > 0) break
        const target = posix.resolve(walked, await readlink(at))
        return find(dirs, posix.join(target, ...parts.slice(index + 1)), links + 1)
      }
      if (!stat.isDirectory()) {
        if (next.length > 0) break
        return isLast && stat.isFile() ? at : undefined
      }
      next.push(at)
    }
    if (next.length === 0) return undefined
    current = next
    walked = posix.join(walked, part)
  }
  return undefined
}

/** Longer than any list of users that a container image has: bytes. */
export const longest = 4 * 1024 * 1024

const text = async (dirs: ReadonlyArray<string>, path: string): Promise<string | undefined> => {
  const at = await find(dirs, path)
  if (at === undefined) return undefined
  const { size } = await lstat(at)
  return size > longest ? undefined : readFile(at, "utf8")
}

/** The users of a root file system, read where it lies; `undefined` where we may not. */
export const read = (mounts: ReadonlyArray<Mount>): Effect.Effect<Accounts | undefined> => {
  const dirs = layers(mounts)
  if (dirs === undefined) return Effect.undefined
  return Effect.promise(async () => {
    try {
      // Or what is not to be seen would pass for what is not there.
      await Promise.all(dirs.map((dir) => lstat(dirname(dir)).then(() => lstat(dir))))
      const [users, groups] = await Promise.all([text(dirs, passwd), text(dirs, group)])
      return { passwd: users, group: groups }
    } catch {
      return undefined
    }
  })
}

/** The users of an image by the files of its layers. An engine may have dropped those, once they were unpacked. */
export const fromLayers = (
  image: string,
  files: Effect.Effect<ReadonlyMap<string, string | undefined>, Errors.Reason>
): Effect.Effect<Accounts, Errors.Reason> =>
  files.pipe(
    Effect.map((found) => ({ passwd: found.get(passwd), group: found.get(group) })),
    Effect.catchTag("NotFound", (cause) =>
      Effect.fail(reason("Unsupported", {
        operation: "create",
        message: `the users of ${image} cannot be looked up: neither its files nor its layers can be read from here`,
        hint: "give the user as numbers, uid:gid",
        cause
      })))
  )
