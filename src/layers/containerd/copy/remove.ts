import { readdir, rmdir, unlink } from "node:fs/promises"
import { codeOf } from "../errors.ts"
import { at, close, itself, place } from "./descriptor.ts"

/** How often a directory is emptied that somebody fills again. */
const mostRounds = 8

const unlinked = async (directory: number, name: string): Promise<boolean> => {
  try {
    await unlink(at(directory, name))
    return true
  } catch (cause) {
    const code = codeOf(cause)
    if (code === "ENOENT") return true
    if (code === "EISDIR" || code === "EPERM") return false
    throw cause
  }
}

/** Removes what has a name in a directory, with all that is in it. Links are removed and not followed. */
export const remove = async (directory: number, name: string): Promise<void> => {
  for (let round = 1;; round++) {
    if (await unlinked(directory, name)) return
    const found = await place(directory, name).catch((cause: unknown) => {
      if (codeOf(cause) === "ENOENT") return undefined
      throw cause
    })
    if (found === undefined) return
    try {
      if (found.stats.isDirectory()) {
        for (const child of await readdir(itself(found.descriptor))) await remove(found.descriptor, child)
      } else if (round >= mostRounds) {
        // What may not be removed although it is no directory: immutable, as a rule.
        await unlink(at(directory, name))
        return
      }
    } finally {
      await close(found.descriptor)
    }
    try {
      await rmdir(at(directory, name))
      return
    } catch (cause) {
      const code = codeOf(cause)
      if (code === "ENOENT") return
      if ((code !== "ENOTEMPTY" && code !== "ENOTDIR" && code !== "EEXIST") || round >= mostRounds) throw cause
    }
  }
}
