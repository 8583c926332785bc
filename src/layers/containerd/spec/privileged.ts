import * as Effect from "effect/Effect"
import { lstat, readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import type * as Errors from "../../../Errors.ts"
import { fromCause } from "../errors.ts"
import type { Device } from "./model.ts"

/** By their numbers. */
const names: ReadonlyArray<string> = [
  "CHOWN",
  "DAC_OVERRIDE",
  "DAC_READ_SEARCH",
  "FOWNER",
  "FSETID",
  "KILL",
  "SETGID",
  "SETUID",
  "SETPCAP",
  "LINUX_IMMUTABLE",
  "NET_BIND_SERVICE",
  "NET_BROADCAST",
  "NET_ADMIN",
  "NET_RAW",
  "IPC_LOCK",
  "IPC_OWNER",
  "SYS_MODULE",
  "SYS_RAWIO",
  "SYS_CHROOT",
  "SYS_PTRACE",
  "SYS_PACCT",
  "SYS_ADMIN",
  "SYS_BOOT",
  "SYS_NICE",
  "SYS_RESOURCE",
  "SYS_TIME",
  "SYS_TTY_CONFIG",
  "MKNOD",
  "LEASE",
  "AUDIT_WRITE",
  "AUDIT_CONTROL",
  "SETFCAP",
  "MAC_OVERRIDE",
  "MAC_ADMIN",
  "SYSLOG",
  "WAKE_ALARM",
  "BLOCK_SUSPEND",
  "AUDIT_READ",
  "PERFMON",
  "BPF",
  "CHECKPOINT_RESTORE"
]

/** Those that this host has to give: asking for one more fails. */
export const capabilities: Effect.Effect<ReadonlyArray<string>, Errors.Reason> = Effect.tryPromise({
  try: async () => {
    const status = await readFile("/proc/self/status", "utf8")
    const bounding = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`)
    return names.filter((_, bit) => (bounding >> BigInt(bit) & 1n) === 1n).map((name) => `CAP_${name}`)
  },
  catch: (cause) => fromCause("create", cause)
})

/** Made anew for every container, or nobody's device at all. */
const own = new Set(["pts", "shm", "fd", "mqueue", "console", "ptmx", "stdin", "stdout", "stderr", "log", "core"])

/** The device nodes of the host. One that goes away while this looks is left out. */
export const devices: Effect.Effect<ReadonlyArray<Device>> = Effect.promise(async () => {
  const found: Array<Device> = []
  const look = async (folder: string, depth: number): Promise<void> => {
    const entries = await readdir(folder).catch(() => [])
    for (const name of entries) {
      if (depth === 0 && own.has(name)) continue
      const path = join(folder, name)
      const stat = await lstat(path).catch(() => undefined)
      if (stat?.isDirectory() === true) {
        await look(path, depth + 1)
        continue
      }
      if (stat === undefined || !(stat.isCharacterDevice() || stat.isBlockDevice())) continue
      const { rdev } = stat
      found.push({
        path,
        type: stat.isBlockDevice() ? "b" : "c",
        major: Math.floor(rdev / 256) % 4096,
        minor: rdev % 256 + Math.floor(rdev / 2 ** 20) % 4096 * 256,
        fileMode: stat.mode & 0o7777,
        uid: stat.uid,
        gid: stat.gid
      })
    }
  }
  await look("/dev", 0)
  return found
})
