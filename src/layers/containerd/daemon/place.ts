/**
 * Where a private engine has its things. Both its users and its keeper know this, so nothing is loaded here.
 */
import { createHash } from "node:crypto"
import { join } from "node:path"

export interface Place {
  /** Images, the log, and the files of containers. Images stay. */
  readonly folder: string
  /** Sockets and state, in a path that is short enough for sockets. Goes with the last user. */
  readonly runtime: string
  /** Part of each name that is known to the whole machine: cgroups, namespaces. */
  readonly id: string
}

/** A socket's path has at most 107 bytes, and the longest of ours adds 22 to the folder. */
const longest = 84

interface User {
  readonly uid: number
  /** `$XDG_RUNTIME_DIR`. */
  readonly runtime: string | undefined
}

/** The place of a folder, which is absolute and without links. */
export const of = (folder: string, { runtime, uid }: User): Place => {
  const id = createHash("sha256").update(folder).digest("hex").slice(0, 10)
  const usual = uid === 0 ? "/run" : runtime
  const inUsual = usual === undefined ? undefined : join(usual, "effect-containers", id)
  return {
    folder,
    id,
    runtime: inUsual !== undefined && Buffer.byteLength(inUsual) <= longest
      ? inUsual
      : join(`/tmp/effect-containers-${uid}`, id)
  }
}

/** The socket on which its keeper waits for users. */
export const keeper = (runtime: string): string => join(runtime, "keeper.sock")

/** The socket of the engine itself. */
export const engine = (runtime: string): string => join(runtime, "containerd.sock")

export const settings = (runtime: string): string => join(runtime, "config.toml")

/** What the daemon says. */
export const log = (folder: string): string => join(folder, "log")

/** Locked by the keeper as long as it lives. */
export const lock = (folder: string): string => join(folder, "lock")

/** Says where the keeper that has the lock keeps its sockets; there after one that was killed, too. */
export const pointer = (folder: string): string => join(folder, "keeper.json")

const longestNamespace = 60

/** A namespace that no other containerd of this machine has: the names of cgroups are made of it. */
export const namespace = (wanted: string, id: string): string =>
  wanted.length <= longestNamespace
    ? `${wanted}-${id}`
    : `n-${createHash("sha256").update(wanted).digest("hex").slice(0, 40)}-${id}`
