import { accessSync, constants } from "node:fs"
import { delimiter, isAbsolute, join } from "node:path"

/** The programs that connect containers, which somebody has installed. */
export interface Plugins {
  /** Where they are looked for; they look there for each other. */
  readonly folders: ReadonlyArray<string>
  /** `$PATH` for what they call: most call iptables. */
  readonly path: string
}

const usual = ["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"]

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Programs of the system are not in every user's path. */
const system = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]

/** Where plugins are: as it was said, else as `CNI_PATH` says, else where distributions have them. */
export const make = (
  given: string | ReadonlyArray<string> | undefined,
  environment: { readonly CNI_PATH: string | undefined; readonly PATH: string | undefined }
): Plugins => ({
  folders: given === undefined
    ? environment.CNI_PATH === undefined
      ? usual
      : environment.CNI_PATH.split(delimiter).filter(isAbsolute)
    : typeof given === "string"
    ? [given]
    : given,
  path: [...new Set([...(environment.PATH ?? "").split(delimiter).filter(isAbsolute), ...system])].join(delimiter)
})

/** A plugin's program. A type is never a path: then it would not come from these folders. */
export const find = ({ folders }: Plugins, type: string): string | undefined =>
  type === "" || type.includes("/") ? undefined : folders.map((folder) => join(folder, type)).find(isProgram)

/** Those that are not there. */
export const missing = (self: Plugins, types: ReadonlyArray<string>): ReadonlyArray<string> =>
  types.filter((type) => find(self, type) === undefined)

/** Whether a program of the system is there. */
export const isInPath = ({ path }: Plugins, program: string): boolean =>
  path.split(delimiter).some((folder) => isProgram(join(folder, program)))
