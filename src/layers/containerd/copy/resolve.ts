import { posix } from "node:path"
import { codeOf } from "../errors.ts"
import { again, close, kindOf, type Place, place, target } from "./descriptor.ts"
import { Refused } from "./failure.ts"

/** How many links are followed, as the kernel has it. */
const mostLinks = 40

/** How often a directory is made that somebody takes away each time. */
const mostTries = 8

/** Where files are no files, but the kernel's doings: linux/magic.h. */
const kernels = new Set([
  0x9fa0, // proc
  0x62656572, // sysfs
  0x27e0eb, // cgroup
  0x63677270, // cgroup2
  0x1cd1, // devpts
  0x19800202, // mqueue
  0x64626720, // debugfs
  0x74726163, // tracefs
  0x73636673, // securityfs
  0x62656570, // configfs
  0xcafe4a11, // bpf
  0xf97cff8c, // selinux
  0x6165676c, // pstore
  0x42494e4d, // binfmt_misc
  0xde5e81e4 // efivarfs
])

/** Whether a directory, seen from the one that it is in, begins a file system of the kernel's own. */
export const isKernels = async (parent: Place, { descriptor, stats }: Place): Promise<boolean> =>
  stats.dev !== parent.stats.dev && kernels.has(await kindOf(descriptor))

/**
 * Directories from a root down to one of those below it, all open: nothing that is renamed in the meantime leads out of
 * it, and `..` is the one before, whatever the kernel has for it.
 */
export class Trail {
  private readonly places: Array<Place>
  private constructor(places: Array<Place>) {
    this.places = places
  }

  /** Begins at a root, which stays the caller's own. */
  static readonly from = (root: Place): Trail => new Trail([root])

  get last(): Place {
    return this.places[this.places.length - 1] ?? this.root
  }

  get root(): Place {
    const [root] = this.places
    if (root === undefined) throw new Error("a trail has a root")
    return root
  }

  get isRoot(): boolean {
    return this.places.length === 1
  }

  /** Another trail, at the same place. */
  async fork(): Promise<Trail> {
    const copy = Trail.from(this.root)
    try {
      for (const { descriptor, stats } of this.places.slice(1)) {
        copy.places.push({ descriptor: await again(descriptor), stats })
      }
      return copy
    } catch (cause) {
      await copy.close()
      throw cause
    }
  }

  async push(place: Place): Promise<void> {
    const isForbidden = await isKernels(this.last, place).catch(async (cause: unknown) => {
      await close(place.descriptor)
      throw cause
    })
    this.places.push(place)
    if (isForbidden) throw new Refused("Unsupported", "this is in a file system of the kernel, such as /proc")
  }

  async up(): Promise<void> {
    if (this.isRoot) return
    const left = this.places.pop()
    if (left !== undefined) await close(left.descriptor)
  }

  async toRoot(): Promise<void> {
    while (!this.isRoot) await this.up()
  }

  close(): Promise<void> {
    return this.toRoot()
  }
}

export const system = (code: "ENOENT" | "ENOTDIR" | "EISDIR" | "ELOOP"): Error => {
  const words = {
    ENOENT: "no such file or directory",
    ENOTDIR: "not a directory",
    EISDIR: "is a directory",
    ELOOP: "too many symbolic links"
  }
  return Object.assign(new Error(words[code]), { code })
}

const partsOf = (path: string): Array<string> => path.split("/").filter((part) => part !== "" && part !== ".")

export interface Options {
  /** Makes a directory that is missing. */
  readonly missing?: ((parent: Place, name: string) => Promise<void>) | undefined
}

/**
 * Walks a trail on along a path, to a directory. Links are read and followed by us: those that begin with `/` from the
 * trail's root, as the container would.
 */
export const walk = async (trail: Trail, path: string, { missing }: Options = {}): Promise<void> => {
  const rest = partsOf(path).toReversed()
  let links = 0
  let tries = 0
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    if (name === "..") {
      await trail.up()
      continue
    }
    const found = await place(trail.last.descriptor, name).catch((cause: unknown) => {
      if (codeOf(cause) === "ENOENT" && missing !== undefined) return undefined
      throw cause
    })
    if (found?.stats.isDirectory() === true) {
      tries = 0
      await trail.push(found)
      continue
    }
    if (found === undefined) {
      if (++tries > mostTries) throw system("ENOENT")
      await missing?.(trail.last, name)
      // Whatever is there now, it is looked at as if it had been there.
      rest.push(name)
      continue
    }
    await close(found.descriptor)
    if (!found.stats.isSymbolicLink()) throw system("ENOTDIR")
    if (++links > mostLinks) throw system("ELOOP")
    const leads = await target(trail.last.descriptor, name).catch((cause: unknown) => {
      if (codeOf(cause) === "EINVAL") return undefined
      throw cause
    })
    // No link any more.
    if (leads === undefined) rest.push(name)
    else {
      if (leads.startsWith("/")) await trail.toRoot()
      rest.push(...partsOf(leads).toReversed())
    }
  }
}

/** Opens what a path leads to, from a trail's root and whatever it is: a link at its end is followed as those before it. */
export const reach = async (trail: Trail, path: string): Promise<Place> => {
  let rest = path
  for (let links = 0; links <= mostLinks; links++) {
    if (rest.startsWith("/")) await trail.toRoot()
    await walk(trail, posix.dirname(rest))
    const name = posix.basename(rest)
    // Nothing but directories is reached by these.
    if (name === "" || name === "." || name === "..") throw system("EISDIR")
    const found = await place(trail.last.descriptor, name)
    if (!found.stats.isSymbolicLink()) return found
    await close(found.descriptor)
    rest = await target(trail.last.descriptor, name)
  }
  throw system("ELOOP")
}
