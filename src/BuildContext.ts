/**
 * What an image is built from: a directory, a tar archive, or the text of one Dockerfile. Making a `BuildContext` reads
 * nothing; {@link open} and {@link toTar} turn it into the tar stream that an engine is sent.
 *
 * **Example** (A Dockerfile and nothing else)
 *
 * ```ts import.meta.vitest
 * import { Effect, Stream } from "effect"
 * import { BuildContext } from "effect-containers"
 *
 * const context = BuildContext.fromDockerfile("FROM busybox\nRUN echo hello > /greeting\n")
 * context.dockerfile // => "Dockerfile"
 * const archive = BuildContext.toTar(context, { image: "greeter:1" })
 * await Effect.runPromise(Stream.runFold(archive, () => 0, (size, bytes) => size + bytes.length)) // => 2048
 * ```
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Tar from "effect/encoding/Tar"
import * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Fs from "node:fs"
import * as FsPromises from "node:fs/promises"
import * as Path from "node:path"
import * as Archive from "./buildContext/archive.ts"
import * as Dockerignore from "./buildContext/dockerignore.ts"
import * as Walk from "./buildContext/walk.ts"
import * as Errors from "./Errors.ts"

// ---------------------------------------------------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------------------------------------------------

/**
 * A directory, sent without what its ignore file excludes. See {@link fromDirectory}.
 *
 * @category models
 * @since 0.1.0
 */
export class Directory extends Data.TaggedClass("Directory")<{
  /** The directory, relative to the process's own if it is not absolute. */
  readonly path: string
  /** The Dockerfile's path inside the context. */
  readonly dockerfile: string
}> {}

/**
 * An archive that is there already. See {@link fromTar}.
 *
 * @category models
 * @since 0.1.0
 */
export class Archived extends Data.TaggedClass("Archived")<{
  readonly source: TarSource
  /** The Dockerfile's path inside the archive. */
  readonly dockerfile: string
}> {}

/**
 * One Dockerfile. See {@link fromDockerfile}.
 *
 * @category models
 * @since 0.1.0
 */
export class Dockerfile extends Data.TaggedClass("Dockerfile")<{
  readonly text: string
  /** The path at which the text is put in the context. */
  readonly dockerfile: string
}> {}

/**
 * What an image is built from. Every kind has the path of its Dockerfile inside the context as `dockerfile`, which is
 * what an engine must be told along with the tar stream.
 *
 * @category models
 * @since 0.1.0
 */
export type BuildContext = Directory | Archived | Dockerfile

/**
 * Where a tar archive comes from: bytes, a stream of bytes, or a file.
 *
 * @category models
 * @since 0.1.0
 */
export type TarSource = Uint8Array | Stream.Stream<Uint8Array, unknown> | { readonly path: string }

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The Dockerfile's path inside the context, with `/` between its parts. Default: `"Dockerfile"`. */
  readonly dockerfile?: string | undefined
}

// ---------------------------------------------------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------------------------------------------------

/**
 * Builds from a directory, as `docker build DIRECTORY` does.
 *
 * - What `.dockerignore` excludes is not sent: `**`, `!` exceptions in order, comments. If there is a
 *   `<dockerfile>.dockerignore` beside the Dockerfile, it is used in its place. The Dockerfile and `.dockerignore` itself
 *   are always sent, because engines read them. As with the client, a directory that is excluded as a whole is searched
 *   only for exceptions that name it: below an excluded `docs`, `!docs/*.md` finds files, `!**.md` does not.
 * - Links are sent as links, files with several names once, empty directories as such; modes and modification times (to
 *   the second) are kept, and everything belongs to user and group 0. Sockets are left out.
 * - Entries come in the order of their names: one directory always gives the same archive.
 * - The Dockerfile must be inside the directory. For one from elsewhere, copy it into the directory, or use
 *   {@link fromDockerfile} if it needs no files.
 *
 * {@link open} and {@link toTar} fail with `ImageOptions` when the directory or the Dockerfile does not exist, when a
 * line of the ignore file is wrong, and when something cannot be read or sent: a file without permission, a named pipe, a
 * device, a name that is not UTF-8.
 *
 * **Example** (Another Dockerfile)
 *
 * ```ts import.meta.vitest
 * import { BuildContext } from "effect-containers"
 *
 * BuildContext.fromDirectory("./service", { dockerfile: "docker/prod.Dockerfile" }).dockerfile // => "docker/prod.Dockerfile"
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromDirectory = (path: string, options?: Options): Directory =>
  new Directory({ path, dockerfile: options?.dockerfile ?? "Dockerfile" })

/**
 * Builds from a tar archive, plain or compressed with gzip, bzip2, xz or zstd (which of these is up to the engine). It is
 * sent as it is: no ignore file is applied here.
 *
 * A stream given here is run once for every build, and again when an engine has the build begun again, as
 * `Image.build` says; if it can be run only once, so can the build. {@link open} and {@link toTar} fail with
 * `ImageOptions`, field `"context"`, when it is not a tar archive or cannot be read, and when the stream fails.
 *
 * **Example** (What is no archive is refused before any engine is called)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { BuildContext } from "effect-containers"
 *
 * const context = BuildContext.fromTar(new TextEncoder().encode("FROM busybox"))
 * const error = await Effect.runPromise(
 *   BuildContext.open(context, { image: "app" }).pipe(Effect.scoped, Effect.flip)
 * )
 * error.field // => "context"
 * error.issue // => "is not a tar archive: it ends after 12 of the 512 bytes of a header"
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromTar = (source: TarSource, options?: Options): Archived =>
  new Archived({ source, dockerfile: options?.dockerfile ?? "Dockerfile" })

/**
 * Builds from the text of a Dockerfile, without any files: `COPY` finds nothing but the Dockerfile itself.
 *
 * {@link open} and {@link toTar} fail with `ImageOptions` when the text is empty.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromDockerfile = (text: string, options?: Options): Dockerfile =>
  new Dockerfile({ text, dockerfile: options?.dockerfile ?? "Dockerfile" })

// ---------------------------------------------------------------------------------------------------------------------
// conversions
// ---------------------------------------------------------------------------------------------------------------------

type Refuse = (field: "context" | "dockerfile" | "dockerignore", issue: string) => Errors.ImageOptions

const isDirectory = (path: string): Effect.Effect<boolean, Cause.UnknownError> =>
  Effect.tryPromise(() => FsPromises.stat(path)).pipe(
    Effect.map((stat) => stat.isDirectory())
  )

/** The Dockerfile's path, normalised; a string that says why it cannot be one otherwise. */
const checkDockerfile = (dockerfile: string, refuse: Refuse): Effect.Effect<string, Errors.ImageOptions> => {
  const path = Path.posix.normalize(dockerfile)
  const quoted = JSON.stringify(dockerfile)
  const issue = dockerfile === "" || path.endsWith("/") || path === "."
    ? `must be the path of a file inside the context, such as "docker/Dockerfile", not ${quoted}`
    : dockerfile.includes("\0")
    ? `must not contain NUL: ${quoted}`
    : Path.posix.isAbsolute(path) || Path.isAbsolute(dockerfile)
    ? `must be relative to the context, not absolute: ${quoted}`
    : path === ".." || path.startsWith("../")
    ? `is outside of the context: ${quoted}; copy it into the context`
    : undefined
  return issue === undefined ? Effect.succeed(path) : Effect.fail(refuse("dockerfile", issue))
}

const readText = (path: string): Effect.Effect<string | undefined, Cause.UnknownError> =>
  Effect.tryPromise(() => FsPromises.readFile(path, "utf8")).pipe(
    Effect.catchIf((error) => Walk.code(error) === "ENOENT", () => Effect.undefined)
  )

const readIgnore = Effect.fnUntraced(function*(root: string, dockerfile: string, refuse: Refuse) {
  for (const name of [`${dockerfile}.dockerignore`, ".dockerignore"]) {
    const text = yield* readText(Path.join(root, name)).pipe(
      Effect.mapError((cause) => refuse("dockerignore", `${JSON.stringify(name)} ${Walk.because(cause)}`))
    )
    if (text === undefined) continue
    return yield* Effect.fromResult(Dockerignore.parse(text)).pipe(
      Effect.mapError((issue) => refuse("dockerignore", `${JSON.stringify(name)}: ${issue}`))
    )
  }
  return Dockerignore.empty
})

const encode = (
  entries: Stream.Stream<Tar.Entry<Walk.Refused>, Walk.Refused>,
  refuse: Refuse
): Stream.Stream<Uint8Array, Errors.ImageOptions> =>
  entries.pipe(
    Stream.pipeThroughChannel(Tar.encode<Walk.Refused, unknown, Tar.Entry<Walk.Refused>>()),
    Stream.mapError((error) => refuse("context", error._tag === "Refused" ? error.issue : error.message))
  )

const prepareDirectory = Effect.fnUntraced(function*(context: Directory, refuse: Refuse) {
  const quoted = JSON.stringify(context.path)
  const failed = (cause: unknown) => refuse("context", `the directory ${quoted} ${Walk.because(cause)}`)
  if (context.path === "") return yield* refuse("context", "must be the path of a directory, not empty")
  const root = yield* Effect.tryPromise({ try: () => FsPromises.realpath(context.path), catch: failed })
  if (!(yield* isDirectory(root).pipe(Effect.mapError(failed)))) {
    return yield* refuse("context", `${quoted} is not a directory`)
  }

  const dockerfile = yield* checkDockerfile(context.dockerfile, refuse)
  const dockerfileFailed = (cause: unknown) =>
    refuse("dockerfile", `the file ${JSON.stringify(dockerfile)} in the directory ${quoted} ${Walk.because(cause)}`)
  const real = yield* Effect.tryPromise({
    try: () => FsPromises.realpath(Path.join(root, dockerfile)),
    catch: dockerfileFailed
  })
  if (yield* isDirectory(real).pipe(Effect.mapError(dockerfileFailed))) {
    return yield* refuse("dockerfile", `${JSON.stringify(dockerfile)} in the directory ${quoted} is a directory`)
  }
  yield* Effect.tryPromise({ try: () => FsPromises.access(real, Fs.constants.R_OK), catch: dockerfileFailed })
  const target = Path.relative(root, real).replaceAll(Path.sep, "/")
  if (target.startsWith("../") || Path.isAbsolute(target)) {
    return yield* refuse(
      "dockerfile",
      `${JSON.stringify(dockerfile)} is a link to ${JSON.stringify(real)}, which is outside of the context: ` +
        "copy it into the context"
    )
  }

  const ignore = [".dockerignore", dockerfile, target].reduce(
    Dockerignore.keeping,
    yield* readIgnore(root, dockerfile, refuse)
  )
  return encode(Walk.entries(root, ignore), refuse)
})

const fileBytes = (path: string): Stream.Stream<Uint8Array, Cause.UnknownError> =>
  Stream.unwrap(Effect.gen(function*() {
    const file = yield* Effect.acquireRelease(
      Effect.tryPromise(() => FsPromises.open(path, "r")),
      // nothing was written, so there is nothing that a failing close could lose
      (file) => Effect.promise(() => file.close().catch(() => undefined))
    )
    return Stream.fromPull(Effect.succeed(
      Effect.tryPromise(() => file.read(new Uint8Array(256 * 1024))).pipe(
        Effect.flatMap(({ buffer, bytesRead }) =>
          bytesRead === 0 ? Cause.done() : Effect.succeed([buffer.subarray(0, bytesRead)] as const)
        )
      )
    ))
  }))

const prepareArchive = Effect.fnUntraced(function*(
  source: TarSource,
  refuse: Refuse
): Effect.fn.Return<Stream.Stream<Uint8Array, Errors.ImageOptions>, Errors.ImageOptions, Scope.Scope> {
  if (source instanceof Uint8Array) {
    const issue = Archive.check(source, true)
    return issue === undefined ? Stream.succeed(source) : yield* refuse("context", issue)
  }
  const isFile = !Stream.isStream(source)
  const name = isFile ? `the file ${JSON.stringify(source.path)}` : "the stream"
  const pull = yield* Stream.toPull(
    (isFile ? fileBytes(source.path) : source).pipe(
      Stream.mapError((cause) =>
        refuse(
          "context",
          isFile
            ? `${name} ${Walk.because(cause)}`
            : `${name} of the tar archive failed: ${cause instanceof Error ? cause.message : String(cause)}`
        )
      )
    )
  )
  const seen: Array<Uint8Array> = []
  let size = 0
  let ended = false
  while (size < Archive.sample && !ended) {
    const chunks = yield* Pull.catchDone(pull, () => Effect.undefined)
    if (chunks === undefined) ended = true
    else {
      for (const chunk of chunks) {
        seen.push(chunk)
        size += chunk.length
      }
    }
  }
  const issue = Archive.check(Buffer.concat(seen), ended)
  if (issue !== undefined) return yield* refuse("context", `${name} ${issue}`)
  let isFirst = true
  return Stream.suspend(() => {
    // What was opened is read once; whoever wants it again has it opened again.
    if (!isFirst) return Stream.unwrap(prepareArchive(source, refuse))
    isFirst = false
    return Stream.concat(
      Stream.fromArray(seen),
      ended ? Stream.empty : Stream.fromPull(Effect.succeed(pull))
    )
  })
})

const prepareText = (text: string, dockerfile: string, refuse: Refuse) =>
  text.trim() === ""
    ? Effect.fail(refuse("dockerfile", "the text of the Dockerfile is empty: it needs a FROM at least"))
    : Effect.succeed(encode(Stream.succeed(Tar.file(dockerfile, text)), refuse))

/**
 * Checks a context and gives its tar stream. All that can be found wrong without sending anything is found here, before
 * an engine is called: a directory, Dockerfile or file that does not exist, an ignore file with a wrong line, something
 * that is no tar archive. The stream fails only for what comes to light while it is read.
 *
 * The scope holds what was opened to check an archive; the stream can be run once, and only within that scope.
 *
 * Fails with `ImageOptions`, which names `options.image`; its field is `"context"`, `"dockerfile"` or `"dockerignore"`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const open = (
  self: BuildContext,
  options: { readonly image: string }
): Effect.Effect<Stream.Stream<Uint8Array, Errors.ImageOptions>, Errors.ImageOptions, Scope.Scope> => {
  const refuse: Refuse = (field, issue) => new Errors.ImageOptions({ image: options.image, field, issue })
  switch (self._tag) {
    case "Directory":
      return prepareDirectory(self, refuse)
    case "Archived":
      return Effect.andThen(checkDockerfile(self.dockerfile, refuse), prepareArchive(self.source, refuse))
    case "Dockerfile":
      return Effect.flatMap(
        checkDockerfile(self.dockerfile, refuse),
        (dockerfile) => prepareText(self.text, dockerfile, refuse)
      )
  }
}

/**
 * The context as one tar stream: {@link open} on the first pull. Nothing is held in memory but what is on its way: a
 * few megabytes, however large the files.
 *
 * Fails with `ImageOptions`, which names `options.image`, before the first byte whenever that is possible.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toTar = (
  self: BuildContext,
  options: { readonly image: string }
): Stream.Stream<Uint8Array, Errors.ImageOptions> => Stream.unwrap(open(self, options))
