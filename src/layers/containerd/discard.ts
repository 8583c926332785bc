import { randomUUID } from "node:crypto"
import { rename, rm, rmdir } from "node:fs/promises"
import { join } from "node:path"
import { codeOf } from "./errors.ts"

/** Takes a folder away in one step, and says whether it was there. The last one takes the folder that it is in with it. */
export const discard = async (folder: string, name: string): Promise<boolean> => {
  const old = join(folder, `.${name}-${randomUUID()}`)
  try {
    await rename(join(folder, name), old)
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return false
    throw cause
  }
  await rm(old, { recursive: true, force: true })
  await rmdir(folder).catch(() => {})
  return true
}
