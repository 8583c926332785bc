/**
 * What a containerd's containers are made of: they live on when it ends, with the shim that watches each.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { runFolder } from "./home.ts"

/** The topmost cgroups whose names begin so, of every hierarchy of either version. */
export const cgroups = (prefix: string): ReadonlyArray<string> => {
  const root = "/sys/fs/cgroup"
  if (!existsSync(root)) return []
  const hierarchies = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return [root, ...hierarchies.map((entry) => join(root, entry.name))].flatMap((hierarchy) =>
    // A cgroup of version 2 can go while this looks at it.
    existsSync(hierarchy)
      ? readdirSync(hierarchy).filter((name) => name.startsWith(prefix)).map((name) => join(hierarchy, name))
      : []
  )
}

/** Whatever is read here can be gone before it is. */
const attempt = <A>(read: () => A, otherwise: A): A => {
  try {
    return read()
  } catch {
    return otherwise
  }
}

const withChildren = (path: string): ReadonlyArray<string> => [
  path,
  ...attempt(() => readdirSync(path, { withFileTypes: true }), [])
    .flatMap((entry) => entry.isDirectory() ? withChildren(join(path, entry.name)) : [])
]

/** The processes in the cgroups whose names begin so. */
export const inCgroups = (prefix: string): ReadonlyArray<number> => {
  const found = cgroups(prefix).flatMap(withChildren).flatMap((path) =>
    attempt(() => readFileSync(join(path, "cgroup.procs"), "utf8"), "").split("\n").map(Number)
  )
  // 0 is a process that is not visible from here.
  return [...new Set(found)].filter((pid) => pid > 1)
}

/** A frozen process of version 1 takes no signal, be it SIGKILL. */
const thaw = (prefix: string): void => {
  for (const path of cgroups(prefix).flatMap(withChildren)) {
    for (const [file, word] of [["freezer.state", "THAWED"], ["cgroup.freeze", "0"]] as const) {
      if (existsSync(join(path, file))) attempt(() => writeFileSync(join(path, file), word), undefined)
    }
  }
}

/** The shims of an instance's containerds, and the loggers that they have started. */
const helpers = (id: string): ReadonlyArray<number> => {
  const folder = `${join(runFolder(), id)}/`
  const parts = (pid: number, file: string) =>
    attempt(() => readFileSync(`/proc/${pid}/${file}`, "utf8"), "").split("\0")
  return readdirSync("/proc").map(Number).filter((pid) => {
    if (!(pid > 1) || pid === process.pid) return false
    const [program = "", ...options] = parts(pid, "cmdline")
    const shim = basename(program).startsWith("containerd-shim")
      && options[options.indexOf("-address") + 1]?.startsWith(folder) === true
    return shim || parts(pid, "environ").some((one) => one.startsWith(`CONTAINER_NAMESPACE=efc-${id}-`))
  })
}

/**
 * Kills what is left of an instance's containers and waits, for two seconds at most, until it is gone. The containers go
 * first, so that their shims take note of it and no dead process remains that nobody asks about.
 */
export const endContainers = async (id: string): Promise<void> => {
  if (process.platform !== "linux") return
  for (let tries = 0; tries < 80; tries++) {
    const contained = inCgroups(`efc-${id}-`)
    const all = contained.length === 0 || tries > 20 ? [...contained, ...helpers(id)] : contained
    if (all.length === 0) return
    thaw(`efc-${id}-`)
    for (const pid of all) attempt(() => process.kill(pid, "SIGKILL"), false)
    await sleep(25)
  }
}
