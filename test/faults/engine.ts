/**
 * Engines of a test's own, which it may kill: the suite's shared ones must live.
 */
import { Data, Effect, Layer, type Scope } from "effect"
import type { Backend } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"
import * as Docker from "effect-containers/layers/Docker"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdir, readFile, rm, statfs, writeFile } from "node:fs/promises"
import { request } from "node:http"
import { connect } from "node:net"
import { join } from "node:path"
import { createInterface, type Interface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { some } from "../../scripts/engines/chosen.ts"
import { prepareContainerd } from "../../scripts/engines/containerd.ts"
import { runFolder, script, suite } from "../../scripts/engines/home.ts"
import { archive, makeImage } from "../../scripts/engines/image.ts"
import { removeCgroups, startTime, sweep } from "../../scripts/engines/left.ts"
import { endContainers } from "../../scripts/engines/orphans.ts"
import { commonSuite, row } from "../../scripts/engines/table.ts"

export class NoEngine extends Data.TaggedError("NoEngine")<{ readonly cause: unknown }> {}

export interface Options {
  /** Keep what the engine stores on a disk of this size, in MiB. Default: with everything else. */
  readonly disk?: number | undefined
  /** A dockerd's daemon.json. */
  readonly daemon?: object | undefined
}

/** A disk that can be filled. */
export interface Disk {
  /** Leaves this many bytes free. */
  readonly fill: (free: number) => Effect.Effect<void>
  readonly clear: Effect.Effect<void>
}

/** How a program of its own reaches it. */
export type Connection =
  | { readonly kind: "docker"; readonly config: Docker.DockerConfig }
  | { readonly kind: "containerd"; readonly config: Containerd.ContainerdConfig }

export interface Restartable {
  readonly name: string
  readonly kind: "docker" | "containerd"
  readonly layer: Layer.Layer<Backend.Backend>
  readonly connection: Connection
  /** Kills the daemon as the kernel would. Containers run on. */
  readonly kill: Effect.Effect<void>
  /** Stops it where it is: it takes connections and answers nothing, until it is killed. */
  readonly freeze: Effect.Effect<void>
  /** Starts it again and waits until it answers. */
  readonly start: Effect.Effect<void>
  /** Archive of `busybox:test`. */
  readonly image: Uint8Array
  /** The address at which it reaches a server of this machine. */
  readonly machine: string
  readonly disk: Disk
}

/** As a containerd's own client sees it. */
export interface Engine extends Restartable {
  readonly config: Containerd.ContainerdConfig & { readonly address: string; readonly namespace: string }
}

const connects = (path: string): Promise<boolean> =>
  new Promise((done) => {
    const socket = connect({ path })
    socket.once("connect", () => {
      socket.destroy()
      done(true)
    })
    socket.once("error", () => done(false))
  })

const pings = (socketPath: string): Promise<boolean> =>
  new Promise((done) => {
    const asked = request({ socketPath, path: "/_ping", timeout: 2000, agent: false }, (response) => {
      response.resume()
      response.once("end", () => done(response.statusCode === 200))
    })
    asked.once("timeout", () => asked.destroy())
    asked.once("error", () => done(false))
    asked.end()
  })

const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
  for (const begun = performance.now(); performance.now() - begun < 60_000;) {
    if (await holds()) return
    await sleep(25)
  }
  throw new Error(`${what} does not answer`)
}

/** One mount namespace for all its lives: what its shims have mounted stays to be seen. */
const lives = `
  if [ -n "$DISK" ]; then mkdir -p "$PLACE" && mount -t tmpfs -o "size=$DISK" tmpfs "$PLACE" || exit 1; fi
  while read -r word; do
    case $word in
      start) "$@" </dev/null >>"$LOG" 2>&1 & daemon=$! ;;
      freeze) kill -STOP $daemon; echo frozen ;;
      kill) kill -KILL $daemon; wait $daemon; echo dead ;;
    esac
  done 2>/dev/null`

const dies = ["setpriv", "--pdeathsig", "KILL"]

/** The daemon's command with what it has to be run by: `wrap` is that, `place` where it stores things. */
interface Plan {
  readonly wrap: ReadonlyArray<string>
  readonly daemon: ReadonlyArray<string>
  readonly place: string
  readonly own: string
  readonly answers: () => Promise<boolean>
}

class Daemon {
  readonly child: ChildProcess
  private readonly plan: Plan
  private readonly lines: Interface
  private readonly exited: Promise<unknown>

  constructor(plan: Plan, disk: number | undefined) {
    this.plan = plan
    const loop = [...dies, ...plan.wrap, "sh", "-c", lives, "sh", ...plan.daemon]
    this.child = spawn(loop[0] ?? "", loop.slice(1), {
      cwd: "/",
      stdio: ["pipe", "pipe", "ignore"],
      env: {
        ...process.env,
        DISK: disk === undefined ? "" : `${disk}m`,
        PLACE: plan.place,
        LOG: join(plan.own, "log")
      }
    })
    this.exited = once(this.child, "exit")
    this.child.stdin?.on("error", () => {})
    this.lines = createInterface({ input: this.child.stdout ?? process.stdin })
  }

  private async say(word: string, answer?: string): Promise<void> {
    const answered = answer === undefined ? undefined : once(this.lines, "line")
    this.child.stdin?.write(`${word}\n`)
    await answered
  }

  freeze = () => this.say("freeze", "frozen")
  kill = () => this.say("kill", "dead")

  start = async () => {
    await this.say("start")
    await until(this.plan.own, async () => {
      if (this.child.exitCode !== null) throw new Error(await readFile(join(this.plan.own, "log"), "utf8"))
      return this.plan.answers()
    })
  }

  /** What it stores, seen from outside its mount namespace. */
  get place(): string {
    return `/proc/${this.child.pid}/root${this.plan.place}`
  }

  end = async () => {
    this.child.kill("SIGKILL")
    await this.exited
  }
}

const diskOf = (daemon: Daemon): Disk => {
  const ballast = () => join(daemon.place, "ballast")
  return {
    fill: (free) =>
      Effect.promise(async () => {
        const { bavail, bsize } = await statfs(daemon.place)
        await writeFile(ballast(), Buffer.alloc(Math.max(0, bavail * bsize - free)))
      }),
    clear: Effect.promise(() => rm(ballast(), { force: true }))
  }
}

let count = 0

const ownFolder = async (name: string) => {
  await sweep()
  const instance = `t${process.pid.toString(36)}${(count++).toString(36)}`
  const folder = join(runFolder(), instance)
  const own = join(folder, name)
  await mkdir(own, { recursive: true })
  // Should this process die, the next start of engines removes what is left.
  await writeFile(join(folder, "keeper"), `${process.pid} ${startTime(process.pid)}`)
  const clear = async () => {
    await endContainers(instance)
    for (let tries = 0; tries < 40; tries++) {
      if (await removeCgroups(instance) && await rm(folder, { recursive: true }).then(() => true, () => false)) return
      await sleep(50)
    }
  }
  return { instance, folder, own, clear }
}

const running = async <A extends object>(
  name: string,
  kind: Restartable["kind"],
  daemon: Daemon,
  rest: A,
  stop: () => Promise<void>
) => {
  try {
    await daemon.start()
    return {
      name,
      kind,
      start: Effect.promise(daemon.start),
      kill: Effect.promise(daemon.kill),
      freeze: Effect.promise(daemon.freeze),
      disk: diskOf(daemon),
      image: archive(await makeImage(), ["busybox:test"]),
      stop,
      ...rest
    }
  } catch (error) {
    await stop()
    throw error
  }
}

const beginContainerd = async (name: string, { disk }: Options) => {
  const is = row(name)
  if (is?.kind !== "containerd") throw new Error(`${name} is no containerd`)
  const { clear, instance, own } = await ownFolder(name)
  const { client, command, socket } = await prepareContainerd(own, await suite(is.suite), instance, name)
  const at = command.indexOf("containerd")
  const daemon = new Daemon({
    wrap: command.slice(0, at),
    daemon: [...dies, ...command.slice(at)],
    place: join(own, "root"),
    own,
    answers: () => connects(socket)
  }, disk)
  const config = { address: socket, namespace: client.namespace, folder: client.folder, network: "none" as const }
  const layer = Layer.orDie(Containerd.layer({ ...config, connectTimeout: 60_000 }))
  return running(
    name,
    "containerd",
    daemon,
    {
      config,
      layer,
      connection: { kind: "containerd", config },
      machine: "127.0.0.1"
    } as const,
    async () => {
      await daemon.end()
      await clear()
    }
  )
}

/** A switch for its network, as the engines of the suite have one: this machine is at the first address. */
const network = async (tree: string) => {
  const isolated = [...dies, "unshare", "--net", "--mount", "--propagation", "private"]
  const inside = ["bash", script("inside.sh"), "network", String(process.pid), tree]
  const child = spawn("setpriv", [...isolated.slice(1), ...inside], { cwd: "/", stdio: ["ignore", "pipe", "ignore"] })
  const exited = once(child, "exit")
  const end = async () => {
    child.kill("SIGKILL")
    await exited
  }
  const [said] = await Promise.race([once(child.stdout, "data"), exited])
  const number = Number.parseInt(String(said), 10)
  if (child.pid === undefined || Number.isNaN(number) || child.exitCode !== null) throw new Error("no private network")
  return { pid: child.pid, end, address: (host: number) => `203.0.113.${number * 16 + host}` }
}

const beginDocker = async (name: string, { daemon: settings = {}, disk }: Options) => {
  const is = row(name)
  if (is?.kind !== "docker") throw new Error(`${name} is no dockerd`)
  const { clear, instance, own } = await ownFolder(name)
  const lan = await network(await suite(commonSuite))
  const socket = join(own, "docker.sock")
  const place = join(own, "data")
  await writeFile(join(own, "daemon.json"), JSON.stringify(settings))
  const daemon = new Daemon({
    wrap: [
      ["unshare", "--net", "--mount", "--propagation", "private", "bash", script("inside.sh"), "join"],
      [String(lan.pid), `${lan.address(is.host)}/28`, await suite(is.suite, is.kind), name, "docker-init", "--"]
    ].flat(),
    daemon: [
      ["dockerd", "--host", `unix://${socket}`, "--data-root", place, "--exec-root", join(own, "exec")],
      ["--pidfile", join(own, "pid"), "--cgroup-parent", `/efc-${instance}-${name}`],
      ["--insecure-registry", "203.0.113.0/24", "--config-file", join(own, "daemon.json")]
    ].flat(),
    place,
    own,
    answers: () => pings(socket)
  }, disk)
  const config = { host: `unix://${socket}`, healthTimeout: 60_000, connectTimeout: 60_000 }
  const layer = Layer.orDie(Docker.layer(config))
  return running(
    name,
    "docker",
    daemon,
    {
      layer,
      connection: { kind: "docker", config },
      machine: lan.address(1)
    } as const,
    async () => {
      await daemon.end()
      await lan.end()
      await clear()
    }
  )
}

const scoped = <A extends { readonly stop: () => Promise<void> }>(begin: () => Promise<A>) =>
  Effect.acquireRelease(
    Effect.tryPromise({ try: begin, catch: (cause) => new NoEngine({ cause }) }),
    ({ stop }) => Effect.promise(stop)
  )

/** Starts a containerd that `scripts/engines/table.ts` has; the scope ends it and all its containers. */
export const containerd = (name: string, options: Options = {}): Effect.Effect<Engine, NoEngine, Scope.Scope> =>
  scoped(() => beginContainerd(name, options))

/** Starts one of the engines that `scripts/engines/table.ts` has; the scope ends it and all its containers. */
export const restartable = (
  name: string,
  options: Options = {}
): Effect.Effect<Restartable | Engine, NoEngine, Scope.Scope> =>
  row(name)?.kind === "containerd" ? containerd(name, options) : scoped(() => beginDocker(name, options))

/** Those of the engines under test that are a containerd. */
export const versions: ReadonlyArray<string> = some.filter((name) => row(name)?.kind === "containerd")

/** Those of the engines under test that can be killed. */
export const mortals: ReadonlyArray<string> = some.filter((name) =>
  ["docker", "containerd"].includes(row(name)?.kind ?? "")
)
