/**
 * The process that a private engine hangs on. Its users are connections: the kernel closes one when its program ends,
 * whatever it ends of, and with the last of them the keeper takes everything down and ends. Whoever starts it holds its
 * standard input until it has connected.
 *
 * `flock` has put the folder's lock into this process, so there is one at most, and the kernel unlocks it. The daemon and
 * what it starts are in a mount namespace of their own, so mounts vanish with the last process of the engine.
 *
 * Usage: node keeper.js PLAN, which is JSON.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { appendFileSync, chmodSync, closeSync, openSync, readFileSync, truncateSync, writeFileSync } from "node:fs"
import { lstat, mkdir, rename, rm, symlink } from "node:fs/promises"
import * as Net from "node:net"
import { delimiter, dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import * as Leftovers from "./leftovers.ts"
import * as Places from "./place.ts"
import { enclose, type Plan, type Said, toml } from "./plan.ts"

const plan: Plan = JSON.parse(process.argv[2] ?? "{}")
const log = Places.log(plan.folder)
const users = new Set<object>()
const connections = new Set<Net.Socket>()
let said: Said | undefined
let daemon: ChildProcess | undefined
let stopping = false

const note = (error: unknown): void => {
  try {
    appendFileSync(log, `keeper: ${error instanceof Error ? error.message : String(error)}\n`)
  } catch {
    // A full disk: there is nowhere else to say it.
  }
}

const lastLines = (): string => {
  try {
    return readFileSync(log, "utf8").trim().split("\n").slice(-5).join("\n")
  } catch {
    return ""
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// users
// ---------------------------------------------------------------------------------------------------------------------

const tell = (socket: Net.Socket, what: Said) => void socket.write(`${JSON.stringify(what)}\n`)

const announce = (what: Said): void => {
  said = what
  for (const socket of connections) tell(socket, what)
}

const leave = (user: object): void => {
  users.delete(user)
  if (users.size === 0) void stop(0)
}

// Half open: a user that leaves is told, by the end of the connection, that it may go.
const server = Net.createServer({ allowHalfOpen: true }, (socket) => {
  users.add(socket)
  connections.add(socket)
  socket.on("error", () => undefined)
  socket.once("end", () => {
    leave(socket)
    if (!stopping) socket.end()
  })
  socket.once("close", () => {
    connections.delete(socket)
    leave(socket)
  })
  socket.resume()
  if (said !== undefined) tell(socket, said)
})

const listen = (path: string) =>
  new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(path, resolve)
  })

// ---------------------------------------------------------------------------------------------------------------------
// the daemon
// ---------------------------------------------------------------------------------------------------------------------

const accepts = (path: string) =>
  new Promise<boolean>((resolve) => {
    const socket = Net.connect({ path })
    socket.once("error", () => resolve(false))
    socket.once("connect", () => {
      socket.destroy()
      resolve(true)
    })
  })

/** It accepts connections when it has loaded everything. */
const startDaemon = async (): Promise<void> => {
  if (stopping) return
  const began = Date.now()
  const output = openSync(log, "a", 0o600)
  const inside = ["sh", "-c", enclose, join(plan.runtime, "run"), plan.containerd]
  const [command = "", ...args] = [...plan.enter, ...inside, "--config", Places.settings(plan.runtime)]
  const child = spawn(command, [...args, "--log-level", "warn"], {
    cwd: "/",
    env: { ...process.env, PATH: [join(plan.runtime, "bin"), dirname(plan.containerd), plan.path].join(delimiter) },
    stdio: ["ignore", output, output]
  })
  closeSync(output)
  daemon = child
  let ended: string | undefined
  child.once("error", (error) => {
    ended = error.message
  })
  child.once("exit", (code, signal) => {
    ended = `containerd ended (${signal ?? code})`
  })
  while (!(await accepts(Places.engine(plan.runtime)))) {
    if (stopping) return
    if (ended !== undefined) throw new Error(`${ended}\n${lastLines()}`.trim())
    if (Date.now() - began > plan.patience) throw new Error(`containerd does not answer\n${lastLines()}`.trim())
    await sleep(5)
  }
  announce({ is: "ready", socket: Places.engine(plan.runtime), started: began })
  const ready = Date.now()
  const again = (): void => {
    if (stopping) return
    note(ended)
    // Containers run on without it, so it is worth another try; not when it can do nothing but fall.
    if (Date.now() - ready < 1000) return void fail(new Error(`${ended}\n${lastLines()}`))
    said = undefined
    startDaemon().catch(fail)
  }
  if (ended === undefined) child.once("exit", again)
  else again()
}

const stopDaemon = async (child: ChildProcess): Promise<void> => {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exit = new Promise((resolve) => child.once("exit", resolve))
  try {
    Leftovers.terminate(plan)
  } catch (error) {
    note(error)
    // It cannot be looked for: then it is asked by way of who started it.
    child.kill("SIGTERM")
  }
  await Promise.race([exit, sleep(2000)])
  child.kill("SIGKILL")
  await exit
}

// ---------------------------------------------------------------------------------------------------------------------
// life
// ---------------------------------------------------------------------------------------------------------------------

const stop = async (code: number): Promise<void> => {
  if (stopping) return
  stopping = true
  try {
    // Whoever comes now finds nobody, and starts the next keeper as soon as this one is gone.
    server.close()
    await starting.catch(() => undefined)
    if (daemon !== undefined) await stopDaemon(daemon)
    await Leftovers.clear(plan)
    await rm(Places.pointer(plan.folder), { force: true })
  } catch (error) {
    note(error)
    process.exit(1)
  }
  process.exit(code)
}

const fail = (error: unknown): void => {
  note(error)
  announce({ is: "failed", message: error instanceof Error ? error.message : String(error) })
  void stop(1)
}

/** Ours alone, even in a folder that anybody may write to. */
const own = async (path: string): Promise<void> => {
  await mkdir(path, { recursive: true, mode: 0o700 })
  const stat = await lstat(path)
  if (!stat.isDirectory() || stat.uid !== process.getuid?.()) throw new Error(`${path} belongs to somebody else`)
  chmodSync(path, 0o700)
}

/** Where the keeper before this one had its sockets, if it was killed. */
const former = (): string | undefined => {
  try {
    const { runtime } = JSON.parse(readFileSync(Places.pointer(plan.folder), "utf8"))
    return typeof runtime === "string" && runtime.endsWith(`/${plan.id}`) ? runtime : undefined
  } catch {
    return undefined
  }
}

const prepare = async (): Promise<void> => {
  await mkdir(join(plan.runtime, "bin"))
  await mkdir(join(plan.runtime, "run"))
  if (plan.runc !== undefined) await symlink(plan.runc, join(plan.runtime, "bin", "runc"))
  writeFileSync(Places.settings(plan.runtime), toml(plan))
}

const start = async (): Promise<void> => {
  const before = former()
  if (before !== undefined) await Leftovers.clear({ ...plan, runtime: before })
  if (before !== plan.runtime) await Leftovers.clear(plan)
  if (plan.sweep || stopping) return
  await own(dirname(plan.runtime))
  await own(plan.runtime)
  await listen(Places.keeper(plan.runtime))
  writeFileSync(`${Places.pointer(plan.folder)}.new`, JSON.stringify({ runtime: plan.runtime }))
  await rename(`${Places.pointer(plan.folder)}.new`, Places.pointer(plan.folder))
  truncateSync(log)
  await prepare()
  await startDaemon()
}

for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined)
process.on("SIGTERM", () => void stop(0))
process.on("uncaughtException", fail)
users.add(process.stdin)
for (const event of ["end", "error", "close"]) process.stdin.once(event, () => leave(process.stdin))
process.stdin.resume()

const starting = start()
starting.then(() => plan.sweep ? stop(0) : undefined, fail)
