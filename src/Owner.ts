/**
 * Whose a container, a network or a volume is. Everything that this library creates carries labels that name the process that made it, so that
 * what a crashed program left behind can be told from what belongs to a program that is alive, and from what is
 * somebody else's.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { readFileSync, readlinkSync } from "node:fs"
import * as os from "node:os"

/**
 * The version of this library, as its labels have it.
 *
 * @category constants
 * @since 0.1.0
 */
export const version = "0.1.0"

/**
 * The labels that everything has which this library made.
 *
 * @category constants
 * @since 0.1.0
 */
export const labels = {
  version: "effect-containers.version",
  owner: "effect-containers.owner",
  expires: "effect-containers.expires"
} as const

/**
 * What stands in the owner's place on a container that was made to outlive its program: `Container.sweep` leaves it alone
 * until its lease, if it has one, is over.
 *
 * @category constants
 * @since 0.1.0
 */
export const nobody = "nobody"

/**
 * Whether something with these labels was made to outlive its program.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isNobodys = (found: Readonly<Record<string, string>>): boolean => found[labels.owner] === nobody

/**
 * A process, told apart from every other one: on another machine, before the last boot, in another pid namespace, or
 * with the same pid at another time.
 *
 * @category models
 * @since 0.1.0
 */
export interface Owner {
  /** Host name, boot and pid namespace: where the pid means something. */
  readonly host: string
  readonly pid: number
  /** When the process started, in the kernel's clock ticks since boot; `""` where that is not known. */
  readonly started: string
}

const attempt = (read: () => string): string => {
  try {
    return read()
  } catch {
    return ""
  }
}

/** The 22nd field of /proc/PID/stat (proc(5)); the second may hold blanks and brackets, so count from its end. */
const startedAt = (pid: number): string =>
  attempt(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? ""
  })

const thisHost = (): string => {
  const boot = attempt(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim())
  const pids = attempt(() => /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "")
  return `${os.hostname()}|${boot}|${pids}`
}

/**
 * The owner that new things are labelled with. Default: this process. Tests give another one.
 *
 * @category references
 * @since 0.1.0
 */
export const Owner: Context.Reference<Owner> = Context.Reference<Owner>("effect-containers/Owner", {
  defaultValue: () => ({ host: thisHost(), pid: process.pid, started: startedAt(process.pid) })
})

/**
 * As a label's value has it.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (owner: Owner): string => `${owner.pid}@${owner.started}@${owner.host}`

/**
 * Reads a label's value; `undefined` when it is not one of ours.
 *
 * @category encoding
 * @since 0.1.0
 */
export const decode = (label: string): Owner | undefined => {
  const match = /^(\d+)@(\d*)@(.*)$/.exec(label)
  return match === null ? undefined : { pid: Number(match[1]), started: match[2]!, host: match[3]! }
}

/**
 * The labels that a thing gets when it is made now: this library's version, the owner, and when its lease is over, if it
 * has one.
 *
 * @category encoding
 * @since 0.1.0
 */
export const labelled = (lease?: Duration.Input): Effect.Effect<Readonly<Record<string, string>>> =>
  Effect.gen(function*() {
    const own = { [labels.version]: version, [labels.owner]: encode(yield* Owner) }
    if (lease === undefined) return own
    const expires = (yield* Clock.currentTimeMillis) + Duration.toMillis(lease)
    return { ...own, [labels.expires]: new Date(expires).toISOString() }
  })

/**
 * Whether something with these labels is to be swept: its owner is gone for certain, or its lease is over by `now`
 * (milliseconds since the epoch).
 *
 * @category predicates
 * @since 0.1.0
 */
export const isAbandoned = (found: Readonly<Record<string, string>>, now: number): boolean => {
  const owner = decode(found[labels.owner] ?? "")
  return Date.parse(found[labels.expires] ?? "") <= now || owner !== undefined && isDead(owner)
}

/**
 * Whether an owner is gone for certain. An owner on another host, in another pid namespace or of another boot of a host
 * with another name cannot be judged from here and counts as alive.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isDead = (owner: Owner): boolean => {
  const here = thisHost()
  if (owner.host !== here) {
    // The same machine after a boot: whatever ran before is gone.
    const [name, boot] = owner.host.split("|")
    const [thisName, thisBoot] = here.split("|")
    return name === thisName && name !== "localhost" && boot !== "" && thisBoot !== "" && boot !== thisBoot
  }
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH"
  }
  const started = startedAt(owner.pid)
  return owner.started !== "" && started !== "" && owner.started !== started
}
