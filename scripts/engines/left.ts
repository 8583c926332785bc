/**
 * What engines can leave behind on this machine, and how it is removed.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { rm, rmdir } from "node:fs/promises"
import { networkInterfaces } from "node:os"
import { basename, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { removeBridges, unheldBridges } from "./bridges.ts"
import { runFolder } from "./home.ts"
import { cgroups, endContainers, inCgroups } from "./orphans.ts"
import * as User from "./user.ts"

/**
 * Removes the cgroups of engines that are no more: they are empty, and nobody else removes them. Tells whether none is
 * left; a process that is about to die still holds its own.
 */
export const removeCgroups = async (id: string): Promise<boolean> => {
  let all = true
  const removeTree = async (path: string): Promise<void> => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) await removeTree(join(path, entry.name))
    }
    await rmdir(path)
  }
  for (const path of cgroups(`efc-${id}-`)) all = await removeTree(path).then(() => all, () => false)
  return all
}

/** A folder can be busy for a moment after its processes have gone: the kernel unmounts in its own time. */
const removeFolder = (path: string) => rm(path, { recursive: true, force: true, maxRetries: 3, retryDelay: 50 })

/** Removes the folders of an instance. */
export const removeAll = async (id: string): Promise<void> => {
  await removeFolder(User.folderOf(id))
  await removeFolder(join(runFolder(), id))
}

/**
 * When a process was started, in the kernel's own count: with its id it names a process for good. None has been if it is
 * dead and only its parent has not taken note.
 */
export const startTime = (pid: number): string | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19]
  } catch {
    return undefined
  }
}

const held = (id: string): boolean => {
  try {
    const [pid = "0", started] = readFileSync(join(runFolder(), id, "keeper"), "utf8").split(" ")
    return started !== undefined && started === startTime(Number(pid))
  } catch {
    return false
  }
}

const folders = () =>
  readdirSync(runFolder(), { withFileTypes: true }).flatMap((entry) => entry.isDirectory() ? [entry.name] : [])

/** Clears up after keepers that were killed. */
export const sweep = async (): Promise<void> => {
  for (const id of folders()) {
    // Without the file its keeper is only just starting, or ending.
    if (held(id) || !existsSync(join(runFolder(), id, "keeper"))) continue
    await endContainers(id)
    for (let tries = 0; tries < 40 && !(await removeCgroups(id)); tries++) await sleep(50)
    // Another that cleared up meanwhile may have made place for a new one of this name.
    if (held(id)) continue
    await removeBridges(id)
    await removeAll(id)
    process.stderr.write(`engines: cleared up after a run that was killed (${id})\n`)
  }
}

const look = async (): Promise<ReadonlyArray<string>> => {
  const living = folders().filter(held)
  const mine = (text: string) =>
    [(id: string) => join(runFolder(), id), User.folderOf].some((folderOf) =>
      text.includes(folderOf("")) && !living.some((id) => text.includes(`${folderOf(id)}/`))
    )
  const links = Object.keys(networkInterfaces()).filter((name) => /^efc-\d+$/.test(name))
  const unheld = cgroups("efc-").filter((path) => !living.some((id) => path.includes(`/efc-${id}-`)))
  const contained = new Set(unheld.flatMap((path) => inCgroups(basename(path))))
  const processes = process.platform === "linux"
    ? readdirSync("/proc").filter((pid) => /^\d+$/.test(pid)).flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")
        return contained.has(Number(pid)) || mine(command) ? [`process ${pid}: ${command}`] : []
      } catch {
        return []
      }
    })
    : []
  const mounts = existsSync("/proc/self/mounts")
    ? readFileSync("/proc/self/mounts", "utf8").split("\n").filter(mine)
    : []
  return [
    ...processes,
    ...mounts.map((mount) => `mount ${mount}`),
    ...folders().filter((id) => !living.includes(id)).map((id) => `folder ${join(runFolder(), id)}`),
    ...unheld.map((path) => `cgroup ${path}`),
    ...(await unheldBridges(living)).map((name) => `bridge ${name}`),
    ...links.length > living.length ? [`networks ${links.join(", ")}, of which ${living.length} are held`] : []
  ]
}

/** What is left of engines that nobody holds any more. The kernel gets two seconds to finish its part. */
export const left = async (): Promise<ReadonlyArray<string>> => {
  for (let tries = 0; tries < 40 && (await look()).length > 0; tries++) await sleep(50)
  return look()
}
