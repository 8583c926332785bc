import * as Result from "effect/Result"
import { posix } from "node:path"
import * as Errors from "../../Errors.ts"
import type { FileAttributes } from "./recipe.ts"

/** Whose it is: nobody said so far is root. */
interface Owned {
  readonly mtime: Date
  readonly uid?: number | undefined
  readonly gid?: number | undefined
}

/** What is at a path. One that has several names is the same object under each. */
export type Node =
  | Owned & { readonly type: "file"; readonly bytes: Uint8Array; readonly mode: number }
  | Owned & { readonly type: "directory"; readonly mode: number }
  | Owned & { readonly type: "symlink"; readonly target: string }

export type Answer<A> = Result.Result<A, Errors.Reason>

export const operation = "files"
export const epoch = new Date(0)

const missing = (path: string): Answer<never> =>
  Result.fail(new Errors.NotFound({ operation, message: `${path}: no such file or directory` }))
export const invalid = (path: string, issue: string): Answer<never> =>
  Result.fail(new Errors.InvalidArgument({ operation, message: `${path}: ${issue}` }))

/** Something that holds files: paths are absolute within it and normal. */
export interface Place {
  readonly get: (path: string) => Answer<Node>
  /** As {@link get}, but a link itself. */
  readonly look: (path: string) => Answer<Node>
  /** Makes the directories on the way. A file that is there is written to, a directory stays as it is. */
  readonly put: (path: string, node: Node) => Answer<void>
  /** As {@link put}, but a file or link that is there gives way. */
  readonly replace: (path: string, node: Node) => Answer<void>
  readonly change: (path: string, attributes: FileAttributes) => Answer<void>
  readonly rename: (from: string, to: string) => Answer<void>
  readonly list: (path: string) => Answer<ReadonlyArray<string>>
  readonly remove: (path: string) => Answer<void>
}

const changed = (node: Node, { gid, mode, mtime, uid }: FileAttributes): Node => {
  const owned = { mtime: mtime ?? node.mtime, uid: uid ?? node.uid, gid: gid ?? node.gid }
  return node.type === "symlink" ? { ...node, ...owned } : { ...node, ...owned, mode: mode ?? node.mode }
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

  /** Follows the links on the way only. */
  #own(path: string): string {
    return path === "/" ? path : posix.join(this.#resolve(posix.dirname(path)), posix.basename(path))
  }

  look(path: string): Answer<Node> {
    const node = this.#nodes.get(this.#own(path))
    return node === undefined ? missing(path) : Result.succeed(node)
  }

  put(path: string, node: Node): Answer<void> {
    const target = node.type === "symlink" ? this.#own(path) : this.#resolve(path)
    const present = this.#nodes.get(target)
    if (present?.type === "file" && node.type === "file") {
      const { gid, mode, uid } = present
      this.#swap(present, { ...node, mode, uid, gid })
      return Result.void
    }
    // What comes from elsewhere is no further name of it.
    return this.#set(path, target, { ...node })
  }

  replace(path: string, node: Node): Answer<void> {
    return this.#set(path, this.#own(path), node)
  }

  #set(path: string, target: string, node: Node): Answer<void> {
    const present = this.#nodes.get(target)
    if (present?.type === "directory" && node.type !== "directory") return invalid(path, "is a directory")
    const above = target === "/" ? undefined : this.#directory(posix.dirname(target), node.mtime)
    if (above !== undefined) return above
    if (present?.type !== "directory" || target === "/") this.#nodes.set(target, node)
    return Result.void
  }

  /** Under all the names that it has. */
  #swap(old: Node, fresh: Node): void {
    for (const [key, node] of this.#nodes) if (node === old) this.#nodes.set(key, fresh)
  }

  change(path: string, attributes: FileAttributes): Answer<void> {
    return Result.map(this.get(path), (node) => this.#swap(node, changed(node, attributes)))
  }

  rename(from: string, to: string): Answer<void> {
    const source = this.#own(from)
    const target = this.#own(to)
    const node = this.#nodes.get(source)
    if (node === undefined) return missing(from)
    if (this.#nodes.get(posix.dirname(target))?.type !== "directory") return missing(to)
    if (source === target) return Result.void
    if (source === "/" || target.startsWith(`${source}/`)) return invalid(from, "cannot be moved into itself")
    const present = this.#nodes.get(target)
    if (present !== undefined) {
      if (present.type === "directory" && node.type !== "directory") return invalid(to, "is a directory")
      if (present.type !== "directory" && node.type === "directory") return invalid(to, "is not a directory")
      if ([...this.#nodes.keys()].some((key) => key.startsWith(`${target}/`))) return invalid(to, "is not empty")
    }
    const moved = Array.from(this.#nodes).filter(([key]) => key === source || key.startsWith(`${source}/`))
    for (const [key, inner] of moved) {
      this.#nodes.delete(key)
      this.#nodes.set(target + key.slice(source.length), inner)
    }
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

/** A copy when it is bytes: whoever gave them may use their buffer again. */
export const bytesOf = (content: string | Uint8Array): Uint8Array =>
  typeof content === "string" ? encoder.encode(content) : content.slice()
