import type * as Tar from "effect/encoding/Tar"
import { execFile } from "node:child_process"
import { lchown, link, lutimes, mkdir, symlink } from "node:fs/promises"
import { promisify } from "node:util"
import { codeOf } from "../errors.ts"
import { at, chmod, chown, close, itself, type Place, place } from "./descriptor.ts"
import { Refused } from "./failure.ts"
import { remove } from "./remove.ts"

/** Of the host. */
export interface Owners {
  readonly uid: number
  readonly gid: number
}

const run = promisify(execFile)

/** How often what is in the way is removed when somebody puts it back. */
const mostTries = 8

/** Makes something where nothing is; what has come there in the meantime is removed first. */
export const insist = async <A>({ descriptor }: Place, name: string, make: () => Promise<A>): Promise<A> => {
  for (let tries = 1;; tries++) {
    try {
      return await make()
    } catch (cause) {
      if (codeOf(cause) !== "EEXIST" || tries >= mostTries) throw cause
      await remove(descriptor, name)
    }
  }
}

/** Removes what has the name; whether that was a directory or a link, through which others may have led. */
export const vacate = async ({ descriptor }: Place, name: string): Promise<boolean> => {
  const found = await place(descriptor, name).catch((cause: unknown) => {
    if (codeOf(cause) === "ENOENT") return undefined
    throw cause
  })
  if (found === undefined) return false
  await close(found.descriptor)
  await remove(descriptor, name)
  return !found.stats.isFile()
}

/** A directory that an archive takes for granted. */
export const missing = async ({ descriptor }: Place, name: string): Promise<void> => {
  try {
    await mkdir(at(descriptor, name), 0o755)
  } catch (cause) {
    if (codeOf(cause) !== "EEXIST") throw cause
  }
}

/** A directory that is there is kept, and gets what the entry says of it. */
export const directory = async (
  parent: Place,
  name: string,
  { mode }: Tar.Header,
  { gid, uid }: Owners
): Promise<void> => {
  const made = await insist(parent, name, async () => {
    await missing(parent, name)
    const found = await place(parent.descriptor, name)
    if (found.stats.isDirectory()) return found
    await close(found.descriptor)
    throw Object.assign(new Error("file exists"), { code: "EEXIST" })
  })
  try {
    await chown(itself(made.descriptor), uid, gid)
    await chmod(itself(made.descriptor), mode)
  } finally {
    await close(made.descriptor)
  }
}

/** Never follows a link. */
export const touch = ({ descriptor }: Place, name: string, mtime: Date): Promise<void> =>
  lutimes(at(descriptor, name), mtime, mtime)

export const symbolicLink = async (parent: Place, name: string, header: Tar.Header, owners: Owners): Promise<void> => {
  const path = at(parent.descriptor, name)
  await insist(parent, name, () => symlink(header.linkTarget ?? "", path))
  await lchown(path, owners.uid, owners.gid)
  await touch(parent, name, header.mtime)
}

export const hardLink = async (from: Place, source: string, to: Place, name: string): Promise<void> => {
  await insist(to, name, () => link(at(from.descriptor, source), at(to.descriptor, name)))
}

/** Node has no call for it. Our own descriptor is that of nobody else, and is named by our number. */
export const pipe = async (parent: Place, name: string, header: Tar.Header, owners: Owners): Promise<void> => {
  await insist(parent, name, async () => {
    try {
      await run("mkfifo", ["-m", "600", "--", `/proc/${process.pid}/fd/${parent.descriptor}/${name}`])
    } catch (cause) {
      if (codeOf(cause) === "ENOENT") {
        throw new Refused("Unsupported", "a pipe cannot be made in a container", "install mkfifo")
      }
      throw cause
    }
  })
  const made = await place(parent.descriptor, name)
  try {
    if (!made.stats.isFIFO()) throw Object.assign(new Error("file exists"), { code: "EEXIST" })
    await chown(itself(made.descriptor), owners.uid, owners.gid)
    await chmod(itself(made.descriptor), header.mode)
  } finally {
    await close(made.descriptor)
  }
  await touch(parent, name, header.mtime)
}
