/**
 * What a program sees of the in-memory machine it runs on: files, among them those of the kernel, users, and pipes.
 */
import { Cause, Effect, type Pull, Stream } from "effect"
import type { Errors } from "effect-containers"
import type { Process } from "effect-containers/layers/Memory"
import { posix } from "node:path"

/** Where bytes come from: a pipe, a file, what the engine gives to the process. */
export class Reader {
  #left: Uint8Array | undefined
  readonly #more: Effect.Effect<Uint8Array | undefined>

  constructor(more: Effect.Effect<Uint8Array | undefined>) {
    this.#more = more
  }

  static of(bytes: Uint8Array): Reader {
    let left: Uint8Array | undefined = bytes
    return new Reader(Effect.sync(() => {
      const all = left
      left = undefined
      return all
    }))
  }

  static fromPull(pull: Pull.Pull<ReadonlyArray<Uint8Array>>): Reader {
    return new Reader(
      Effect.matchCauseEffect(pull, {
        onSuccess: (chunks) => Effect.succeed<Uint8Array | undefined>(Buffer.concat(chunks)),
        onFailure: (cause) => Cause.hasInterruptsOnly(cause) ? Effect.interrupt : Effect.undefined
      })
    )
  }

  /** The next bytes, at most so many; `undefined` at the end. */
  read(most = Number.POSITIVE_INFINITY): Effect.Effect<Uint8Array | undefined> {
    return Effect.map(
      Effect.suspend(() => this.#left === undefined ? this.#more : Effect.succeed(this.#left)),
      (bytes) => {
        this.#left = bytes !== undefined && bytes.length > most ? bytes.subarray(most) : undefined
        return bytes?.subarray(0, most)
      }
    )
  }

  readonly all: Effect.Effect<Buffer> = Effect.gen({ self: this }, function*() {
    const chunks: Array<Uint8Array> = []
    for (;;) {
      const bytes = yield* this.read()
      if (bytes === undefined) return Buffer.concat(chunks)
      chunks.push(bytes)
    }
  })
}

/** Standard input of the process. */
export const inputOf = (process: Process) => Effect.map(Stream.toPull(process.stdin), Reader.fromPull)

export const never = (error: Errors.Reason): string => {
  switch (error._tag) {
    case "NotFound":
      return "No such file or directory"
    case "PermissionDenied":
      return "Read-only file system"
    default:
      return error.message
  }
}

/** The kernel's files that the cases look at, by what the container was given. */
const virtual = (process: Process, path: string): string | undefined => {
  const { cpuShares, cpus, cpuset, memory, memoryReservation, memorySwap = -1, oomScoreAdj, pids, shmSize } =
    process.resources
  const setting = path.startsWith("/proc/sys/")
    ? process.sysctls[path.slice("/proc/sys/".length).replaceAll("/", ".")]
    : undefined
  if (setting !== undefined) return `${setting}\n`
  switch (path) {
    case "/proc/mounts":
      return [
        "overlay / overlay rw 0 0",
        `shm /dev/shm tmpfs rw,size=${shmSize === undefined ? 65_536 : shmSize / 1024}k 0 0`,
        ...process.mounts.map(({ target, type }) => `${type} ${target} ${type} rw 0 0`)
      ]
        .join("\n") + "\n"
    case "/etc/hosts":
      return `127.0.0.1\tlocalhost\n${process.extraHosts.map(({ address, name }) => `${address}\t${name}\n`).join("")}`
    case "/etc/resolv.conf": {
      const { options = [], search = [], servers = [] } = process.dns ?? {}
      const lines = [["search", search], ["options", options]] as const
      return servers.map((server) => `nameserver ${server}\n`).join("") +
        lines.map(([name, values]) => values.length === 0 ? "" : `${name} ${values.join(" ")}\n`).join("")
    }
    case "/sys/fs/cgroup/memory.max":
      return `${memory ?? "max"}\n`
    case "/sys/fs/cgroup/memory.low":
      return `${memoryReservation ?? 0}\n`
    case "/sys/fs/cgroup/pids.max":
      return `${pids ?? "max"}\n`
    case "/sys/fs/cgroup/cpu.max":
      return `${cpus === undefined ? "max" : cpus * 100_000} 100000\n`
    case "/sys/fs/cgroup/memory.swap.max":
      return `${memory === undefined || memorySwap === -1 ? "max" : memorySwap - memory}\n`
    case "/sys/fs/cgroup/cpu.weight":
      return cpuShares === 262_144 ? "10000\n" : "100\n"
    case "/proc/self/oom_score_adj":
      return `${oomScoreAdj ?? 0}\n`
    case "/proc/self/status":
      return `Seccomp:\t${process.security.seccomp === "unconfined" ? 0 : 2}\nCpus_allowed_list:\t${
        cpuset ?? "0-1"
      }\nNoNewPrivs:\t${process.security.noNewPrivileges ? 1 : 0}\nCapBnd:\t${capabilities(process)}\n`
    default:
      return undefined
  }
}

/** The bounding set as the kernel shows it; of all the capabilities these two are known here. */
const capabilities = ({ security: { capAdd, capDrop } }: Process): string => {
  const usual = 0xa80425fb
  const bits: Readonly<Record<string, number>> = { CAP_CHOWN: 1, CAP_NET_ADMIN: 1 << 12 }
  const of = (names: ReadonlyArray<string>) => names.reduce((mask, name) => mask | (bits[name] ?? 0), 0)
  const mask = capDrop.includes("ALL") ? of(capAdd) : (usual | of(capAdd)) & ~of(capDrop)
  return (mask >>> 0).toString(16).padStart(16, "0")
}

/** The bytes of a file; fails with what a program says of it. */
export const open = (process: Process, path: string): Effect.Effect<Reader, string> => {
  if (path === "/dev/null") return Effect.succeed(Reader.of(new Uint8Array(0)))
  const device = process.security.devices.find(({ target }) => target === path)?.source ?? path
  if (device === "/dev/zero") return Effect.succeed(new Reader(Effect.sync(() => new Uint8Array(65_536))))
  const text = virtual(process, path)
  if (text !== undefined) return Effect.succeed(Reader.of(Buffer.from(text)))
  return Effect.mapBoth(process.files.read(path), { onSuccess: Reader.of, onFailure: never })
}

export const write = (
  process: Process,
  path: string,
  bytes: Uint8Array,
  append: boolean
): Effect.Effect<void, string> =>
  Effect.gen(function*() {
    if (path === "/dev/null") return
    const before = append && (yield* process.files.exists(path))
      ? yield* Effect.mapError(process.files.read(path), never)
      : new Uint8Array(0)
    const whole = Buffer.concat([before, bytes])
    const full = process.mounts.some((mount) =>
      mount.type === "tmpfs" && mount.size !== undefined && whole.length > mount.size &&
      path.startsWith(`${mount.target}/`)
    )
    if (full) return yield* Effect.fail("No space left on device")
    yield* Effect.mapError(process.files.write(path, whole), never)
  })

export const list = (process: Process, path: string): Effect.Effect<ReadonlyArray<string>, string> =>
  path === "/sys/class/net"
    ? Effect.succeed([...process.networks.flatMap((name, n) => name === "none" ? [] : [`eth${n}`]), "lo"])
    : Effect.mapError(process.files.list(path), never)

/** A path as seen from a directory. */
export const from = (directory: string, path: string): string => posix.resolve(directory, path)

/** User and group id, by /etc/passwd. */
export const ids = (process: Process) =>
  Effect.map(Effect.orElseSucceed(process.files.readText("/etc/passwd"), () => ""), (passwd) => {
    const users = passwd.split("\n").map((line) => line.split(":"))
    const [user = "", group] = process.user.split(":")
    const found = users.find(([name, , uid]) => name === user || uid === user)
    return { uid: found?.[2] ?? user, gid: group ?? found?.[3] ?? "0" }
  })
