import { randomUUID } from "node:crypto"
import { link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { codeOf } from "../errors.ts"
import { ifThere } from "../there.ts"

/**
 * What the whole machine has one of, and whose it is: a file each, whose name is what it is and that says where its
 * holder's own file is. Without that file it is nobody's. Gone with a reboot, as what they stand for.
 */
export interface Claims {
  /** Claims it for a holder, the path of whose file it is, which is there; false: another has it. */
  readonly take: (name: string, holder: string) => Promise<boolean>
  /** Those of these names that somebody has. */
  readonly held: (isMeant: (name: string) => boolean) => Promise<ReadonlyArray<string>>
  /** Gives it up, unless it has become another's. Before the holder's file goes: then anybody may have taken it. */
  readonly release: (name: string, holder: string) => Promise<void>
}

/** What the name of the claim to take over another ends with. No claim's own does. */
const over = "~"

/** The files that are about to become claims. No claim's name begins so. */
const draft = "."

type Standing = "none" | "held" | "nobody's"

export const make = (folder: string): Claims => {
  const holderOf = (name: string): Promise<string | undefined> => ifThere(readFile(join(folder, name), "utf8"))

  const standingOf = async (name: string): Promise<Standing> => {
    const holder = await holderOf(name)
    if (holder === undefined) return "none"
    return holder !== "" && await ifThere(stat(holder)) !== undefined ? "held" : "nobody's"
  }

  /** Whoever sees it sees all of it. False: there is one. */
  const begin = async (name: string, holder: string): Promise<boolean> => {
    const whole = join(folder, `${draft}${randomUUID()}`)
    try {
      await writeFile(whole, holder, { flag: "wx", mode: 0o644 })
      await link(whole, join(folder, name))
      return true
    } catch (cause) {
      if (codeOf(cause) === "EEXIST") return false
      throw cause
    } finally {
      await rm(whole, { force: true })
    }
  }

  const take = async (name: string, holder: string): Promise<boolean> => {
    if (await begin(name, holder)) return true
    const standing = await standingOf(name)
    if (standing === "none") return take(name, holder)
    if (standing === "held") return false
    // To take it over is a claim of its own: of two who both removed what they saw, one would remove the other's.
    if (!(await take(name + over, holder))) return false
    const now = await standingOf(name)
    if (now === "nobody's") {
      await rename(join(folder, name + over), join(folder, name))
      return true
    }
    await rm(join(folder, name + over), { force: true })
    return now === "none" && take(name, holder)
  }

  return {
    take: async (name, holder) => {
      await mkdir(folder, { recursive: true, mode: 0o755 })
      return take(name, holder)
    },
    held: async (isMeant) => {
      const found = new Set<string>()
      for (const file of await ifThere(readdir(folder)) ?? []) {
        if (file.startsWith(draft)) {
          // Of a program that was killed in between.
          if (await standingOf(file) === "nobody's") await rm(join(folder, file), { force: true })
          continue
        }
        const name = file.replace(/~+$/, "")
        if (isMeant(name) && await standingOf(file) === "held") found.add(name)
      }
      return [...found]
    },
    release: async (name, holder) => {
      // What it was about to take over, should it have been stopped in between, too.
      for (let file = name;; file += over) {
        const found = await holderOf(file)
        if (found === undefined) return
        if (found === holder) await rm(join(folder, file), { force: true })
      }
    }
  }
}
