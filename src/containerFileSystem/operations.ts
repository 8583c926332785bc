import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import { posix } from "node:path"
import { Backend } from "../Backend.ts"
import type * as Container from "../Container.ts"
import { content, isNoFile, look, lstat, notFound, realPath, stat } from "./archive.ts"
import { run } from "./command.ts"
import * as Directory from "./directory.ts"
import { badArgument, systemError } from "./failure.ts"
import * as File from "./file.ts"
import { infoOf } from "./info.ts"
import { list } from "./list.ts"
import * as Write from "./write.ts"

/** How a container's files are seen. */
export interface Options {
  /** Where relative paths begin, absolute. Default `"/"`. */
  readonly directory?: string | undefined
}

const seconds = (time: Date | number): string =>
  String(Math.floor(typeof time === "number" ? time : time.getTime() / 1000))

/** A `FileSystem` of a container's files. */
export const operations = (
  container: Container.Target,
  backend: Backend["Service"],
  { directory = "/" }: Options
): FileSystem.FileSystem => {
  const own = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provideService(effect, Backend, backend)

  const whole = (method: string, given: string): Effect.Effect<string, PlatformError> =>
    given === ""
      ? Effect.fail(notFound({ method, path: given }))
      : given.includes("\0")
      ? Effect.fail(badArgument(method, "The path contains a NUL character"))
      : Effect.succeed(posix.resolve("/", directory, given))

  /** An operation on a path, which errors name. */
  const on = <A, R>(
    method: string,
    given: string,
    act: (path: string, at: { readonly method: string; readonly path: string }) => Effect.Effect<A, PlatformError, R>
  ) => own(Effect.flatMap(whole(method, given), (path) => act(path, { method, path: given })))

  /** The same on two; errors name the first. */
  const between = <A, R>(
    method: string,
    first: string,
    second: string,
    act: (
      first: string,
      second: string,
      at: { readonly method: string; readonly path: string }
    ) => Effect.Effect<A, PlatformError, R>
  ) => on(method, first, (one, at) => Effect.flatMap(whole(method, second), (other) => act(one, other, at)))

  const temp = (options: { readonly directory?: string | undefined } | undefined) =>
    whole("makeTempDirectory", options?.directory ?? "/tmp")

  const made = FileSystem.make({
    access: (path) => on("access", path, (path, at) => Effect.asVoid(stat(container, at, path))),
    stat: (path) =>
      on("stat", path, (path, at) => Effect.map(stat(container, at, path), ({ header }) => infoOf(header))),
    lstat: (path) => on("lstat", path, (path, at) => Effect.map(lstat(container, at, path), infoOf)),
    readFile: (path) =>
      on("readFile", path, (path, at) =>
        Effect.gen(function*() {
          const { header, path: real } = yield* stat(container, at, path)
          if (header.type !== "File") return yield* isNoFile(at, header)
          const chunks = yield* Stream.runCollect(content(container, at, real))
          return Uint8Array.from(Buffer.concat(chunks))
        })),
    readLink: (path) =>
      on(
        "readLink",
        path,
        (path, at) =>
          Effect.flatMap(lstat(container, at, path), ({ linkTarget, type }) =>
            type === "Symlink"
              ? Effect.succeed(linkTarget ?? "")
              : Effect.fail(systemError(at, "Unknown", "this is no symbolic link")))
      ),
    realPath: (path) => on("realPath", path, (path, at) => realPath(container, at, path)),
    readDirectory: (path, options) =>
      on(
        "readDirectory",
        path,
        (path, at) =>
          Effect.map(list(container, at, path, options?.recursive), (entries) => entries.map(({ name }) => name))
      ),
    readDirectoryEntries: (path) => on("readDirectoryEntries", path, (path, at) => list(container, at, path)),
    writeFile: (path, data, options) =>
      on(
        "writeFile",
        path,
        (path, at) => Write.writeFile(container, at, path, data, options?.flag ?? "w", options?.mode)
      ),
    open: (path, options = {}) => on("open", path, (path) => File.open(container, path, options)),
    truncate: (path, length = 0) => on("truncate", path, (path) => File.truncate(container, "truncate", path, length)),
    makeDirectory: (path, options = {}) =>
      on("makeDirectory", path, (path, at) => Directory.make(container, at, path, options)),
    remove: (path, options = {}) => on("remove", path, (path, at) => Directory.remove(container, at, path, options)),
    rename: (from, to) =>
      between(
        "rename",
        from,
        to,
        (from, to, at) =>
          Effect.andThen(lstat(container, at, from), Effect.asVoid(run(container, at, ["mv", "-f", "-T", from, to])))
      ),
    copy: (from, to, { overwrite = false, preserveTimestamps = false } = {}) =>
      between("copy", from, to, (from, to, at) =>
        Effect.gen(function*() {
          const { type } = yield* lstat(container, at, from)
          const isThere = (yield* look(container, at, to)) !== undefined
          if (isThere && !overwrite && type !== "Directory") return
          const flags = ["-R", "-P", "-T", isThere && !overwrite ? "-n" : "-f", ...preserveTimestamps ? ["-p"] : []]
          yield* run(container, at, ["cp", ...flags, from, to])
        })),
    copyFile: (from, to) =>
      between("copyFile", from, to, (from, to, at) =>
        Effect.gen(function*() {
          const { header } = yield* stat(container, at, from)
          if (header.type !== "File") return yield* isNoFile(at, header)
          yield* run(container, at, ["cp", "-T", from, to])
        })),
    chmod: (path, mode) =>
      on(
        "chmod",
        path,
        (path, at) => Effect.asVoid(run(container, at, ["chmod", (mode & 0o7777).toString(8).padStart(5, "0"), path]))
      ),
    chown: (path, uid, gid) =>
      on("chown", path, (path, at) => Effect.asVoid(run(container, at, ["chown", `${uid}:${gid}`, path]))),
    utimes: (path, atime, mtime) =>
      on("utimes", path, (path, at) =>
        Effect.gen(function*() {
          // Told not to make it, the program does not say that it is not there.
          yield* stat(container, at, path)
          yield* run(container, at, ["touch", "-c", "-a", "-d", `@${seconds(atime)}`, path])
          yield* run(container, at, ["touch", "-c", "-m", "-d", `@${seconds(mtime)}`, path])
        })),
    link: (from, to) => between("link", from, to, (from, to, at) => Directory.link(container, at, from, to)),
    symlink: (target, path) => on("symlink", path, (path, at) => Directory.symlink(container, at, target, path)),
    makeTempDirectory: (options = {}) =>
      own(Effect.flatMap(temp(options), (above) => Directory.makeTemp(container, "makeTempDirectory", above, options))),
    makeTempDirectoryScoped: (options = {}) =>
      own(Effect.flatMap(temp(options), (above) => {
        const method = "makeTempDirectoryScoped"
        return Directory.scoped(
          container,
          method,
          Directory.makeTemp(container, method, above, options),
          (path) => path
        )
      })),
    makeTempFile: (options = {}) =>
      own(Effect.flatMap(temp(options), (above) => Directory.makeTempFile(container, "makeTempFile", above, options))),
    makeTempFileScoped: (options = {}) =>
      own(Effect.flatMap(temp(options), (above) => {
        const method = "makeTempFileScoped"
        return Directory.scoped(
          container,
          method,
          Directory.makeTempFile(container, method, above, options),
          posix.dirname
        )
      })),
    watch: () => Stream.fail(badArgument("watch", "The files of a container cannot be watched"))
  })
  return {
    ...made,
    sink: (given, { flag = "w", mode } = {}) => {
      // What is written at its end or in its middle is written piece by piece.
      if (!Write.flags(flag).truncates) return made.sink(given, { flag, mode })
      return Sink.provideService(
        Sink.unwrap(on("sink", given, (path, at) =>
          Effect.flatMap(
            Write.prepare(container, at, path, flag),
            (found) => Write.sink(container, at, found, mode)
          ))),
        Backend,
        backend
      )
    }
  }
}
