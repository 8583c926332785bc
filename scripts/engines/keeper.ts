/**
 * The process that engines hang on. `start.ts` runs it, talks to it in lines of JSON, and holds its standard input: when
 * that closes, be it because the test run has ended, was interrupted or killed, the keeper takes everything down and
 * ends. Should the keeper itself be killed, the kernel kills the engines with it (`setpriv --pdeathsig`), and with their
 * last process go their mounts, networks and containers; what remains, folders, empty cgroups and the containers of a
 * containerd, is removed by the next start.
 *
 * Usage: node keeper.ts hold|keep INSTANCE NAME..., where `keep` does not look at standard input: SIGTERM ends it.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs"
import { rm, writeFile } from "node:fs/promises"
import { request } from "node:http"
import { connect, type NetConnectOpts } from "node:net"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { certify } from "./authority.ts"
import { onMachine, removeBridges } from "./bridges.ts"
import { type ForClient, prepareContainerd } from "./containerd.ts"
import { cannotStart, EnginesError, runFolder, script, suite } from "./home.ts"
import { removeAll, removeCgroups, startTime, sweep } from "./left.ts"
import { endContainers } from "./orphans.ts"
import { preparePodman } from "./podman.ts"
import { form, type Node } from "./swarm.ts"
import { commonSuite, type Containerd, type Networked, type Row, row, type Swarm } from "./table.ts"
import * as User from "./user.ts"

/** What the keeper says on standard output, a line each. */
export type Said =
  | { readonly is: "network"; readonly host: string }
  | {
    readonly is: "engine"
    readonly name: string
    readonly socket: string
    readonly address: string
    readonly client?: ForClient
    readonly nodes?: ReadonlyArray<Node>
    readonly home?: string
  }
  | { readonly is: "registry"; readonly name: string; readonly address: string; readonly ca?: string }
  | { readonly is: "ready" }
  | { readonly is: "failed"; readonly message: string }

/** How long a program that was started may take until it answers, in milliseconds. */
const patience = 30_000

const [until, instance = "", ...wanted] = process.argv.slice(2)
const folder = join(runFolder(), instance)
const children = new Map<string, ChildProcess>()
let stopping = false
/** The folder, and with it all that goes by the instance's name, is another keeper's unless this one has made it. */
let mine = false

const say = (said: Said) => process.stdout.write(`${JSON.stringify(said)}\n`)

const lastLines = (log: string): string => {
  try {
    return readFileSync(log, "utf8").trim().split("\n").slice(-3).join("\n")
  } catch {
    return ""
  }
}

/** Starts a program that dies with this process, whatever this process dies of. */
const launch = (name: string, command: ReadonlyArray<string>, output: "pipe" | number): ChildProcess => {
  const log = openSync(join(folder, name, "log"), "a")
  const child = spawn("setpriv", ["--pdeathsig", "KILL", ...command], {
    cwd: "/",
    detached: true,
    stdio: ["ignore", output === "pipe" ? "pipe" : log, log]
  })
  closeSync(log)
  children.set(name, child)
  child.once("error", (error) => process.stderr.write(`engines: ${name}: ${error.message}\n`))
  child.once("exit", (code, signal) => {
    children.delete(name)
    if (stopping || cut.has(name)) return
    process.stderr.write(`engines: ${name} ended (${signal ?? code})\n${lastLines(join(folder, name, "log"))}\n`)
  })
  return child
}

/** What is told on standard input, a line each: a node's power or its cable is cut, or put in again. */
export interface Told {
  readonly node: string
  readonly what: "power" | "cable"
  readonly on: boolean
}

/** How each is started again. */
const again = new Map<string, () => Promise<void>>()
/** Those whose power was cut. */
const cut = new Set<string>()

const obey = async ({ node, on, what }: Told): Promise<void> => {
  if (what === "cable") {
    const link = ["ip", "link", "set", node, on ? "up" : "down"]
    await onMachine("nsenter", "--target", String(children.get("network")?.pid), "--net", ...link)
  } else if (on) {
    cut.delete(node)
    await again.get(node)?.()
  } else {
    cut.add(node)
    children.get(node)?.kill("SIGKILL")
  }
}

const answers = (ask: () => Promise<boolean>) => async (name: string): Promise<void> => {
  const end = Date.now() + patience
  while (!(await ask())) {
    const log = lastLines(join(folder, name, "log"))
    if (!children.has(name)) throw new EnginesError(`${name} ended at its start\n${log}`)
    if (Date.now() > end) throw new EnginesError(`${name} does not answer\n${log}`)
    await sleep(25)
  }
}

const pinged = (socketPath: string) => () =>
  new Promise<boolean>((done) => {
    const asked = request({ socketPath, path: "/_ping", timeout: 2000 }, (response) => {
      response.resume()
      done(response.statusCode === 200)
    })
    asked.once("timeout", () => asked.destroy())
    asked.once("error", () => done(false))
    asked.end()
  })

const connected = (where: NetConnectOpts) => () =>
  new Promise<boolean>((done) => {
    const socket = connect({ ...where, timeout: 2000 })
    socket.once("connect", () => done(true))
    socket.once("timeout", () => socket.destroy())
    socket.once("close", () => done(false))
    socket.once("error", () => done(false))
    socket.once("connect", () => socket.destroy())
  })

interface Network {
  /** The switch's process. */
  readonly pid: number
  readonly address: (host: number) => string
}

const network = async (): Promise<Network> => {
  const command = ["unshare", "--net", "--mount", "--propagation", "private", "bash", script("inside.sh"), "network"]
  mkdirSync(join(folder, "network"))
  const child = launch("network", [...command, String(process.pid), await suite(commonSuite)], "pipe")
  let said = ""
  for await (const chunk of child.stdout ?? []) {
    said += String(chunk)
    if (said.includes("\n")) break
  }
  const number = Number.parseInt(said, 10)
  if (child.pid === undefined || Number.isNaN(number)) {
    throw new EnginesError(`no private network: ${lastLines(join(folder, "network", "log"))}`)
  }
  return { pid: child.pid, address: (host) => `203.0.113.${number * 16 + host}` }
}

/** What a daemon is started with that speaks Docker's API at this socket. */
const daemonOf = async (
  name: string,
  is: Networked,
  { insecure, own, socket }: { readonly own: string; readonly socket: string; readonly insecure: string }
): Promise<ReadonlyArray<string>> => {
  if (is.kind === "podman") {
    return preparePodman(own, socket, is.rootless === true ? { cgroup: `efc-${instance}-${name}` } : undefined)
  }
  const config = join(own, "daemon.json")
  writeFileSync(
    config,
    JSON.stringify({
      // After the usual five it has waited for a minute: long for a test of a registry that never gets on.
      "max-download-attempts": 2,
      ...is.kind === "buildkit" ? { features: { "containerd-snapshotter": true } } : {}
    })
  )
  return [
    ["docker-init", "--", "dockerd", "--host", `unix://${socket}`, "--data-root", join(own, "data")],
    ["--exec-root", join(own, "exec"), "--pidfile", join(own, "pid"), "--cgroup-parent", `/efc-${instance}-${name}`],
    ["--insecure-registry", `${insecure}/32`, "--config-file", config]
  ].flat()
}

/** Where an engine has its things; what it says goes to the folder of its name in any case. */
const placeOf = (name: string, is: Row): { readonly own: string; readonly home: { readonly home?: string } } => {
  const own = join(folder, name)
  mkdirSync(own)
  if (is.rootless !== true) return { own, home: {} }
  const home = User.makeHome(instance, name)
  return { own: home, home: { home } }
}

const runDocker = async (name: string, is: Networked, lan: Network): Promise<Node & { readonly home?: string }> => {
  const tree = await suite(is.suite, is.kind)
  const { home, own } = placeOf(name, is)
  const socket = join(own, "docker.sock")
  const address = lan.address(is.host)
  const daemon = await daemonOf(name, is, { own, socket, insecure: lan.address(1) })
  const inside = ["bash", script("inside.sh"), "join", String(lan.pid), `${address}/28`, tree, name, ...daemon]
  const certs = `EFC_CERTS=${join(folder, "certs.d")}`
  const begin = async () => {
    launch(name, ["env", certs, "unshare", "--net", "--mount", "--propagation", "private", ...inside], 0)
    await answers(pinged(socket))(name)
  }
  await begin()
  again.set(name, async () => {
    // Its next life has the same numbers of processes.
    await Promise.all(["pid", "exec/containerd/containerd.pid"].map((file) => rm(join(own, file), { force: true })))
    await begin()
  })
  return { name, socket, address, ...home }
}

const startDocker = async (name: string, is: Networked, lan: Network): Promise<void> => {
  say({ is: "engine", ...await runDocker(name, is, lan) })
}

const startSwarm = async (name: string, { hosts, managers, suite }: Swarm, lan: Network): Promise<void> => {
  const nodes = await Promise.all(
    hosts.map((host, index) => runDocker(`${name}-${index + 1}`, { kind: "docker", suite, host }, lan))
  )
  await form(nodes, managers)
  const [{ address, socket } = { address: "", socket: "" }] = nodes
  say({ is: "engine", name, socket, address, nodes })
}

/** It accepts connections when it has loaded everything; its clients ask for its health anyway. */
const startContainerd = async (name: string, is: Containerd): Promise<void> => {
  const { home, own } = placeOf(name, is)
  const tree = await suite(is.suite)
  const { client, command, socket } = await prepareContainerd(own, tree, instance, name, is.rootless)
  launch(name, command, 0)
  await answers(connected({ path: socket }))(name)
  say({ is: "engine", name, socket, address: "127.0.0.1", client, ...home })
}

/** By what they want; the same in every network. */
const ports: Readonly<Record<string, number>> = { registry: 5000, "registry-auth": 5001, "registry-tls": 5002 }

const startRegistry = async (name: string, is: Networked, lan: Network | undefined): Promise<void> => {
  const tree = await suite(commonSuite)
  const own = join(folder, name)
  const host = lan === undefined ? "127.0.0.1" : lan.address(is.host)
  const port = (ports[name] ?? 0) + (lan === undefined ? 10_000 + process.pid % 10_000 : 0)
  mkdirSync(join(own, "data"), { recursive: true })
  const certified = name === "registry-tls" ? await certify(join(own, "tls"), host, tree) : undefined
  if (certified !== undefined) {
    const trusted = join(folder, "certs.d", `${host}:${port}`)
    mkdirSync(trusted)
    copyFileSync(certified.ca, join(trusted, "ca.crt"))
  }
  // bcrypt of "secret": the one kind that the registry takes. It guards nothing but a test's own registry.
  const hash = "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"
  await writeFile(join(own, "htpasswd"), `user:${hash}\n`)
  const config = {
    version: "0.1",
    log: { level: "warn" },
    storage: { filesystem: { rootdirectory: join(own, "data") }, delete: { enabled: true } },
    http: {
      addr: `${host}:${port}`,
      secret: instance,
      ...certified === undefined ? {} : { tls: { certificate: certified.certificate, key: certified.key } }
    },
    ...name === "registry-auth" ? { auth: { htpasswd: { realm: "test", path: join(own, "htpasswd") } } } : {}
  }
  await writeFile(join(own, "config.json"), JSON.stringify(config))
  const serve = ["docker-registry", "serve", join(own, "config.json")]
  const command = lan === undefined
    ? [join(tree, "usr/bin/docker-registry"), ...serve.slice(1)]
    : ["unshare", "--mount", "--propagation", "private", "bash", script("inside.sh"), "programs", tree, ...serve]
  launch(name, command, 0)
  await answers(connected({ host, port }))(name)
  say({ is: "registry", name, address: `${host}:${port}`, ...certified === undefined ? {} : { ca: certified.ca } })
}

const clear = async (): Promise<void> => {
  await endContainers(instance)
  await removeBridges(instance).catch((error: unknown) => process.stderr.write(`engines: ${String(error)}\n`))
  for (let tries = 0; tries < 40; tries++) {
    const cgroups = await removeCgroups(instance)
    const files = await removeAll(instance).then(() => true, () => false)
    if (cgroups && files) break
    await sleep(50)
  }
}

const stop = async (code: number): Promise<void> => {
  if (stopping) return
  stopping = true
  const ended = [...children.values()].map((child) => once(child, "exit"))
  // No farewell: their data goes anyway, and the death of a namespace's first process takes all of it along.
  for (const child of children.values()) child.kill("SIGKILL")
  await Promise.all(ended)
  if (mine) await clear()
  process.exit(code)
}

const start = async (): Promise<void> => {
  await sweep()
  if (stopping) return
  if (existsSync(folder)) throw new EnginesError(`${folder} is in use; if no process of it runs, remove it`)
  mkdirSync(join(folder, "certs.d"), { recursive: true })
  mine = true
  writeFileSync(join(folder, "keeper"), `${process.pid} ${startTime(process.pid)}`)
  const engines = wanted.filter((name) => row(name)?.kind !== "registry")
  const cannot = cannotStart()
  if (engines.length > 0 && cannot !== undefined) {
    throw new EnginesError(`${engines.join(", ")} cannot be started on this machine: ${cannot}`)
  }
  const lan = cannot === undefined ? await network() : undefined
  if (lan !== undefined) say({ is: "network", host: lan.address(1) })
  await Promise.all(wanted.map((name) => {
    const is = row(name)
    if (is === undefined) throw new EnginesError(`no engine is called ${name}`)
    if (is.kind === "containerd") return startContainerd(name, is)
    if (is.kind === "registry") return startRegistry(name, is, lan)
    if (lan === undefined) throw new EnginesError(`${name} needs a private network`)
    return is.kind === "swarm" ? startSwarm(name, is, lan) : startDocker(name, is, lan)
  }))
  say({ is: "ready" })
}

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => void stop(0))
// Whoever reads may be gone already; that is no reason to leave engines behind.
process.stdout.on("error", () => undefined)
process.stderr.on("error", () => undefined)
if (until !== "keep") {
  process.stdin.on("error", () => void stop(0))
  process.stdin.once("end", () => void stop(0))
  createInterface({ input: process.stdin }).on("line", (line) => {
    obey(JSON.parse(line) as Told).catch((error: unknown) => process.stderr.write(`engines: ${String(error)}\n`))
  })
}

start().catch((error: unknown) => {
  if (stopping) return
  say({ is: "failed", message: error instanceof Error ? error.message : String(error) })
  return stop(1)
})
