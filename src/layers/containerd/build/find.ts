import { accessSync, constants, statSync } from "node:fs"
import { delimiter, isAbsolute, join } from "node:path"

const usual = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** Where programs are looked for: those of the system are not in every user's path. */
export const folders = (path: string | undefined): ReadonlyArray<string> => [
  ...new Set([...(path ?? "").split(delimiter).filter(isAbsolute), ...usual])
]

/** Where a program is. */
export const find = (program: string, folders: ReadonlyArray<string>): string | undefined =>
  folders.map((folder) => join(folder, program)).find(isProgram)

export { isProgram }
