import * as Effect from "effect/Effect"
import * as Tar from "effect/encoding/Tar"
import * as Stream from "effect/Stream"
import { posix } from "node:path"
import { Backend } from "../Backend.ts"
import * as Errors from "../Errors.ts"
import { identify, type Target } from "./target.ts"

/**
 * How a file is to be in the container.
 *
 * @category models
 * @since 0.1.0
 */
export interface CopyOptions {
  /** Permissions. Default `0o644`. */
  readonly mode?: number | undefined
  /** Its owner, by number. Default 0, root. */
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  /** The bytes of a Stream, which has to say it: an archive has a file's size before its content. */
  readonly size?: number | undefined
}

const issueOf = (path: string): string | undefined => {
  if (!path.startsWith("/")) return `${JSON.stringify(path)} is not absolute: it must begin with "/"`
  if (path.includes("\0")) return `${JSON.stringify(path)} has a NUL character`
  return path.endsWith("/") ? `${JSON.stringify(path)} names no file` : undefined
}

const entryOf = <E, R>(
  name: string,
  content: string | Uint8Array | Stream.Stream<Uint8Array, E, R>,
  { size, ...options }: CopyOptions
): Tar.Entry<E, R> | string => {
  if (!Stream.isStream(content)) return Tar.file(name, content, options)
  return size === undefined || !(Number.isSafeInteger(size) && size >= 0)
    ? "a Stream needs its size, in bytes"
    : Tar.fileStream(name, size, content, options)
}

/**
 * Writes a file into a container, running or not. Its directory must be there; what has the path now is replaced. A
 * Stream, whose `size` has to be given, is sent as it comes.
 *
 * Fails with `ContainerOptions` before the engine is asked, and with `ContainerCopy`: `NotFound` when there is no such
 * container or directory, `InvalidArgument` when a Stream has another size than was said.
 *
 * **Example** (A configuration, before it starts)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { Container } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const image = Memory.image("app", ({ files }) => Effect.map(files.readText("/etc/app.conf"), (stdout) => ({ stdout })))
 * const program = Effect.gen(function*() {
 *   const created = yield* Container.create(Container.make("app"))
 *   yield* Container.copyTo(created, "/etc/app.conf", "port = 80\n")
 *   const app = yield* created.start
 *   yield* app.exitCode
 *   return yield* Container.readText(app, "/etc/app.conf")
 * }).pipe(Effect.scoped, Effect.provide(Memory.layer({ images: [image] })))
 * await Effect.runPromise(program) // => "port = 80\n"
 * ```
 *
 * @category copying
 * @since 0.1.0
 */
export const copyTo = Effect.fn("Container.copyTo")(function*<E = never, R = never>(
  container: Target,
  path: string,
  content: string | Uint8Array | Stream.Stream<Uint8Array, E, R>,
  options: CopyOptions = {}
): Effect.fn.Return<void, Errors.ContainerOptions | Errors.ContainerCopy | E, Backend | R> {
  const backend = yield* Backend
  const { id, image } = identify(container)
  const entry = entryOf(posix.basename(path), content, options)
  const issue = issueOf(path) ?? (typeof entry === "string" ? entry : undefined)
  if (typeof entry === "string" || issue !== undefined) {
    return yield* new Errors.ContainerOptions({ image, field: "copyTo", issue: issue ?? "" })
  }
  const services = yield* Effect.context<R>()
  const archive = Stream.make(entry).pipe(
    Stream.pipeThroughChannel(Tar.encode<never, unknown, Tar.Entry<E, R>>()),
    // An engine that reads the archive itself has errors of that kind too, and is not to take this for one.
    Stream.mapError((error) =>
      Tar.isTarError(error)
        ? new Errors.ContainerCopy({
          id,
          image,
          reason: new Errors.InvalidArgument({ operation: "copyIn", message: `${path}: ${error.message}` })
        })
        : error
    ),
    Stream.provideContext(services)
  )
  yield* backend.copyIn(id, posix.dirname(path), archive)
})

/**
 * The content of a file of a container, running or not, as it arrives.
 *
 * Fails with `ContainerOptions` before the engine is asked, and with `ContainerCopy`: `NotFound` when there is no such
 * container or file, `InvalidArgument` when it is a directory or a link.
 *
 * @category copying
 * @since 0.1.0
 */
export const copyFrom = (
  container: Target,
  path: string
): Stream.Stream<Uint8Array, Errors.ContainerOptions | Errors.ContainerCopy, Backend> =>
  Stream.unwrap(Effect.gen(function*() {
    const backend = yield* Backend
    const { id, image } = identify(container)
    const issue = issueOf(path)
    if (issue !== undefined) return yield* new Errors.ContainerOptions({ image, field: "copyFrom", issue })
    const failed = (reason: Errors.Reason) => new Errors.ContainerCopy({ id, image, reason })
    const isNone = (what: string) =>
      failed(new Errors.InvalidArgument({ operation: "copyOut", message: `${path} is no file, but a ${what}` }))
    return backend.copyOut(id, path).pipe(
      Stream.pipeThroughChannel(Tar.decode()),
      // Of a directory, what is in it follows.
      Stream.take(1),
      Stream.orElseIfEmpty(() =>
        Stream.fail(
          failed(new Errors.Protocol({ operation: "copyOut", message: `${path}: the engine gave an empty archive` }))
        )
      ),
      Stream.flatMap(({ body, header }) =>
        header.type === "File" ? body : Stream.fail(isNone(header.type.toLowerCase()))
      ),
      Stream.mapError((error) =>
        Tar.isTarError(error)
          ? failed(new Errors.Protocol({ operation: "copyOut", message: `${path}: ${error.message}` }))
          : error
      )
    )
  }))

/**
 * The text of a file of a container, read as UTF-8: see {@link copyFrom}.
 *
 * @category copying
 * @since 0.1.0
 */
export const readText = (
  container: Target,
  path: string
): Effect.Effect<string, Errors.ContainerOptions | Errors.ContainerCopy, Backend> =>
  Stream.mkString(Stream.decodeText(copyFrom(container, path)))
