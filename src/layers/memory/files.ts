import * as Result from "effect/Result"
import { posix } from "node:path"
import type { Mount } from "../../ContainerConfig.ts"
import * as Errors from "../../Errors.ts"
import { host } from "./host.ts"
import type { FileAttributes } from "./recipe.ts"
import { type Answer, epoch, invalid, type Node, operation, type Place, Tree } from "./tree.ts"

const denied = (path: string, issue: string): Answer<never> =>
  Result.fail(new Errors.PermissionDenied({ operation, message: `${path}: ${issue}` }))

/** A part of another place. */
const below = (place: Place, path: string): Place => ({
  get: (inner) => place.get(posix.join(path, inner)),
  look: (inner) => place.look(posix.join(path, inner)),
  put: (inner, node) => place.put(posix.join(path, inner), node),
  replace: (inner, node) => place.replace(posix.join(path, inner), node),
  change: (inner, attributes) => place.change(posix.join(path, inner), attributes),
  rename: (from, to) => place.rename(posix.join(path, from), posix.join(path, to)),
  list: (inner) => place.list(posix.join(path, inner)),
  remove: (inner) => place.remove(posix.join(path, inner))
})

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

  /** As {@link get}, but a link itself. */
  look(path: string): Answer<Node> {
    const [{ place }, inner] = this.#at(path)
    return place.look(inner)
  }

  replace(path: string, node: Node): Answer<void> {
    const [{ place, readOnly }, inner] = this.#at(path)
    return readOnly ? denied(path, "the file system is read-only") : place.replace(inner, node)
  }

  change(path: string, attributes: FileAttributes): Answer<void> {
    const [{ place, readOnly }, inner] = this.#at(path)
    return readOnly ? denied(path, "the file system is read-only") : place.change(inner, attributes)
  }

  rename(from: string, to: string): Answer<void> {
    const [{ place, readOnly }, inner] = this.#at(from)
    const [other, target] = this.#at(to)
    if (other.place !== place) return invalid(from, `cannot be moved to ${to}, which is in another file system`)
    return readOnly ? denied(from, "the file system is read-only") : place.rename(inner, target)
  }

  /** The path of what a link leads to; the path itself of anything else. */
  real(path: string, hops = 0): string {
    const node = Result.getOrUndefined(this.look(path))
    return node?.type === "symlink" && hops < 40
      ? this.real(posix.resolve(posix.dirname(path), node.target), hops + 1)
      : path
  }

  list(path: string): Answer<ReadonlyArray<string>> {
    const [{ place }, inner] = this.#at(path)
    return place.list(inner)
  }

  remove(path: string): Answer<void> {
    const [{ place, readOnly }, inner] = this.#at(path)
    return readOnly ? denied(path, "the file system is read-only") : place.remove(inner)
  }

  /** A file, link or directory and all that is in it, each with its path below `path`. */
  walk(path: string, below = ""): Answer<ReadonlyArray<readonly [below: string, node: Node]>> {
    return Result.flatMap(this.look(path), (node): Answer<ReadonlyArray<readonly [string, Node]>> => {
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
