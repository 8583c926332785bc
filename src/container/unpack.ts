/**
 * The entries of a tar archive, written through Effect's `FileSystem` into a directory that nothing leads out of.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as Tar from "effect/encoding/Tar"
import type * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Errors from "../Errors.ts"
import { reason } from "../errors/make.ts"

/** Whose what is written is to be; `undefined`: that of whoever writes it. */
export interface Options {
  readonly keepOwners: boolean
  readonly uid: number | undefined
  readonly gid: number | undefined
}

const refuse = (tag: "InvalidArgument" | "Conflict" | "Unsupported", path: string, issue: string): Errors.Reason =>
  reason(tag, { operation: "copyOut", message: `${path}: ${issue}` })

/** The bits with which a program runs as its owner or group: an image's are not to run as whoever copies. */
const asAnother = 0o6000

/** The names on the way to an entry; `undefined` when it does not stay where it belongs. */
const partsOf = (path: string): ReadonlyArray<string> | undefined => {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".")
  // There, a name with one of these is more than one name.
  const isForeign = process.platform === "win32" && parts.some((part) => /[\\:]/.test(part))
  return path.startsWith("/") || parts.includes("..") || isForeign ? undefined : parts
}

/** What is in the first entry, a directory, is written into `directory`, which is made when it is not there. */
export const unpack = <E>(
  fs: FileSystem.FileSystem,
  directory: string,
  archive: Stream.Stream<Tar.Entry<E>, E>,
  options: Options
): Effect.Effect<void, E | Errors.Reason | PlatformError> =>
  Effect.gen(function*() {
    let top: ReadonlyArray<string> | undefined
    /** Seen to be directories, and no links to one. */
    const known = new Set<string>()
    /** Get what their entries say at the end: until then they have to let us in. */
    const made: Array<{ readonly path: string; readonly header: Tar.Header }> = []
    const at = (parts: ReadonlyArray<string>): string => [directory, ...parts].join("/")

    /** Below the first entry. */
    const inside = (path: string): Effect.Effect<ReadonlyArray<string>, Errors.Reason> => {
      const parts = partsOf(path)
      return parts === undefined || top?.every((part, n) => parts[n] === part) !== true
        ? Effect.fail(refuse("InvalidArgument", path, `this would be outside of ${directory}`))
        : Effect.succeed(parts.slice(top.length))
    }

    const typeAt = (path: string): Effect.Effect<FileSystem.File.Type | undefined, PlatformError> =>
      fs.lstat(path).pipe(
        Effect.map(({ type }) => type),
        Effect.catchIf(({ reason }) => reason._tag === "NotFound", () => Effect.undefined)
      )

    const enter = Effect.fnUntraced(function*(
      path: string,
      make: Effect.Effect<void, PlatformError>
    ): Effect.fn.Return<void, Errors.Reason | PlatformError> {
      if (known.has(path)) return
      const type = yield* typeAt(path)
      if (type === undefined) yield* make
      else if (type !== "Directory") return yield* refuse("Conflict", path, "this is there, and is no directory")
      known.add(path)
    })

    /** All that lead to it: a link among them would lead elsewhere. */
    const reach = (parts: ReadonlyArray<string>) =>
      Effect.forEach(parts.slice(0, -1), (_, n) => {
        const path = at(parts.slice(0, n + 1))
        return enter(path, fs.makeDirectory(path, { mode: 0o755 }))
      }, { discard: true })

    /** Makes room: files and links are replaced, directories are not. */
    const vacate = Effect.fnUntraced(function*(
      path: string
    ): Effect.fn.Return<void, Errors.Reason | PlatformError> {
      const type = yield* typeAt(path)
      if (type === "Directory") return yield* refuse("Conflict", path, "this is there, and is a directory")
      if (type !== undefined) yield* fs.remove(path)
    })

    const settle = Effect.fnUntraced(function*(path: string, { gid, mode, mtime, uid }: Tar.Header) {
      const owner = { uid: options.uid ?? uid, gid: options.gid ?? gid }
      if (options.keepOwners || options.uid !== undefined || options.gid !== undefined) {
        yield* fs.chown(path, owner.uid, owner.gid)
      }
      // After the owner, whose change takes setuid away.
      yield* fs.chmod(path, options.keepOwners ? mode : mode & ~asAnother)
      yield* fs.utimes(path, mtime, mtime)
    })

    const write = Effect.fnUntraced(function*(
      path: string,
      { body }: Tar.Entry<E>
    ): Effect.fn.Return<void, E | PlatformError, Scope.Scope> {
      // What was not there before is no link to something else.
      const file = yield* fs.open(path, { flag: "wx", mode: 0o600 })
      yield* Stream.runForEach(body, (bytes) => file.writeAll(bytes))
    })

    const hardLink = Effect.fnUntraced(function*(path: string, header: Tar.Header) {
      const source = yield* inside(header.linkTarget ?? "")
      yield* reach(source)
      const from = at(source)
      const type = yield* typeAt(from)
      // Some systems would link to what it leads to.
      if (type === "SymbolicLink") return yield* fs.symlink(yield* fs.readLink(from), path)
      if (type !== "File") return yield* refuse("InvalidArgument", header.path, `${from} is no file to link to`)
      yield* fs.link(from, path)
    })

    const begin = Effect.fnUntraced(function*({ header }: Tar.Entry<E>) {
      const parts = partsOf(header.path)
      if (header.type !== "Directory" || parts === undefined) {
        return yield* refuse("InvalidArgument", header.path, `this is no directory, but a ${header.type.toLowerCase()}`)
      }
      top = parts
      if (yield* fs.exists(directory)) {
        const { type } = yield* fs.stat(directory)
        if (type !== "Directory") return yield* refuse("Conflict", directory, "this is there, and is no directory")
        return
      }
      yield* fs.makeDirectory(directory, { mode: 0o700 })
      made.push({ path: directory, header })
    })

    const apply = Effect.fnUntraced(function*(
      entry: Tar.Entry<E>
    ): Effect.fn.Return<void, E | Errors.Reason | PlatformError> {
      if (top === undefined) return yield* begin(entry)
      const { header } = entry
      const parts = yield* inside(header.path)
      if (parts.length === 0) return
      const path = at(parts)
      yield* reach(parts)
      if (header.type === "Directory") {
        return yield* enter(
          path,
          Effect.map(fs.makeDirectory(path, { mode: 0o700 }), () => {
            made.push({ path, header })
          })
        )
      }
      yield* vacate(path)
      switch (header.type) {
        case "File":
          yield* Effect.scoped(write(path, entry))
          return yield* settle(path, header)
        case "Symlink":
          return yield* fs.symlink(header.linkTarget ?? "", path)
        case "Hardlink":
          return yield* hardLink(path, header)
        default:
          return yield* refuse("Unsupported", header.path, `a ${header.type} cannot be made here`)
      }
    })

    yield* Stream.runForEach(archive, apply)
    yield* Effect.forEach(made.toReversed(), ({ header, path }) => settle(path, header), { discard: true })
  })
