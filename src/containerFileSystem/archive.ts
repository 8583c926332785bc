/**
 * What the engine's archives tell of a container's files, and what can be put there by one. That takes no program in the
 * container, and the container need not run.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Tar from "effect/encoding/Tar"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import { posix } from "node:path"
import { Backend } from "../Backend.ts"
import type * as Container from "../Container.ts"
import { identify } from "../container/target.ts"
import type * as Errors from "../Errors.ts"
import { type At, platformError, systemError } from "./failure.ts"

/** As the kernel has it. */
const mostLinks = 40

/** Where something is, links followed; without a header when nothing is there. */
export interface Located {
  readonly path: string
  readonly header: Tar.Header | undefined
}

export const notFound = (at: At): PlatformError => systemError(at, "NotFound", "no such file or directory")

/** An engine says the same of a path and of a container that are not there. */
const explained = (
  container: Container.Target,
  at: At,
  error: Errors.ContainerCopy
): Effect.Effect<never, PlatformError, Backend> =>
  error.reason._tag !== "NotFound"
    ? Effect.fail(platformError(at, error))
    : Effect.matchEffect(Effect.flatMap(Backend, ({ inspect }) => inspect(identify(container).id)), {
      onSuccess: () => Effect.fail(platformError(at, error)),
      onFailure: ({ message }) => Effect.fail(systemError(at, "BadResource", message, error))
    })

/** The entries of an archive of what is at a path. */
export const entries = (
  container: Container.Target,
  at: At,
  path: string
): Stream.Stream<Tar.Entry<PlatformError | Tar.TarError>, PlatformError, Backend> =>
  Stream.unwrap(Effect.gen(function*() {
    const backend = yield* Backend
    const told = backend.copyOut(identify(container).id, path).pipe(
      Stream.catch((error) =>
        Stream.fromEffect(Effect.provideService(explained(container, at, error), Backend, backend))
      )
    )
    return Stream.pipeThroughChannel(told, Tar.decode<PlatformError>()).pipe(
      Stream.mapError((error) => error._tag === "TarError" ? broken(at, error) : error)
    )
  }))

const broken = (at: At, error: Tar.TarError): PlatformError => systemError(at, "InvalidData", error.message, error)

/** Of a link, the link itself. */
export const lstat = (
  container: Container.Target,
  at: At,
  path: string
): Effect.Effect<Tar.Header, PlatformError, Backend> =>
  entries(container, at, path).pipe(
    Stream.map(({ header }) => header),
    Stream.take(1),
    Stream.runHead,
    Effect.flatMap(Option.match({
      onNone: () => Effect.fail(systemError(at, "InvalidData", "the engine gave an empty archive")),
      onSome: (header) => Effect.succeed(header)
    }))
  )

/** {@link lstat}; `undefined` when nothing is there. */
export const look = (
  container: Container.Target,
  at: At,
  path: string
): Effect.Effect<Tar.Header | undefined, PlatformError, Backend> =>
  lstat(container, at, path).pipe(
    Effect.catchIf(({ reason }) => reason._tag === "NotFound", () => Effect.undefined)
  )

const tooMany = (at: At) => systemError(at, "BadResource", "too many levels of symbolic links")

/** Follows links; the engine follows those on the way. */
export const locate = Effect.fnUntraced(function*(
  container: Container.Target,
  at: At,
  path: string
): Effect.fn.Return<Located, PlatformError, Backend> {
  const seen = new Set<string>()
  for (;;) {
    const header = yield* look(container, at, path)
    if (header?.type !== "Symlink") return { path, header }
    if (seen.has(path) || seen.size === mostLinks) return yield* tooMany(at)
    seen.add(path)
    const target = header.linkTarget ?? ""
    const above = posix.dirname(path)
    // Which directory is above depends on whether a link led there.
    const isUp = target.split("/").includes("..") && !target.startsWith("/")
    path = posix.resolve(isUp ? yield* realPath(container, at, above) : above, target)
  }
})

/** {@link locate} of what has to be there. */
export const stat = (
  container: Container.Target,
  at: At,
  path: string
): Effect.Effect<Located & { readonly header: Tar.Header }, PlatformError, Backend> =>
  Effect.flatMap(
    locate(container, at, path),
    ({ header, path }) => header === undefined ? Effect.fail(notFound(at)) : Effect.succeed({ path, header })
  )

const partsOf = (path: string) => path.split("/").filter((part) => part !== "" && part !== ".")

/** Name by name: where a path leads without any link. */
export const realPath = Effect.fnUntraced(function*(
  container: Container.Target,
  at: At,
  path: string
): Effect.fn.Return<string, PlatformError, Backend> {
  let real = "/"
  let links = 0
  const rest = partsOf(path).toReversed()
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    if (name === "..") {
      real = posix.dirname(real)
      continue
    }
    const next = posix.join(real, name)
    const { linkTarget = "", type } = yield* lstat(container, at, next)
    if (type !== "Symlink") {
      real = next
      continue
    }
    if (++links > mostLinks) return yield* tooMany(at)
    if (linkTarget.startsWith("/")) real = "/"
    rest.push(...partsOf(linkTarget).toReversed())
  }
  return real
})

/** The bytes of a file at a path where there is no link. */
export const content = (
  container: Container.Target,
  at: At,
  path: string
): Stream.Stream<Uint8Array, PlatformError, Backend> =>
  entries(container, at, path).pipe(
    Stream.take(1),
    Stream.flatMap(({ body, header }): Stream.Stream<Uint8Array, PlatformError | Tar.TarError> =>
      header.type === "File" ? body : Stream.fail(isNoFile(at, header))
    ),
    Stream.mapError((error) => error._tag === "TarError" ? broken(at, error) : error)
  )

export const isNoFile = (at: At, { type }: Tar.Header): PlatformError =>
  systemError(at, "BadResource", type === "Directory" ? "this is a directory" : `this is no file, but a ${type}`)

/** Puts these into a directory, which has to be there. */
export const put = (
  container: Container.Target,
  at: At,
  directory: string,
  ...given: ReadonlyArray<Tar.Entry<PlatformError>>
): Effect.Effect<void, PlatformError, Backend> =>
  Effect.gen(function*() {
    const backend = yield* Backend
    const archive = Stream.fromArray(given).pipe(
      Stream.pipeThroughChannel(Tar.encode<never, unknown, Tar.Entry<PlatformError>>()),
      Stream.mapError((error) => error._tag === "TarError" ? broken(at, error) : error)
    )
    yield* backend.copyIn(identify(container).id, directory, archive).pipe(
      Effect.catchTag("ContainerCopy", (error) => explained(container, at, error))
    )
  })
