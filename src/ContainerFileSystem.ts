/**
 * Effect's `FileSystem` and `Path`, on the files of a container: a program written with them is moved into a container by
 * a Layer.
 *
 * Most is done by the engine's archives, which takes nothing of the image, and works also when the container does not run.
 * A program of the container, of GNU's or busybox's, is needed for the following, which fail with `BadResource` and name
 * it where the image has none, or the container does not run:
 *
 * - `remove`: `rm`; `rename`: `mv`; `copy` and `copyFile`: `cp`; `chmod`, `chown`; `utimes`: `touch`
 * - `truncate` to a length: `truncate`; flags that begin with `a` or `r+`, and writing to an open file: `dd`; `sync`: `sync`
 * - `readDirectory`, `readDirectoryEntries` and `glob` use `find`; without one a whole archive of the directory is read
 *
 * What differs from a file system of this machine:
 *
 * - Everything is done as root, whom no mode stops, and what is made is root's; `access` only says whether it is there.
 *   New files get the mode that is given less `0o022`.
 * - A relative path begins at `/`, or at the `directory` that is given; `..` is taken away before the engine sees a path.
 * - `stat` knows type, mode, size, modification time and owner; nothing else is there, and `dev` is 0.
 * - Writing a whole file puts another in its place, with the same mode and owner; its other names keep the old one. `wx`
 *   looks first and writes then: whoever is faster in between is replaced.
 * - An open file is known by its path, and reads from a copy that is taken when it is first read, and again after it has
 *   written; the copy, as the content of a `sink` until its end, is a temporary file of this machine. Each `write` is a
 *   process of its own: `writeFile` or `sink` are the way to write much.
 * - What the kernel makes up (`/proc`, `/sys`), and on Docker what is mounted as tmpfs, is not in archives.
 * - `watch` fails with `BadArgument`.
 *
 * Errors are `PlatformError`s with the tags that Node's file system gives; a container that is not there is `BadResource`.
 *
 * **Example** (A program that does not know where it runs)
 *
 * ```ts import.meta.vitest
 * import { Effect, FileSystem } from "effect"
 * import { Container, ContainerFileSystem } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const program = Effect.gen(function*() {
 *   const fs = yield* FileSystem.FileSystem
 *   yield* fs.makeDirectory("/srv/site", { recursive: true })
 *   yield* fs.writeFileString("/srv/site/index.html", "hello")
 *   return yield* fs.readFileString("/srv/site/index.html")
 * })
 *
 * const moved = Effect.gen(function*() {
 *   const container = yield* Container.create(Container.make("debian"))
 *   return yield* Effect.provide(program, ContainerFileSystem.layer(container))
 * }).pipe(Effect.scoped, Effect.provide(Memory.layer({ images: [Memory.image("debian", () => 0)] })))
 * await Effect.runPromise(moved) // => "hello"
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import { Backend } from "./Backend.ts"
import type * as Container from "./Container.ts"
import { mark } from "./container/filesOf.ts"
import { identify } from "./container/target.ts"
import { operations, type Options as Settings } from "./containerFileSystem/operations.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Options extends Settings {}

/**
 * The files of a container, running or not, by its handle, id or name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  container: Container.Target,
  options: Options = {}
): Effect.Effect<FileSystem.FileSystem, never, Backend> =>
  Effect.map(
    Backend,
    (backend) => mark(operations(container, backend, options), { backend, container: identify(container).id })
  )

/**
 * {@link make} as a Layer, with `Path` as it is in a container.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  container: Container.Target,
  options: Options = {}
): Layer.Layer<FileSystem.FileSystem | Path.Path, never, Backend> =>
  Layer.merge(Layer.effect(FileSystem.FileSystem, make(container, options)), Path.layer)
