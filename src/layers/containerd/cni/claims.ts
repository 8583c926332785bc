import { existsSync } from "node:fs"
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"

/**
 * What the whole machine has one of, and whose it is: a file each, whose name is what it is and that says where its
 * holder's own file is. Without that file it is nobody's. Gone with a reboot, as what they stand for.
 */
export interface Claims {
  /** Claims it for a holder, the path of whose file it is; false: another has it. */
  readonly take: (name: string, holder: string) => Promise<boolean>
  /** Those of these names that somebody has. */
  readonly held: (isMeant: (name: string) => boolean) => Promise<ReadonlyArray<string>>
  /** Gives it up, unless it has become another's. */
  readonly release: (name: string, holder: string) => Promise<void>
}

export const make = (folder: string): Claims => {
  const isHeld = async (name: string): Promise<boolean> => {
    const holder = await readFile(join(folder, name), "utf8").catch(() => "")
    return holder !== "" && existsSync(holder)
  }
  return {
    take: async (name, holder) => {
      const path = join(folder, name)
      await mkdir(folder, { recursive: true, mode: 0o755 })
      const make = () =>
        writeFile(path, holder, { flag: "wx", mode: 0o644 }).then(() => true, (error: NodeJS.ErrnoException) => {
          if (error.code === "EEXIST") return false
          throw error
        })
      if (await make()) return true
      if (await isHeld(name)) return false
      // Of one that was removed by somebody else.
      await rm(path, { force: true })
      return make()
    },
    held: async (isMeant) => {
      const found: Array<string> = []
      const names = await readdir(folder).catch(() => [])
      for (const name of names.filter(isMeant)) {
        if (await isHeld(name)) found.push(name)
      }
      return found
    },
    release: async (name, holder) => {
      const path = join(folder, name)
      // One that stays is taken over once its holder's file is gone.
      if (await readFile(path, "utf8").catch(() => "") === holder) await rm(path, { force: true })
    }
  }
}
