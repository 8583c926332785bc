/**
 * Starts container engines and registries for as long as somebody needs them.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { existsSync, mkdtempSync } from "node:fs"
import { rm } from "node:fs/promises"
import { request } from "node:http"
import { homedir, tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import type { ForClient } from "./containerd.ts"
import { cannotStart, EnginesError, runFolder, script, suite } from "./home.ts"
import type { Said, Told } from "./keeper.ts"
import type { Node } from "./swarm.ts"
import { commonSuite, names, row } from "./table.ts"
import { variable } from "./variables.ts"

export interface Engine {
  /** Where it is spoken to, as DOCKER_HOST has it. */
  readonly host: string
  /** Where its published ports are reached. */
  readonly address: string
  /** Of a containerd that was started here. */
  readonly client?: ForClient | undefined
  /** Of a Swarm: its machines. The first is the one that is spoken to. */
  readonly nodes?: ReadonlyArray<Node> | undefined
  /** Of one without root, its user's home. */
  readonly home?: string | undefined
}

export interface Engines {
  /** By the name that was asked for. */
  readonly engines: Readonly<Record<string, Engine>>
  /** `host:port` of each registry, the same from here and from the engines started with it. */
  readonly registries: Readonly<Record<string, string>>
  /** Of each registry that speaks TLS, the file of the certificate authority to trust, in PEM. */
  readonly authorities: Readonly<Record<string, string>>
  /** The address at which those engines reach a server of this machine, or `127.0.0.1` for an engine already there. */
  readonly machine: string
  /** Process id of what holds it all, for `down`. */
  readonly keeper: number | undefined
  /** A folder for files that are to go with it all, even if this process is killed. */
  readonly folder: string
  /** Takes everything down that was started, and returns when it is gone. */
  readonly stop: () => Promise<void>
  /** Cuts a node's power or its cable, or puts it in again, a moment later. Only of what was started here. */
  readonly tell: (told: Told) => void
}

const addressOf = (host: string) => /^tcp:\/\/\[?([^\]/]+?)\]?(?::\d+)?(?:\/|$)/.exec(host)?.[1] ?? "127.0.0.1"

const isDocker = (socketPath: string) =>
  new Promise<boolean>((done) => {
    const asked = request({ socketPath, path: "/_ping", timeout: 2000 }, (response) => {
      response.resume()
      done(response.statusCode === 200)
    })
    asked.once("timeout", () => asked.destroy())
    asked.once("error", () => done(false))
    asked.end()
  })

/** The engine that this machine has already, where a private one cannot be started. */
const engineOfMachine = async (why: string): Promise<Engine> => {
  const host = process.env["DOCKER_HOST"]
  if (host !== undefined && host !== "") return { host, address: addressOf(host) }
  const runtime = process.env["XDG_RUNTIME_DIR"] ?? `/run/user/${process.getuid?.() ?? 0}`
  const sockets = [
    "/var/run/docker.sock",
    join(runtime, "docker.sock"),
    join(homedir(), ".docker/run/docker.sock"),
    join(homedir(), ".colima/default/docker.sock"),
    join(runtime, "podman/podman.sock"),
    "/run/podman/podman.sock"
  ]
  for (const socket of sockets) {
    if (existsSync(socket) && await isDocker(socket)) return { host: `unix://${socket}`, address: "127.0.0.1" }
  }
  throw new EnginesError(
    `No container engine: a private one needs Debian and root (here, ${why}), and none answers at DOCKER_HOST or a usual socket.\n`
      + "Install Docker or Podman and start it, or name one that runs in DOCKER_HOST."
  )
}

/**
 * Starts what `wanted` names (`docker`, `containerd17`, `registry`, ..., see `table.ts`), returns when all of it answers.
 *
 * Each call has engines of its own, on a private network. What `EFFECT_CONTAINERS_TEST_<NAME>` names is taken from there
 * and not started. They are gone when `stop` is called or this process ends, however it ends; with `keep` they stay.
 * Rejects with an {@link EnginesError} that says in a sentence or two what is missing.
 */
export const start = async (
  wanted: ReadonlyArray<string>,
  options?: { readonly keep?: string | undefined }
): Promise<Engines> => {
  const engines: Record<string, Engine> = {}
  const registries: Record<string, string> = {}
  const authorities: Record<string, string> = {}
  const missing: Array<string> = []
  const why = cannotStart()
  for (const name of new Set(wanted)) {
    const kind = row(name)?.kind
    const given = process.env[variable(name)]
    if (kind === undefined) throw new EnginesError(`No engine is called ${name}: there are ${names.join(", ")}.`)
    if (given !== undefined && given !== "") {
      if (kind === "registry") {
        registries[name] = given
        const ca = process.env[variable(`${name}-ca`)]
        if (ca !== undefined) authorities[name] = ca
      } else engines[name] = { host: given, address: process.env[variable(`${name}-address`)] ?? addressOf(given) }
    } else if (name === "docker" && why !== undefined) engines[name] = await engineOfMachine(why)
    else missing.push(name)
  }
  let machine = process.env[variable("machine")] ?? "127.0.0.1"
  if (missing.length === 0) {
    const folder = mkdtempSync(join(tmpdir(), "effect-containers-"))
    const stop = () => rm(folder, { recursive: true, force: true })
    return { engines, registries, authorities, machine, keeper: undefined, folder, stop, tell: () => {} }
  }

  const instance = options?.keep ?? randomBytes(3).toString("hex")
  const hold = options?.keep === undefined
  if (!hold && why === undefined) {
    for (const name of missing) await suite(row(name)?.suite ?? commonSuite, row(name)?.kind)
    await suite(commonSuite)
  }
  // One that stays must not hold on to this process's terminal, or to a pipe whose reader waits for its end.
  const child: ChildProcess = spawn(process.execPath, [
    script("keeper.ts"),
    hold ? "hold" : "keep",
    instance,
    ...missing
  ], { cwd: "/", detached: true, stdio: [hold ? "pipe" : "ignore", "pipe", hold ? "inherit" : "ignore"] })
  const exited = once(child, "exit")
  const stop = async () => {
    child.ref()
    child.kill("SIGTERM")
    await exited
  }
  let failure = "the engines' keeper ended without a word"
  let ready = false
  for await (const line of createInterface({ input: child.stdout ?? process.stdin })) {
    const said = JSON.parse(line) as Said
    if (said.is === "network") machine = said.host
    else if (said.is === "engine") {
      const { address, client, home, name, nodes, socket } = said
      engines[name] = { host: `unix://${socket}`, address, client, home, nodes }
    } else if (said.is === "registry") {
      registries[said.name] = said.address
      if (said.ca !== undefined) authorities[said.name] = said.ca
    } else if (said.is === "failed") failure = said.message
    else ready = true
    if (ready) break
  }
  if (!ready) {
    await exited
    throw new EnginesError(failure)
  }
  child.stdout?.destroy()
  // The pipe stays open without keeping this process alive: that it closes is what tells the keeper.
  child.unref()
  if (child.stdin !== null && "unref" in child.stdin && typeof child.stdin.unref === "function") child.stdin.unref()
  const own = join(runFolder(), instance)
  const tell = (told: Told) => void child.stdin?.write(`${JSON.stringify(told)}\n`)
  return { engines, registries, authorities, machine, keeper: child.pid, folder: own, stop, tell }
}

/** Gives an engine the images of an archive. Rejects with what it says when it does not take them. */
export const load = ({ host }: Engine, archive: Uint8Array): Promise<void> =>
  new Promise((done, fail) => {
    const where = host.startsWith("unix://")
      ? { socketPath: host.slice("unix://".length) }
      : { host: addressOf(host), port: Number(/:(\d+)\/?$/.exec(host)?.[1] ?? 2375) }
    const asked = request({
      ...where,
      method: "POST",
      path: "/images/load?quiet=1",
      headers: { "content-type": "application/x-tar", "content-length": archive.byteLength }
    }, (response) => {
      const said: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => said.push(chunk))
      response.once("error", fail)
      response.once("end", () => {
        const text = Buffer.concat(said).toString()
        // An engine that fails on the way says so inside a response that began well.
        if (response.statusCode === 200 && !text.includes("errorDetail")) return done()
        fail(new EnginesError(`the engine does not take the image: ${response.statusCode} ${text.trim()}`))
      })
    })
    asked.once("error", fail)
    asked.end(archive)
  })
