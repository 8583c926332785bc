import type { Dir } from "node:fs"
import { posix } from "node:path"
import { codeOf } from "../errors.ts"
import { close, itself, opendir, type Place, place, type Stats, target } from "./descriptor.ts"
import { Refused } from "./failure.ts"
import { isKernels, Trail, walk } from "./resolve.ts"

/** Something in a container, under the name that it has in an archive. */
export interface Found extends Place {
  readonly path: string
  /** Where a symbolic link leads. */
  readonly linkTarget?: string | undefined
  /** It is the very file that came under this name already. */
  readonly sameAs?: string | undefined
  /** To be called once, before the next one is asked for. */
  readonly done: () => Promise<void>
}

interface Level {
  readonly place: Place
  readonly path: string
  readonly entries: Dir
  readonly end: () => Promise<void>
}

interface Seen {
  readonly path: string
  left: bigint
}

/** As the kernel has it: what is deeper cannot be named. */
const longestPath = 4096

/** Where a copy begins. */
interface Start {
  readonly trail: Trail
  /** `undefined`: the directory at the end of the trail. */
  readonly name: string | undefined
  /** In the archive. */
  readonly path: string
}

/** A directory that is named with `/` or `/.` at the end may be a link to one; else the link itself is meant. */
const find = async (root: Place, path: string): Promise<Start> => {
  const trail = Trail.from(root)
  try {
    const whole = posix.join("/", path)
    const base = posix.basename(whole)
    const isContents = /(?:^|\/)\.$/.test(path) || base === ""
    if (isContents || whole.endsWith("/")) {
      await walk(trail, path)
      return { trail, name: undefined, path: isContents ? "." : base }
    }
    if (/(?:^|\/)\.\.$/.test(path)) {
      await walk(trail, path)
      return { trail, name: undefined, path: base }
    }
    await walk(trail, posix.dirname(path))
    return { trail, name: base, path: base }
  } catch (cause) {
    await trail.close()
    throw cause
  }
}

export interface Tree {
  readonly next: () => Promise<Found | undefined>
  readonly close: () => Promise<void>
}

const orGone = async <A>(promise: Promise<A>): Promise<A | undefined> => {
  try {
    return await promise
  } catch (cause) {
    // Gone, or no link any more.
    if (codeOf(cause) === "ENOENT" || codeOf(cause) === "EINVAL") return undefined
    throw cause
  }
}

/** All from a path on, one after the other: every directory before what is in it. */
export const tree = async (root: Place, path: string): Promise<Tree> => {
  const start = await find(root, path)
  const { trail } = start
  const levels: Array<Level> = []
  const seen = new Map<string, Seen>()

  const enter = async (place: Place, name: string, end: () => Promise<void>): Promise<void> => {
    try {
      if (Buffer.byteLength(name) > longestPath) {
        throw Object.assign(new Error("name too long"), { code: "ENAMETOOLONG" })
      }
      levels.push({ place, path: name, entries: await opendir(itself(place.descriptor)), end })
    } catch (cause) {
      await end()
      throw cause
    }
  }

  /** The other names of a file that has several. */
  const sameAs = ({ dev, ino, nlink }: Stats, name: string): string | undefined => {
    if (nlink < 2n) return undefined
    const key = `${dev}:${ino}`
    const first = seen.get(key)
    if (first === undefined) {
      seen.set(key, { path: name, left: nlink - 1n })
      return undefined
    }
    if (--first.left === 0n) seen.delete(key)
    return first.path
  }

  const foundAt = async (parent: Place, name: string, path: string): Promise<Found | undefined> => {
    const found = await place(parent.descriptor, name)
    const { descriptor, stats } = found
    const done = () => close(descriptor)
    try {
      if (stats.isDirectory()) {
        // What the engine mounts there belongs to no copy, as little as the kernel's own.
        const isDevices = name === "dev" && parent === root && stats.dev !== root.stats.dev
        if (isDevices || (await isKernels(parent, found))) return { ...found, path, done }
        return { ...found, path, done: () => enter(found, path, done) }
      }
      if (stats.isSocket()) {
        await done()
        return undefined
      }
      const linkTarget = stats.isSymbolicLink() ? await orGone(target(parent.descriptor, name)) : undefined
      if (stats.isSymbolicLink() && linkTarget === undefined) {
        await done()
        return undefined
      }
      return { ...found, path, linkTarget, done, sameAs: sameAs(stats, path) }
    } catch (cause) {
      await done()
      throw cause
    }
  }

  const child = async ({ path, place }: Level, name: string): Promise<Found | undefined> => {
    const found = await orGone(foundAt(place, name, `${path}/${name}`))
    if (found === undefined && name.includes("\uFFFD")) {
      throw new Refused("Unsupported", `${path}/${name} has a name that is not UTF-8`)
    }
    return found
  }

  const begin = async (): Promise<Found> => {
    const { last } = trail
    if (start.name === undefined) {
      return { ...last, path: start.path, done: () => enter(last, start.path, async () => {}) }
    }
    const found = await foundAt(last, start.name, start.path)
    if (found === undefined) throw new Refused("Unsupported", "this is a socket")
    return found
  }

  const advance = async (): Promise<Found | undefined> => {
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      const entry = await level.entries.read()
      if (entry !== null) {
        const found = await child(level, entry.name)
        if (found !== undefined) return found
        continue
      }
      levels.pop()
      await level.entries.close()
      await level.end()
    }
    return undefined
  }

  let isBegun = false
  return {
    next: () => {
      if (isBegun) return advance()
      isBegun = true
      return begin()
    },
    close: async () => {
      for (const { end, entries } of levels.toReversed()) {
        await entries.close()
        await end()
      }
      levels.length = 0
      await trail.close()
    }
  }
}
