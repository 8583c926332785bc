/**
 * What a private engine is made of besides its daemon: shims, the processes of containers, cgroups, mounts, folders. All
 * of it goes with the last user; what a killed keeper left goes when the next one starts.
 */
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { rm, rmdir } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import * as Places from "./place.ts"

/** What says nothing of whether a thing is there. */
const starved = new Set(["EMFILE", "ENFILE", "ENOMEM"])

/** Whatever is read here can be gone before it is. */
const attempt = <A>(read: () => A, otherwise: A): A => {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && starved.has(String(cause.code))) throw cause
    return otherwise
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// cgroups
// ---------------------------------------------------------------------------------------------------------------------

const root = "/sys/fs/cgroup"

const subdirectories = (path: string): ReadonlyArray<string> =>
  attempt(() => readdirSync(path, { withFileTypes: true }), [])
    .flatMap((entry) => entry.isDirectory() ? [join(path, entry.name)] : [])

/** The cgroups of an engine's namespaces, in every hierarchy of either version. */
const cgroups = (id: string): ReadonlyArray<string> =>
  [root, ...subdirectories(root)].flatMap(subdirectories).filter((path) => path.endsWith(`-${id}`))

const tree = (path: string): ReadonlyArray<string> => [path, ...subdirectories(path).flatMap(tree)]

const inCgroups = (id: string): ReadonlyArray<number> =>
  cgroups(id).flatMap(tree).flatMap((path) =>
    attempt(() => readFileSync(join(path, "cgroup.procs"), "utf8"), "").split("\n").map(Number)
  )

/** A frozen process of version 1 takes no signal, be it SIGKILL. */
const thaw = (id: string): void => {
  for (const path of cgroups(id).flatMap(tree)) {
    for (const [file, word] of [["freezer.state", "THAWED"], ["cgroup.freeze", "0"]] as const) {
      const at = join(path, file)
      if (existsSync(at)) attempt(() => writeFileSync(at, word), undefined)
    }
  }
}

const removeCgroups = async (id: string): Promise<boolean> => {
  let all = true
  for (const path of cgroups(id).flatMap((path) => tree(path).toReversed())) {
    await rmdir(path).catch(() => {
      all = !existsSync(path) && all
    })
  }
  return all
}

// ---------------------------------------------------------------------------------------------------------------------
// processes
// ---------------------------------------------------------------------------------------------------------------------

interface Process {
  readonly pid: number
  readonly parent: number
  readonly command: ReadonlyArray<string>
}

/** Those that live: of a dead one only its parent has not taken note. */
const processes = (): ReadonlyArray<Process> =>
  // Without it nobody would seem to run.
  readdirSync("/proc").map(Number).filter((pid) => pid > 1).flatMap((pid) =>
    attempt((): ReadonlyArray<Process> => {
      // The second field is a name, in which there may be anything: proc(5).
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
      if (state === "Z" || state === "X") return []
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")
      return [{ pid, parent: Number(parent), command }]
    }, [])
  )

const after = (command: ReadonlyArray<string>, option: string): string | undefined => {
  const at = command.indexOf(option)
  return at === -1 ? undefined : command[at + 1]
}

/** The processes of an engine: known by the paths that only it was given. */
export const find = ({ id, runtime }: Places.Place) => {
  const all = processes()
  const isShim = ({ command }: Process) =>
    basename(command[0] ?? "").startsWith("containerd-shim") && after(command, "-address") === Places.engine(runtime)
  const isDaemon = ({ command }: Process) => after(command, "--config") === Places.settings(runtime)
  const shims = all.filter(isShim).map(({ pid }) => pid)
  const family = new Set(shims)
  for (let size = 0; size !== family.size;) {
    size = family.size
    for (const { parent, pid } of all) if (family.has(parent)) family.add(pid)
  }
  const daemons = all.filter(isDaemon).map(({ pid }) => pid)
  const alive = new Set(all.map(({ pid }) => pid))
  const contained = new Set([...family, ...inCgroups(id)].filter((pid) => !shims.includes(pid) && alive.has(pid)))
  return { daemons, shims, contained: [...contained].filter((pid) => !daemons.includes(pid) && pid !== process.pid) }
}

const kill = (pids: ReadonlyArray<number>, signal: NodeJS.Signals = "SIGKILL"): void => {
  for (const pid of pids) attempt(() => process.kill(pid, signal), false)
}

/** Asks the daemon to end; what it runs goes on. */
export const terminate = (place: Places.Place): void => kill(find(place).daemons, "SIGTERM")

/**
 * Kills and waits until all are gone; for four seconds at most. The daemon goes first, so that it starts nothing more;
 * shims last, so that they take note of their containers' ends.
 */
export const endProcesses = async (place: Places.Place): Promise<boolean> => {
  for (let tries = 0; tries < 400; tries++) {
    const { contained, daemons, shims } = find(place)
    if (daemons.length + contained.length + shims.length === 0) return true
    if (tries % 50 === 0) thaw(place.id)
    kill(daemons)
    kill(contained)
    if (contained.length === 0 || tries > 100) kill(shims)
    await sleep(10)
  }
  return false
}

// ---------------------------------------------------------------------------------------------------------------------
// mounts and folders
// ---------------------------------------------------------------------------------------------------------------------

/** A mount point in mountinfo has its blanks and backslashes as octal numbers. */
const unescape = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, code) => String.fromCharCode(parseInt(code, 8)))

const mounts = ({ folder, runtime }: Places.Place): ReadonlyArray<string> =>
  // Without it what somebody mounted there would be removed.
  readFileSync("/proc/self/mountinfo", "utf8").split("\n")
    .map((line) => unescape(line.split(" ")[4] ?? ""))
    .filter((path) => [runtime, folder].some((own) => path.startsWith(`${own}/`)))

/** Some of a shim's folders have no bit for entering them, which root does not need. */
const unlock = (path: string): void => {
  attempt(() => chmodSync(path, 0o700), undefined)
  for (const one of subdirectories(path)) unlock(one)
}

const remove = (path: string) => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 })

/**
 * Removes all but images and the log. Rejects when something cannot be removed; never touches what is mounted somewhere.
 */
export const clear = async (place: Places.Place): Promise<void> => {
  if (!(await endProcesses(place))) throw new Error("processes of the engine cannot be killed")
  // Those of the engine are elsewhere, and gone; whoever mounted this here keeps it.
  const mounted = mounts(place)
  if (mounted.length > 0) throw new Error(`${mounted.join(", ")}: something is mounted there`)
  unlock(place.runtime)
  await remove(place.runtime)
  await rmdir(dirname(place.runtime)).catch(() => undefined)
  for (const path of subdirectories(place.folder)) if (path.endsWith(`-${place.id}`)) await remove(path)
  for (let tries = 0; tries < 100 && !(await removeCgroups(place.id)); tries++) await sleep(10)
}
