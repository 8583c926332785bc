import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as fs from "node:fs"
import { posix } from "node:path"
import type { Mount } from "../../ContainerConfig.ts"
import * as Errors from "../../Errors.ts"
import type { Files } from "./recipe.ts"

/** What is at a path. */
export type Node =
  | { readonly type: "file"; readonly bytes: Uint8Array; readonly mode: number; readonly mtime: Date }
  | { readonly type: "directory"; readonly mode: number; readonly mtime: Date }
  | { readonly type: "symlink"; readonly target: string; readonly mtime: Date }

type Answer<A> = Result.Result<A, Errors.Reason>

const operation = "files"
const epoch = new Date(0)

const missing = (path: string): Answer<never> =>
  Result.fail(new Errors.NotFound({ operation, message: `${path}: no such file or directory` }))
const invalid = (path: string, issue: string): Answer<never> =>
  Result.fail(new Errors.InvalidArgument({ operation, message: `${path}: ${issue}` }))
const denied = (path: string, issue: string): Answer<never> =>
  Result.fail(new Errors.PermissionDenied({ operation, message: `${path}: ${issue}` }))

/** Something that holds files: paths are absolute within it and normal. */
interface Place {
  readonly get: (path: string) => Answer<Node>
  /** Makes the directories on the way. */
  readonly put: (path: string, node: Node) => Answer<void>
  readonly list: (path: string) => Answer<ReadonlyArray<string>>
  readonly remove: (path: string) => Answer<void>
}

/** Files in memory, by their paths. */
export class Tree implements Place {
  readonly #nodes: Map<string, Node>

  constructor(nodes: Iterable<readonly [string, Node]> = [["/", { type: "directory", mode: 0o755, mtime: epoch }]]) {
    this.#nodes = new Map(nodes)
  }

  copy(): Tree {
    return new Tree(this.#nodes)
  }

  /** Takes what another tree has below a path, if it has nothing yet. */
  begin(other: Tree, path: string): this {
    if (this.#nodes.size > 1) return this
    const from = other.#resolve(path)
    for (const [key, node] of other.#nodes) {
      if (key.startsWith(`${from}/`)) this.#nodes.set(key.slice(from.length), node)
    }
    return this
  }

  /** Follows the links on the way, and the last one too. Gives the path itself where nothing is there. */
  #resolve(path: string, hops = 0): string {
    let at = "/"
    for (const part of path.split("/")) {
      if (part === "") continue
      const next = posix.join(at, part)
      const node = this.#nodes.get(next)
      at = node?.type === "symlink" && hops < 40 ? this.#resolve(posix.resolve(at, node.target), hops + 1) : next
    }
    return at
  }

  get(path: string): Answer<Node> {
    const node = this.#nodes.get(this.#resolve(path))
    return node === undefined ? missing(path) : Result.succeed(node)
  }

  put(path: string, node: Node): Answer<void> {
    const target = node.type === "symlink"
      ? posix.join(this.#resolve(posix.dirname(path)), posix.basename(path))
      : this.#resolve(path)
    const present = this.#nodes.get(target)
    if (present?.type === "directory" && node.type !== "directory") return invalid(path, "is a directory")
    const above = target === "/" ? undefined : this.#directory(posix.dirname(target), node.mtime)
    if (above !== undefined) return above
    if (present?.type !== "directory" || target === "/") this.#nodes.set(target, node)
    return Result.void
  }

  #directory(path: string, mtime: Date): Answer<never> | undefined {
    const node = this.#nodes.get(path)
    if (node?.type === "directory") return undefined
    if (node !== undefined) return invalid(path, "is not a directory")
    const above = path === "/" ? undefined : this.#directory(posix.dirname(path), mtime)
    if (above !== undefined) return above
    this.#nodes.set(path, { type: "directory", mode: 0o755, mtime })
    return undefined
  }

  list(path: string): Answer<ReadonlyArray<string>> {
    const target = this.#resolve(path)
    const node = this.#nodes.get(target)
    if (node === undefined) return missing(path)
    if (node.type !== "directory") return invalid(path, "is not a directory")
    return Result.succeed(
      [...this.#nodes.keys()].filter((key) => key !== "/" && posix.dirname(key) === target).map((key) =>
        posix.basename(key)
      ).sort()
    )
  }

  remove(path: string): Answer<void> {
    const target = posix.join(this.#resolve(posix.dirname(path)), posix.basename(path))
    if (!this.#nodes.has(target)) return missing(path)
    if (target === "/") return invalid(path, "the root cannot be removed")
    for (const key of this.#nodes.keys()) {
      if (key === target || key.startsWith(`${target}/`)) this.#nodes.delete(key)
    }
    return Result.void
  }
}

/** A directory, or a file, of this machine. */
const host = (root: string): Place => {
  const at = (path: string) => path === "/" ? root : root + path
  const attempt = <A>(path: string, run: () => A): Answer<A> =>
    Result.try({
      try: run,
      catch: (cause) => {
        const code = cause instanceof Error && "code" in cause ? String(cause.code) : "error"
        const fields = { operation, message: cause instanceof Error ? cause.message : String(cause), code, cause }
        if (code === "ENOENT") return new Errors.NotFound({ ...fields, message: `${path}: no such file or directory` })
        if (code === "EACCES" || code === "EPERM" || code === "EROFS") return new Errors.PermissionDenied(fields)
        return new Errors.InvalidArgument(fields)
      }
    })
  return {
    get: (path) =>
      attempt(path, () => {
        const stat = fs.statSync(at(path))
        return stat.isDirectory()
          ? { type: "directory", mode: stat.mode & 0o7777, mtime: stat.mtime }
          : { type: "file", bytes: fs.readFileSync(at(path)), mode: stat.mode & 0o7777, mtime: stat.mtime }
      }),
    put: (path, node) =>
      attempt(path, () => {
        fs.mkdirSync(posix.dirname(at(path)), { recursive: true })
        if (node.type === "directory") fs.mkdirSync(at(path), { recursive: true, mode: node.mode })
        else if (node.type === "symlink") fs.symlinkSync(node.target, at(path))
        else fs.writeFileSync(at(path), node.bytes, { mode: node.mode })
      }),
    list: (path) => attempt(path, () => fs.readdirSync(at(path)).sort()),
    remove: (path) => attempt(path, () => fs.rmSync(at(path), { recursive: true }))
  }
}

/** A part of another place. */
const below = (place: Place, path: string): Place => ({
  get: (inner) => place.get(posix.join(path, inner)),
  put: (inner, node) => place.put(posix.join(path, inner), node),
  list: (inner) => place.list(posix.join(path, inner)),
  remove: (inner) => place.remove(posix.join(path, inner))
})

/** What is on the disk of a fresh machine; an image need not list it. */
const usual = ["/bin", "/etc", "/home", "/root", "/tmp", "/usr", "/var"]

/** The tree of an image with these files. */
export const treeOf = (files: Readonly<Record<string, string | Uint8Array>>): Tree => {
  const tree = new Tree()
  for (const path of usual) tree.put(path, { type: "directory", mode: 0o755, mtime: epoch })
  for (const [path, content] of Object.entries(files)) {
    tree.put(posix.resolve("/", path), { type: "file", bytes: bytesOf(content), mode: 0o644, mtime: epoch })
  }
  return tree
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** A copy when it is bytes: whoever gave them may use their buffer again. */
export const bytesOf = (content: string | Uint8Array): Uint8Array =>
  typeof content === "string" ? encoder.encode(content) : content.slice()

interface Mounted {
  readonly target: string
  readonly place: Place
  readonly readOnly: boolean
}

/** The files that a container's processes see: its own, with what is mounted over them. */
export class FileSystem {
  readonly #mounts: ReadonlyArray<Mounted>

  constructor(
    root: Tree,
    options: {
      readonly mounts: ReadonlyArray<Mount>
      /** Of the image: they are the container's own tree, which can be written there in any case. */
      readonly volumes: ReadonlyArray<string>
      readonly readOnlyRoot: boolean
      readonly volume: (name: string) => Tree
    }
  ) {
    const mounts = options.mounts.map((mount): Mounted => {
      const target = posix.resolve("/", mount.target)
      const place = mount.type === "bind"
        ? host(mount.source)
        : mount.type === "volume"
        ? options.volume(mount.source).begin(root, target)
        : new Tree()
      return { target, place, readOnly: mount.type !== "tmpfs" && mount.readOnly }
    })
    const volumes = options.volumes.map((path) => posix.resolve("/", path))
      .filter((target) => target !== "/" && mounts.every((mount) => mount.target !== target))
      .map((target): Mounted => ({ target, place: below(root, target), readOnly: false }))
    for (const { target } of [...mounts, ...volumes]) root.put(target, { type: "directory", mode: 0o755, mtime: epoch })
    // The deepest first: it is the one that is seen.
    this.#mounts = [...mounts, ...volumes, { target: "/", place: root, readOnly: options.readOnlyRoot }]
      .sort((a, b) => b.target.length - a.target.length)
  }

  #at(path: string): readonly [mounted: Mounted, inner: string] {
    const whole = posix.resolve("/", path)
    const found = this.#mounts.find(({ target }) =>
      target === "/" || whole === target || whole.startsWith(`${target}/`)
    )!
    return [found, found.target === "/" ? whole : whole.slice(found.target.length) || "/"]
  }

  get(path: string): Answer<Node> {
    const [{ place }, inner] = this.#at(path)
    return place.get(inner)
  }

  put(path: string, node: Node): Answer<void> {
    const [{ place, readOnly }, inner] = this.#at(path)
    return readOnly ? denied(path, "the file system is read-only") : place.put(inner, node)
  }

  list(path: string): Answer<ReadonlyArray<string>> {
    const [{ place }, inner] = this.#at(path)
    return place.list(inner)
  }

  remove(path: string): Answer<void> {
    const [{ place, readOnly }, inner] = this.#at(path)
    return readOnly ? denied(path, "the file system is read-only") : place.remove(inner)
  }

  /** A file or directory and all that is in it, each with its path below `path`. */
  walk(path: string, below = ""): Answer<ReadonlyArray<readonly [below: string, node: Node]>> {
    return Result.flatMap(this.get(path), (node): Answer<ReadonlyArray<readonly [string, Node]>> => {
      const own = [below, node] as const
      if (node.type !== "directory") return Result.succeed([own])
      return Result.flatMap(this.list(path), (names) => {
        const all: Array<readonly [string, Node]> = [own]
        for (const name of names) {
          const inner = this.walk(posix.join(path, name), posix.join(below, name))
          if (Result.isFailure(inner)) return Result.fail(inner.failure)
          all.push(...inner.success)
        }
        return Result.succeed(all)
      })
    })
  }
}

/** As a recipe sees them. */
export const filesOf = (system: FileSystem): Files => {
  const answer = <A>(run: () => Answer<A>): Effect.Effect<A, Errors.Reason> =>
    Effect.suspend(() => Effect.fromResult(run()))
  const read = (path: string): Answer<Uint8Array> =>
    Result.flatMap(
      system.get(path),
      (node) => node.type === "file" ? Result.succeed(node.bytes.slice()) : invalid(path, "is a directory")
    )
  return {
    read: (path) => answer(() => read(path)),
    readText: (path) => answer(() => Result.map(read(path), (bytes) => decoder.decode(bytes))),
    write: (path, content) =>
      Effect.clockWith((clock) =>
        answer(() =>
          system.put(path, {
            type: "file",
            bytes: bytesOf(content),
            mode: 0o644,
            mtime: new Date(clock.currentTimeMillisUnsafe())
          })
        )
      ),
    list: (path) => answer(() => system.list(path)),
    exists: (path) => Effect.sync(() => Result.isSuccess(system.get(path))),
    makeDirectory: (path) =>
      Effect.clockWith((clock) =>
        answer(() =>
          system.put(path, { type: "directory", mode: 0o755, mtime: new Date(clock.currentTimeMillisUnsafe()) })
        )
      ),
    remove: (path) => answer(() => system.remove(path))
  }
}
