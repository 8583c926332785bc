/**
 * The files of a directory, read through Effect's `FileSystem`, as the entries of a tar archive.
 *
 * @internal
 */
import type * as Arr from "effect/Array"
import * as ByteSize from "effect/ByteSize"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Tar from "effect/encoding/Tar"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import type * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** What cannot be put into an archive, and why. */
export class Refused extends Data.TaggedError("Refused")<{ readonly issue: string }> {}

type Failure = Refused | PlatformError

/** How much of a file is read at a time: bytes. */
const piece = 256 * 1024

const refuse = (name: string, issue: string) => new Refused({ issue: `${JSON.stringify(name)} ${issue}` })

/** A link that has just taken a file's place is not followed, where the platform knows how. */
const openFile = (
  fs: FileSystem.FileSystem,
  path: string
): Effect.Effect<FileSystem.File, PlatformError, Scope.Scope> =>
  Effect.catchIf(
    fs.open(path, { flag: "r", noFollow: true }),
    ({ reason }) => reason._tag === "BadArgument",
    () => fs.open(path, { flag: "r" })
  )

/** As many bytes as the archive was told, also if the file has grown since. */
const contentOf = (
  fs: FileSystem.FileSystem,
  path: string,
  name: string,
  size: number
): Stream.Stream<Uint8Array, Failure> =>
  Stream.unwrap(Effect.map(openFile(fs, path), (file) => {
    let left = size
    const next: Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>, Failure> = Effect.suspend((): typeof next => {
      if (left === 0) return Cause.done()
      return Effect.flatMap(
        file.readAlloc(Math.min(piece, left)),
        Option.match({
          onNone: () => Effect.fail(refuse(name, "became shorter while it was read")),
          onSome: (bytes) => {
            left -= bytes.length
            return Effect.succeed<Arr.NonEmptyReadonlyArray<Uint8Array>>([bytes])
          }
        })
      )
    })
    return Stream.fromPull(Effect.succeed(next))
  }))

/** Under what name, and whose, it is to be. */
export interface Options {
  /** What every name begins with, without a slash at its end. Default: nothing. */
  readonly prefix?: string | undefined
  /** That the directory itself has an entry, under its prefix. Default `false`. */
  readonly isMade?: boolean | undefined
  /** Default: as the files say. */
  readonly uid?: number | undefined
  readonly gid?: number | undefined
}

interface Level {
  readonly path: string
  readonly name: string
  readonly names: ReadonlyArray<string>
  at: number
}

/** Everything in a directory, each directory before what is in it, in the order of the names. */
export const entries = (
  fs: FileSystem.FileSystem,
  root: string,
  options: Options
): Stream.Stream<Tar.Entry<Failure>, Failure> =>
  Stream.suspend(() => {
    const levels: Array<Level> = []
    /** The first name of each file that has several, by device and inode. */
    const linked = new Map<string, string>()
    let isBegun = false

    const enter = (path: string, name: string) =>
      Effect.map(fs.readDirectory(path), (names) => {
        levels.push({ path, name, names: names.toSorted(), at: 0 })
      })

    const attributes = ({ gid, mode, mtime, uid }: FileSystem.File.Info): Tar.EntryOptions => ({
      // Windows has no executable bit: there, its own client marks everything as executable.
      mode: process.platform === "win32" ? 0o755 : mode & 0o7777,
      uid: options.uid ?? Option.getOrElse(uid, () => 0),
      gid: options.gid ?? Option.getOrElse(gid, () => 0),
      mtime: Option.getOrElse(mtime, () => new Date(0))
    })

    const firstName = ({ dev, ino, nlink }: FileSystem.File.Info, name: string): string | undefined => {
      if (Option.isNone(ino) || Option.getOrElse(nlink, () => 1n) < 2n) return undefined
      const key = `${dev}:${ino.value}`
      const first = linked.get(key)
      if (first === undefined) linked.set(key, name)
      return first
    }

    const entryOf = (
      path: string,
      name: string,
      info: FileSystem.File.Info
    ): Effect.Effect<Tar.Entry<Failure> | undefined, Failure> => {
      switch (info.type) {
        case "Directory":
          return Effect.as(enter(path, name), Tar.directory(name, attributes(info)))
        case "SymbolicLink":
          return Effect.map(fs.readLink(path), (target) => Tar.symlink(name, target, attributes(info)))
        case "File": {
          const first = firstName(info, name)
          if (first !== undefined) return Effect.succeed(Tar.hardlink(name, first, attributes(info)))
          const size = ByteSize.toNumberUnsafe(info.size)
          return Effect.succeed(Tar.fileStream(name, size, contentOf(fs, path, name, size), attributes(info)))
        }
        case "Socket":
          // Of use only to whoever listens on it, and tar has no way to write one.
          return Effect.undefined
        default:
          return Effect.fail(refuse(name, "is neither a file nor a directory nor a link: it cannot be copied"))
      }
    }

    /** `undefined` when it was removed since its directory was read: what is copied is what is there. */
    const visit = (path: string, name: string): Effect.Effect<Tar.Entry<Failure> | undefined, Failure> =>
      Effect.flatMap(fs.lstat(path), (info) => entryOf(path, name, info)).pipe(
        Effect.catchIf(
          (error) => error._tag === "PlatformError" && error.reason._tag === "NotFound",
          () => name.includes("\uFFFD") ? Effect.fail(refuse(name, "has a name that is not UTF-8")) : Effect.undefined
        )
      )

    const begin = Effect.gen(function*() {
      isBegun = true
      const { isMade = false, prefix = "" } = options
      yield* enter(root, prefix)
      return isMade ? Tar.directory(prefix, attributes(yield* fs.stat(root))) : undefined
    })

    const advance = (level: Level): Effect.Effect<Tar.Entry<Failure> | undefined, Failure> => {
      const base = level.names[level.at++]
      if (base !== undefined) {
        return visit(`${level.path}/${base}`, level.name === "" ? base : `${level.name}/${base}`)
      }
      levels.pop()
      return Effect.undefined
    }

    const next: Pull.Pull<Arr.NonEmptyReadonlyArray<Tar.Entry<Failure>>, Failure> = Effect.suspend(
      (): typeof next => {
        const level = levels.at(-1)
        if (isBegun && level === undefined) return Cause.done()
        return Effect.flatMap(
          level === undefined ? begin : advance(level),
          (entry): typeof next => entry === undefined ? next : Effect.succeed([entry])
        )
      }
    )
    return Stream.fromPull(Effect.succeed(next))
  })
