/**
 * The files of a build context's directory as the entries of a tar archive.
 *
 * @internal
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Tar from "effect/encoding/Tar"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import * as Fs from "node:fs"
import * as FsPromises from "node:fs/promises"
import * as Path from "node:path"
import * as Dockerignore from "./dockerignore.ts"

/** What cannot be sent, and why. */
export interface Refused {
  readonly _tag: "Refused"
  readonly issue: string
}

/**
 * Up to this size a file is read whole and synchronously: opening, reading and closing a small file takes tens of
 * microseconds that way, and ten times as long through the thread pool.
 */
const small = 128 * 1024

/** One batch ends when it holds so many bytes or entries, so that other fibers get their turn. */
const batchBytes = 512 * 1024
const batchEntries = 256

/** How much of a large file is read at a time. */
const piece = 1024 * 1024

// never through a link, and never waiting for the other end of a pipe, should a file just have become one
const openFlags = Fs.constants.O_RDONLY | (Fs.constants.O_NOFOLLOW ?? 0) | (Fs.constants.O_NONBLOCK ?? 0)

/** One pull of a stream. */
type Batch<A> = Pull.Pull<Arr.NonEmptyReadonlyArray<A>, Refused>

const refused = (issue: string): Refused => ({ _tag: "Refused", issue })

/** The errno of a failed system call. */
export const code = (cause: unknown): unknown => {
  const error = cause instanceof Error && Cause.isUnknownError(cause) ? cause.cause : cause
  return error instanceof Error && "code" in error ? error.code : undefined
}

/** What a failed system call means to the person whose file it was. */
export const because = (cause: unknown): string => {
  switch (code(cause)) {
    case "ENOENT":
      return "does not exist"
    case "EACCES":
    case "EPERM":
      return "may not be read (permission denied)"
    case "ENOTDIR":
      return "is not a directory"
    case "EISDIR":
      return "is a directory"
    case "ELOOP":
      return "goes through too many symbolic links"
    default:
      return `cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
  }
}

const readSmall = (path: string, size: number): Uint8Array => {
  const bytes = new Uint8Array(size)
  const fd = Fs.openSync(path, openFlags)
  try {
    let at = 0
    while (at < size) {
      const read = Fs.readSync(fd, bytes, at, size - at, null)
      if (read === 0) return bytes.subarray(0, at)
      at += read
    }
    return bytes
  } finally {
    Fs.closeSync(fd)
  }
}

const readLarge = (path: string, name: string, size: number): Stream.Stream<Uint8Array, Refused> =>
  Stream.unwrap(Effect.gen(function*() {
    const failed = (cause: unknown): Refused => refused(`${JSON.stringify(name)} ${because(cause)}`)
    const file = yield* Effect.acquireRelease(
      Effect.tryPromise({ try: () => FsPromises.open(path, openFlags), catch: failed }),
      // nothing was written, so there is nothing that a failing close could lose
      (file) => Effect.promise(() => file.close().catch(() => undefined))
    )
    let left = size
    const pull: Batch<Uint8Array> = Effect.suspend((): Batch<Uint8Array> =>
      left === 0
        ? Cause.done()
        : Effect.tryPromise({ try: () => file.read(new Uint8Array(Math.min(piece, left))), catch: failed }).pipe(
          Effect.flatMap(({ buffer, bytesRead }) => {
            if (bytesRead === 0) {
              return Effect.fail(refused(`${JSON.stringify(name)} became shorter while it was read`))
            }
            left -= bytesRead
            return Effect.succeed([buffer.subarray(0, bytesRead)] as const)
          })
        )
    )
    return Stream.fromPull(Effect.succeed(pull))
  }))

interface Level {
  readonly name: string
  readonly names: ReadonlyArray<string>
  readonly matched: Dockerignore.Matched | undefined
  at: number
}

/** Walks a directory depth first, in the order of the names. */
class Walker {
  readonly #root: string
  readonly #ignore: Dockerignore.Dockerignore
  readonly #levels: Array<Level> = []
  /** The first name of each file that has several, by device and inode. */
  readonly #linked = new Map<string, string>()

  constructor(root: string, ignore: Dockerignore.Dockerignore) {
    this.#root = root
    this.#ignore = ignore
    this.#enter("", undefined)
  }

  #enter(name: string, matched: Dockerignore.Matched | undefined): void {
    this.#levels.push({ name, names: Fs.readdirSync(Path.join(this.#root, name)).sort(), matched, at: 0 })
  }

  /** The next thing to send; `undefined` at the end. */
  next(): Tar.Entry<Refused> | Refused | undefined {
    while (true) {
      const level = this.#levels[this.#levels.length - 1]
      if (level === undefined) return undefined
      const base = level.names[level.at++]
      if (base === undefined) {
        this.#levels.pop()
        continue
      }
      const name = level.name === "" ? base : `${level.name}/${base}`
      try {
        const entry = this.#visit(name, level.matched)
        if (entry !== undefined) return entry
      } catch (cause) {
        if (code(cause) !== "ENOENT") return refused(`${JSON.stringify(name)} ${because(cause)}`)
        if (name.includes("\uFFFD")) return refused(`the name of ${JSON.stringify(name)} is not UTF-8`)
        // removed since its directory was read: what is sent is what is there
      }
    }
  }

  #visit(name: string, parent: Dockerignore.Matched | undefined): Tar.Entry<Refused> | Refused | undefined {
    const { ignored, matched } = Dockerignore.test(this.#ignore, name, parent)
    if (ignored && !Dockerignore.mayHoldException(this.#ignore, name)) return undefined
    const path = Path.join(this.#root, name)
    const stat = Fs.lstatSync(path)
    if (stat.isDirectory()) this.#enter(name, matched)
    if (ignored) return undefined
    const options: Tar.EntryOptions = {
      // Windows has no executable bit: there, its own client marks everything as executable
      mode: process.platform === "win32" ? 0o755 : stat.mode & 0o7777,
      mtime: stat.mtime
    }
    if (stat.isDirectory()) return Tar.directory(name, options)
    if (stat.isSymbolicLink()) return Tar.symlink(name, Fs.readlinkSync(path).replaceAll(Path.sep, "/"), options)
    if (stat.isFile()) {
      if (stat.nlink > 1) {
        const key = `${stat.dev}:${stat.ino}`
        const first = this.#linked.get(key)
        if (first !== undefined) return Tar.hardlink(name, first, options)
        this.#linked.set(key, name)
      }
      return stat.size <= small
        ? Tar.file(name, readSmall(path, stat.size), options)
        : Tar.fileStream(name, stat.size, readLarge(path, name, stat.size), options)
    }
    // A socket is of use only to whoever listens on it, and tar has no way to write one: the client leaves it out, too.
    if (stat.isSocket()) return undefined
    const kind = stat.isFIFO() ? "a named pipe" : "a device"
    return refused(`${JSON.stringify(name)} is ${kind}, which cannot be part of a build: list it in .dockerignore`)
  }
}

/**
 * Everything in a directory that is not ignored. `root` must be a real path.
 */
export const entries = (
  root: string,
  ignore: Dockerignore.Dockerignore
): Stream.Stream<Tar.Entry<Refused>, Refused> =>
  Stream.fromPull(Effect.map(
    Effect.try({
      try: () => new Walker(root, ignore),
      catch: (cause) => refused(`${JSON.stringify(root)} ${because(cause)}`)
    }),
    (walker) => {
      let pending: Refused | undefined
      return Effect.suspend((): Batch<Tar.Entry<Refused>> => {
        if (pending !== undefined) return Effect.fail(pending)
        const first = walker.next()
        if (first === undefined) return Cause.done()
        if ("_tag" in first) return Effect.fail(first)
        const batch: [Tar.Entry<Refused>, ...Array<Tar.Entry<Refused>>] = [first]
        let bytes = first.header.size
        while (bytes < batchBytes && batch.length < batchEntries) {
          const entry = walker.next()
          if (entry === undefined) break
          if ("_tag" in entry) {
            pending = entry
            break
          }
          batch.push(entry)
          bytes += entry.header.size
        }
        return Effect.succeed(batch)
      })
    }
  ))
