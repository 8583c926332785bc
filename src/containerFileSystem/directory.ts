import * as Effect from "effect/Effect"
import * as Tar from "effect/encoding/Tar"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { posix } from "node:path"
import type { Backend } from "../Backend.ts"
import type * as Container from "../Container.ts"
import { locate, look, lstat, put, stat } from "./archive.ts"
import { run } from "./command.ts"
import { type At, systemError } from "./failure.ts"
import { modeOf, write } from "./write.ts"

const exists = (at: At) => systemError(at, "AlreadyExists", "file exists")

/** Fails when something has that name, be it a link that leads nowhere. */
export const vacant = (
  container: Container.Target,
  at: At,
  path: string
): Effect.Effect<void, PlatformError, Backend> =>
  Effect.flatMap(look(container, at, path), (header) => header === undefined ? Effect.void : Effect.fail(exists(at)))

const enter = (path: string, mode: number) => Tar.directory(posix.basename(path), { mode, mtime: new Date() })

export const make = Effect.fnUntraced(function*(
  container: Container.Target,
  at: At,
  path: string,
  { mode, recursive = false }: { readonly recursive?: boolean | undefined; readonly mode?: number | undefined }
): Effect.fn.Return<void, PlatformError, Backend> {
  const wanted = modeOf(mode, 0o777)
  if (!recursive) {
    yield* vacant(container, at, path)
    return yield* put(container, at, posix.dirname(path), enter(path, wanted))
  }
  const missing: Array<string> = []
  for (let above = path;; above = posix.dirname(above)) {
    const { header, path: real } = yield* locate(container, at, above)
    if (header?.type === "Directory") {
      path = real
      break
    }
    if (header !== undefined) {
      return yield* missing.length === 0 ? exists(at) : systemError(at, "BadResource", `${above} is not a directory`)
    }
    missing.unshift(posix.basename(above))
  }
  for (const name of missing) {
    path = posix.join(path, name)
    yield* put(container, at, posix.dirname(path), enter(path, wanted))
  }
})

export const remove = Effect.fnUntraced(function*(
  container: Container.Target,
  at: At,
  path: string,
  { force = false, recursive = false }: {
    readonly recursive?: boolean | undefined
    readonly force?: boolean | undefined
  }
): Effect.fn.Return<void, PlatformError, Backend> {
  const header = force ? yield* look(container, at, path) : yield* lstat(container, at, path)
  if (header === undefined) return
  if (header.type === "Directory" && !recursive) return yield* systemError(at, "BadResource", "this is a directory")
  yield* run(container, at, ["rm", recursive ? "-rf" : "-f", path])
})

interface TempOptions {
  readonly directory?: string | undefined
  readonly prefix?: string | undefined
  readonly suffix?: string | undefined
}

const random = Effect.sync(() => crypto.randomUUID().replaceAll("-", "").slice(0, 12))

export const makeTemp = Effect.fnUntraced(function*(
  container: Container.Target,
  method: string,
  directory: string,
  { prefix = "" }: TempOptions
): Effect.fn.Return<string, PlatformError, Backend> {
  const path = posix.join(directory, `${prefix}${yield* random}`)
  yield* make(container, { method, path }, path, { mode: 0o700 })
  return path
})

export const makeTempFile = Effect.fnUntraced(function*(
  container: Container.Target,
  method: string,
  directory: string,
  options: TempOptions
): Effect.fn.Return<string, PlatformError, Backend> {
  const above = yield* makeTemp(container, method, directory, options)
  const path = posix.join(above, `${yield* random}${options.suffix ?? ""}`)
  yield* write(container, { method, path }, { path, header: undefined }, 0, Stream.empty, 0o600)
  return path
})

/** What is there until the scope closes. Where it cannot be removed it is said: it is a container's, which goes too. */
export const scoped = (
  container: Container.Target,
  method: string,
  made: Effect.Effect<string, PlatformError, Backend>,
  above: (path: string) => string
): Effect.Effect<string, PlatformError, Backend | Scope.Scope> =>
  Effect.acquireRelease(made, (path) =>
    Effect.catch(
      remove(container, { method, path: above(path) }, above(path), { recursive: true, force: true }),
      ({ message }) => Effect.logWarning(`a temporary file of a container was not removed: ${message}`)
    ))

/** A further name of a file. */
export const link = Effect.fnUntraced(function*(
  container: Container.Target,
  at: At,
  from: string,
  to: string
): Effect.fn.Return<void, PlatformError, Backend> {
  const { type } = yield* lstat(container, at, from)
  if (type === "Directory") return yield* systemError(at, "PermissionDenied", "this is a directory")
  yield* vacant(container, at, to)
  yield* stat(container, at, posix.dirname(to))
  yield* put(container, at, "/", Tar.hardlink(to.slice(1), from.slice(1)))
})

export const symlink = Effect.fnUntraced(function*(
  container: Container.Target,
  at: At,
  target: string,
  path: string
): Effect.fn.Return<void, PlatformError, Backend> {
  yield* vacant(container, at, path)
  const options = { mtime: new Date() }
  if (!target.split("/").includes("..")) {
    return yield* put(container, at, posix.dirname(path), Tar.symlink(posix.basename(path), target, options))
  }
  // Some engine takes no link that leads out of where it unpacks: none leads out of the root.
  yield* stat(container, at, posix.dirname(path))
  yield* put(container, at, "/", Tar.symlink(path.slice(1), target, options))
})
