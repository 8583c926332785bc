import * as Effect from "effect/Effect"
import * as Tar from "effect/encoding/Tar"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import { posix } from "node:path"
import { Backend } from "../Backend.ts"
import * as Errors from "../Errors.ts"
import { reason } from "../errors/make.ts"
import * as FilesOf from "./filesOf.ts"
import { identify, type Target } from "./target.ts"
import * as Tree from "./tree.ts"
import { unpack } from "./unpack.ts"

/**
 * Whose the files are to be that are copied with their directory.
 *
 * @category models
 * @since 0.1.0
 */
export interface CopyDirectoryOptions {
  /** The owner of everything, by number. Default: each file's own. */
  readonly uid?: number | undefined
  readonly gid?: number | undefined
}

/**
 * Whose the files are to be that come out of a container.
 *
 * @category models
 * @since 0.1.0
 */
export interface CopyDirectoryFromOptions extends CopyDirectoryOptions {
  /**
   * Give each file the owner that it has in the container, which takes root. Default `false`: whoever copies owns them, and
   * no program gets the bits with which it would run as its owner or group.
   */
  readonly keepOwners?: boolean | undefined
}

type Failure = Errors.ContainerOptions | Errors.ContainerCopy | PlatformError

const isOf = (tag: Errors.Reason["_tag"]) => (error: Errors.ContainerCopy | PlatformError): boolean =>
  error._tag === "ContainerCopy" && error.reason._tag === tag

const isId = (id: number | undefined): boolean => id === undefined || (Number.isSafeInteger(id) && id >= 0)

const issueOf = (path: string, { gid, uid }: CopyDirectoryOptions): string | undefined => {
  if (!path.startsWith("/")) return `${JSON.stringify(path)} is not absolute: it must begin with "/"`
  if (path.includes("\0")) return `${JSON.stringify(path)} has a NUL character`
  return isId(uid) && isId(gid) ? undefined : "an owner is a whole number that is not negative"
}

/** Refuses what cannot be copied in either direction. */
const begin = Effect.fnUntraced(function*(
  field: "copyDirectoryFrom" | "copyDirectoryTo",
  container: Target,
  path: string,
  options: CopyDirectoryOptions
) {
  const backend = yield* Backend
  const fs = yield* FileSystem.FileSystem
  const { id, image } = identify(container)
  const refuse = (issue: string) => new Errors.ContainerOptions({ image, field, issue })
  const issue = issueOf(path, options)
  if (issue !== undefined) return yield* refuse(issue)
  if (yield* FilesOf.are(fs, { backend, container: id })) {
    return yield* refuse("the FileSystem is that of the same container, which cannot be read and written at once")
  }
  return { backend, fs, id, image, refuse }
})

/**
 * Copies what is in a directory of a `FileSystem`, this machine's for one, into a directory of a container, running or
 * not. When there is none, it is made like the one that is copied; the one above it must be there. What has a name now is
 * replaced by what comes under it, other files stay.
 *
 * Modes, owners by number, times to the second, links (never followed), files with several names and empty directories are
 * kept; sockets are left out. Files are sent as they are read, a few hundred kilobytes in memory at a time. A failure or
 * an interruption leaves in the container what was unpacked until then, perhaps with one file that is cut short. The tree
 * must not be of the same container, which some engines do not let be read while it is written.
 *
 * Fails with `ContainerOptions` before the engine is asked; with `ContainerCopy`: `NotFound` when there is no such
 * container or directory, `InvalidArgument` when something is no file, directory or link, or became shorter while it was
 * read; and with the `FileSystem`'s `PlatformError`.
 *
 * @category copying
 * @since 0.1.0
 */
export const copyDirectoryTo = Effect.fn("Container.copyDirectoryTo")(function*(
  container: Target,
  path: string,
  directory: string,
  options: CopyDirectoryOptions = {}
): Effect.fn.Return<void, Failure, Backend | FileSystem.FileSystem> {
  const { backend, fs, id, image, refuse } = yield* begin("copyDirectoryTo", container, path, options)
  const { type } = yield* fs.stat(directory)
  if (type !== "Directory") return yield* refuse(`${JSON.stringify(directory)} is no directory`)

  const archive = (
    prefix: string,
    isMade: boolean
  ): Stream.Stream<Uint8Array, Errors.ContainerCopy | PlatformError> =>
    Tree.entries(fs, directory, { ...options, prefix, isMade }).pipe(
      Stream.pipeThroughChannel(
        Tar.encode<Tree.Refused | PlatformError, unknown, Tar.Entry<Tree.Refused | PlatformError>>()
      ),
      // An engine that reads the archive itself has errors of that kind too, and is not to take these for such.
      Stream.mapError((error) => {
        if (error._tag === "PlatformError") return error
        const message = error._tag === "Refused" ? error.issue : error.message
        return new Errors.ContainerCopy({
          id,
          image,
          reason: reason("InvalidArgument", { operation: "copyIn", message: `${directory}: ${message}` })
        })
      })
    )

  const target = posix.normalize(path).replace(/(.)\/+$/, "$1")
  const unpacked = (into: string, prefix: string, isMade: boolean) =>
    Effect.catchIf(
      backend.copyIn(id, into, archive(prefix, isMade)),
      // Some engine takes no link that leads out of where it unpacks: none leads out of the root.
      isOf("Unsupported"),
      () => backend.copyIn(id, "/", archive(target.slice(1), isMade))
    )
  yield* Effect.catchIf(
    unpacked(target, "", false),
    (error) => target !== "/" && isOf("NotFound")(error),
    () => unpacked(posix.dirname(target), posix.basename(target), true)
  )
})

/**
 * Copies what is in a directory of a container, running or not, into a directory of a `FileSystem`, this machine's for
 * one. When there is none, it is made; the one above it must be there. A link to a directory is followed when `path` ends
 * with `/.`.
 *
 * Files and links that have a name now are replaced, directories that are there are kept, with their modes, and so is what
 * else is in them. Modes and times to the second are kept of files and of directories that are made, links as they are,
 * files with several names as such. Nothing is written outside of the directory: a name that leads out of it, or through a
 * link that is there or has just been made, is refused. That holds as long as nobody else writes there meanwhile.
 *
 * Files are written as they arrive, never held as a whole. A failure or an interruption leaves what was written until
 * then: perhaps one file that is cut short, and directories that only their owner may enter. The `FileSystem` must not be
 * that of the same container.
 *
 * Fails with `ContainerOptions` before the engine is asked; with `ContainerCopy`: `NotFound` when there is no such
 * container or directory, `InvalidArgument` when it is no directory and for a name that leads out, `Conflict` when a file
 * is where a directory has to be or the other way round, `Unsupported` for a device or a named pipe; and with the
 * `FileSystem`'s `PlatformError`.
 *
 * **Example** (Results of a job)
 *
 * ```ts
 * import { NodeFileSystem } from "@effect/platform-node-shared"
 * import { Effect } from "effect"
 * import { Container } from "effect-containers"
 *
 * const job = Container.make("node:24").pipe(Container.command(["npm", "run", "report"]))
 * const program = Effect.gen(function*() {
 *   const container = yield* Container.create(job)
 *   yield* Container.copyDirectoryTo(container, "/work", "./project", { uid: 1000, gid: 1000 })
 *   const { exitCode } = yield* container.start
 *   yield* exitCode
 *   yield* Container.copyDirectoryFrom(container, "/work/report", "./report")
 * }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))
 * ```
 *
 * @category copying
 * @since 0.1.0
 */
export const copyDirectoryFrom = Effect.fn("Container.copyDirectoryFrom")(function*(
  container: Target,
  path: string,
  directory: string,
  options: CopyDirectoryFromOptions = {}
): Effect.fn.Return<void, Failure, Backend | FileSystem.FileSystem> {
  const { backend, fs, id, image } = yield* begin("copyDirectoryFrom", container, path, options)
  const { gid, keepOwners = false, uid } = options
  const entries = Stream.pipeThroughChannel(
    backend.copyOut(id, path.replace(/(.)\/+$/, "$1")),
    Tar.decode<Errors.ContainerCopy>()
  )
  yield* Effect.mapError(unpack(fs, directory, entries, { keepOwners, uid, gid }), (error) => {
    if (error._tag === "PlatformError" || error._tag === "ContainerCopy") return error
    return new Errors.ContainerCopy({
      id,
      image,
      reason: error._tag === "TarError"
        ? reason("Protocol", { operation: "copyOut", message: `${path}: ${error.message}`, cause: error })
        : error
    })
  })
})
