import * as Effect from "effect/Effect"
import type { Stats } from "node:fs"
import { lstat, readdir, readFile, stat } from "node:fs/promises"
import { join } from "node:path"
import { linuxCapabilities } from "../../../container/linuxCapability.ts"
import type { ContainerConfig } from "../../../ContainerConfig.ts"
import type * as Errors from "../../../Errors.ts"
import { codeOf, fromCause, reason } from "../errors.ts"
import { ifThere } from "../there.ts"
import type { Device, Mount } from "./model.ts"

/** Those that this host has to give: asking for one more fails. */
const capabilities: Effect.Effect<ReadonlyArray<string>, Errors.Reason> = Effect.tryPromise({
  try: async () => {
    const status = await readFile("/proc/self/status", "utf8")
    const bounding = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`)
    return linuxCapabilities.filter((_, bit) => (bounding >> BigInt(bit) & 1n) === 1n).map((name) => `CAP_${name}`)
  },
  catch: (cause) => fromCause("create", cause)
})

/** Made anew for every container, or nobody's device at all. */
const own = new Set(["pts", "shm", "fd", "mqueue", "console", "ptmx", "stdin", "stdout", "stderr", "log", "core"])

const isNode = (stat: Stats): boolean => stat.isCharacterDevice() || stat.isBlockDevice()

const nodeOf = (path: string, stat: Stats): Device => ({
  path,
  type: stat.isBlockDevice() ? "b" : "c",
  major: Math.floor(stat.rdev / 256) % 4096,
  minor: stat.rdev % 256 + Math.floor(stat.rdev / 2 ** 20) % 4096 * 256,
  fileMode: stat.mode & 0o7777,
  uid: stat.uid,
  gid: stat.gid
})

/** What a folder has, unless it is closed to us: who may not see devices has none to give. */
const namesIn = async (folder: string): Promise<ReadonlyArray<string>> => {
  try {
    return await ifThere(readdir(folder)) ?? []
  } catch (cause) {
    if (codeOf(cause) === "EACCES") return []
    throw cause
  }
}

/** The device nodes of the host. One that goes away while this looks is left out. */
const find = async (): Promise<ReadonlyArray<Device>> => {
  const found: Array<Device> = []
  const look = async (folder: string, depth: number): Promise<void> => {
    const entries = await namesIn(folder)
    for (const name of entries) {
      if (depth === 0 && own.has(name)) continue
      const path = join(folder, name)
      const stat = await ifThere(lstat(path))
      if (stat?.isDirectory() === true) {
        await look(path, depth + 1)
        continue
      }
      if (stat === undefined || !isNode(stat)) continue
      found.push(nodeOf(path, stat))
    }
  }
  await look("/dev", 0)
  return found
}

const devices: Effect.Effect<ReadonlyArray<Device>, Errors.Reason> = Effect.tryPromise({
  try: find,
  catch: (cause) => fromCause("create", cause)
})

/** The node that a path of the host leads to, under another path. */
const device = (source: string, target: string): Effect.Effect<Device, Errors.Reason> =>
  Effect.flatMap(
    Effect.tryPromise({ try: () => stat(source), catch: (cause) => fromCause("create", cause) }),
    (found) =>
      isNode(found)
        ? Effect.succeed(nodeOf(target, found))
        : Effect.fail(reason("InvalidArgument", { operation: "create", message: `${source} is not a device` }))
  )

/** Who is not root makes no nodes: he shows the host's own, whose rights he cannot change. */
const bound = ({ access, source, target }: ContainerConfig["devices"][number]): Effect.Effect<Mount, Errors.Reason> =>
  access === "rwm"
    ? Effect.as(device(source, target), { destination: target, type: "bind", source, options: ["bind"] })
    : Effect.fail(reason("Unsupported", {
      operation: "create",
      message: `containerd without root cannot honour the option device (${source}, ${access})`,
      hint: "leave the access out"
    }))

/** What a container gets of this host besides what every one gets. */
export interface Given {
  /** All that the host has; `undefined` when not all are asked for. */
  readonly capabilities: ReadonlyArray<string> | undefined
  readonly devices: ReadonlyArray<Device>
  /** Devices that are shown in place of being made. */
  readonly bound: ReadonlyArray<Mount>
}

export const given = (
  config: ContainerConfig,
  { rootless }: { readonly rootless: boolean }
): Effect.Effect<Given, Errors.Reason> => {
  const asked = config.privileged ? [] : config.devices
  return Effect.all({
    capabilities: config.privileged || config.capAdd.includes("ALL") ? capabilities : Effect.undefined,
    devices: config.privileged
      ? devices
      : Effect.forEach(rootless ? [] : asked, ({ source, target }) => device(source, target)),
    bound: Effect.forEach(rootless ? asked : [], bound)
  })
}
