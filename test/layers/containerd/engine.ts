/**
 * A containerd of a test's own, which it may kill: the suite's shared ones must live.
 */
import { Data, Effect, type Scope } from "effect"
import type * as Containerd from "effect-containers/layers/Containerd"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { connect } from "node:net"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { prepareContainerd } from "../../../scripts/engines/containerd.ts"
import { runFolder, suite } from "../../../scripts/engines/home.ts"
import { archive, makeImage } from "../../../scripts/engines/image.ts"
import { removeCgroups, startTime } from "../../../scripts/engines/left.ts"
import { endContainers } from "../../../scripts/engines/orphans.ts"
import { row } from "../../../scripts/engines/table.ts"

class NoEngine extends Data.TaggedError("NoEngine")<{ readonly cause: unknown }> {}

export interface Engine {
  readonly config: Containerd.ContainerdConfig & { readonly address: string; readonly namespace: string }
  /** Kills the daemon as the kernel would. Containers run on. */
  readonly kill: Effect.Effect<void>
  /** Starts it again and waits until it takes connections. */
  readonly start: Effect.Effect<void>
  /** Archive of `busybox:test`. */
  readonly image: Uint8Array
}

const answers = async (path: string): Promise<void> => {
  for (let tries = 0; tries < 400; tries++) {
    const is = await new Promise<boolean>((done) => {
      const socket = connect({ path })
      socket.once("connect", () => {
        socket.destroy()
        done(true)
      })
      socket.once("error", () => done(false))
    })
    if (is) return
    await sleep(25)
  }
  throw new Error(`nothing answers at ${path}`)
}

const begin = async (name: string) => {
  const is = row(name)
  if (is?.kind !== "containerd") throw new Error(`${name} is no containerd`)
  const instance = `t${process.pid.toString(36)}`
  const folder = join(runFolder(), instance)
  await mkdir(join(folder, name), { recursive: true })
  // Should this process die, the next start of engines removes what is left.
  await writeFile(join(folder, "keeper"), `${process.pid} ${startTime(process.pid)}`)
  const { client, command, socket } = await prepareContainerd(join(folder, name), await suite(is.suite), instance, name)
  const pid = join(folder, "pid")
  const go = join(folder, "go")
  const at = command.indexOf("containerd")
  // One mount namespace for all its lives: what its shims have mounted stays to be seen.
  const loop = `while :; do
    while [ ! -e ${go} ]; do sleep 0.02; done
    "$@" & echo $! >${pid}; wait $!
  done`
  const child = spawn("setpriv", [
    "--pdeathsig",
    "KILL",
    ...command.slice(0, at),
    "sh",
    "-c",
    loop,
    "sh",
    "setpriv",
    "--pdeathsig",
    "KILL",
    ...command.slice(at)
  ], { stdio: "ignore" })
  const exited = once(child, "exit")
  const start = async () => {
    await writeFile(go, "")
    await answers(socket)
  }
  const kill = async () => {
    await rm(go, { force: true })
    const daemon = Number(await readFile(pid, "utf8"))
    process.kill(daemon, "SIGKILL")
    while (startTime(daemon) !== undefined) await sleep(5)
  }
  await start()
  return {
    config: { address: socket, namespace: client.namespace, folder: client.folder, network: "none" as const },
    start,
    kill,
    image: archive(await makeImage(), ["busybox:test"]),
    stop: async () => {
      child.kill("SIGKILL")
      await exited
      await endContainers(instance)
      for (let tries = 0; tries < 40; tries++) {
        if (await removeCgroups(instance) && await rm(folder, { recursive: true }).then(() => true, () => false)) return
        await sleep(50)
      }
    }
  }
}

/** Starts one of the engines that `scripts/engines/table.ts` has; the scope ends it and all its containers. */
export const restartable = (name: string): Effect.Effect<Engine, NoEngine, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.tryPromise({ try: () => begin(name), catch: (cause) => new NoEngine({ cause }) }),
      ({ stop }) => Effect.promise(stop)
    ),
    ({ config, image, kill, start }) => ({
      config,
      image,
      kill: Effect.promise(kill),
      start: Effect.promise(start)
    })
  )

/** Those of the engines under test that are a containerd. */
export const versions: ReadonlyArray<string> = (process.env["EFFECT_CONTAINERS_ENGINES"] ?? "docker containerd memory")
  .split(/[\s,]+/).filter((name) => row(name)?.kind === "containerd")
