import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { Backend } from "../Backend.ts"
import type * as Container from "../Container.ts"
import { content, look, stat } from "./archive.ts"
import { run } from "./command.ts"
import { badArgument, systemError } from "./failure.ts"
import { infoOf } from "./info.ts"
import * as Spool from "./spool.ts"
import { flags, overwrite, prepare, write } from "./write.ts"

interface Options {
  readonly flag?: FileSystem.OpenFlag | undefined
  readonly mode?: number | undefined
  readonly noFollow?: boolean | undefined
}

/** A file by its path: there is no descriptor of it between two calls. */
export const open = Effect.fnUntraced(function*(
  container: Container.Target,
  given: string,
  { flag = "r", mode, noFollow = false }: Options
): Effect.fn.Return<FileSystem.File, PlatformError, Backend | Scope.Scope> {
  const backend = yield* Backend
  const scope = yield* Effect.scope
  const own = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provideService(effect, Backend, backend)
  const opening = { method: "open", path: given }
  if (noFollow && (yield* look(container, opening, given))?.type === "Symlink") {
    return yield* systemError(opening, "BadResource", "this is a symbolic link")
  }
  const found = yield* prepare(container, opening, given, flag)
  const { appends, reads, truncates, writes } = flags(flag)
  if (found.header === undefined || truncates) yield* write(container, opening, found, 0, Stream.empty, mode)

  const { path } = found
  const at = (method: string) => ({ method, path: given })
  let cursor = 0n
  /** What was read of it, until it is written to. */
  let copy: { readonly spool: Spool.Spool; readonly scope: Scope.Closeable } | undefined
  const turn = Semaphore.makeUnsafe(1)

  const forget = Effect.suspend(() => {
    const old = copy
    copy = undefined
    return old === undefined ? Effect.void : Scope.close(old.scope, Exit.void)
  })

  const copied = (method: string): Effect.Effect<Spool.Spool, PlatformError> =>
    Effect.suspend(() => {
      if (copy !== undefined) return Effect.succeed(copy.spool)
      return Effect.uninterruptibleMask((restore) =>
        Effect.gen(function*() {
          const inner = yield* Scope.fork(scope)
          const spool = yield* Spool.make(at(method)).pipe(
            Scope.provide(inner),
            Effect.tap((spool) => restore(own(Stream.runForEach(content(container, at(method), path), spool.append)))),
            Effect.onError(() => Scope.close(inner, Exit.void))
          )
          copy = { spool, scope: inner }
          return spool
        })
      )
    })

  const allowed = (method: string, can: boolean): Effect.Effect<void, PlatformError> =>
    can ? Effect.void : Effect.fail(systemError(at(method), "BadResource", "it was not opened for that"))

  const readAt = (method: string, buffer: Uint8Array, position: bigint): Effect.Effect<number, PlatformError> =>
    turn.withPermit(Effect.andThen(
      allowed(method, reads),
      Effect.flatMap(copied(method), (spool) =>
        position >= BigInt(spool.size()) || buffer.length === 0
          ? Effect.succeed(0)
          : spool.read(buffer, Number(position)))
    ))

  const readBytes = (method: string, buffer: Uint8Array, explicit: bigint | undefined) =>
    Effect.suspend(() => {
      if (explicit !== undefined && explicit < 0n) {
        return Effect.fail(badArgument(method, "Cannot read before the start of the file"))
      }
      const position = explicit ?? cursor
      return Effect.tap(readAt(method, buffer, position), (count) =>
        Effect.sync(() => {
          if (explicit === undefined) cursor = position + BigInt(count)
        }))
    })

  const writeBytes = (method: string, bytes: Uint8Array): Effect.Effect<void, PlatformError> =>
    turn.withPermit(Effect.gen(function*() {
      yield* allowed(method, writes)
      if (bytes.length === 0) return
      yield* own(overwrite(container, at(method), path, bytes, appends ? "end" : cursor))
      if (!appends) cursor += BigInt(bytes.length)
      yield* forget
    }))

  return {
    [FileSystem.FileTypeId]: FileSystem.FileTypeId,
    stat: own(Effect.map(stat(container, at("stat"), path), ({ header }) => infoOf(header))),
    sync: own(Effect.asVoid(run(container, at("sync"), ["sync", path]))),
    seek: (offset, from) =>
      Effect.suspend(() => {
        const position = from === "start" ? offset : cursor + offset
        if (position < 0n) return Effect.fail(badArgument("seek", "Cannot seek before the start of the file"))
        cursor = position
        return Effect.succeed(position)
      }),
    read: (buffer, options) => readBytes("read", buffer, options?.position),
    readAlloc: (size, options) =>
      Effect.suspend(() => {
        if (!Number.isInteger(size) || size < 0) {
          return Effect.fail(badArgument("readAlloc", "size must be a non-negative integer"))
        }
        const buffer = new Uint8Array(size)
        return Effect.map(
          readBytes("readAlloc", buffer, options?.position),
          (count) => count === 0 ? Option.none() : Option.some(buffer.subarray(0, count))
        )
      }),
    truncate: (length = 0) =>
      turn.withPermit(Effect.gen(function*() {
        yield* allowed("truncate", writes)
        yield* own(truncate(container, "truncate", path, length))
        const end = BigInt(length)
        if (!appends && cursor > end) cursor = end
        yield* forget
      })),
    write: (buffer) => Effect.as(writeBytes("write", buffer), buffer.length),
    writeAll: (buffer) => writeBytes("writeAll", buffer)
  }
})

/** To a length; nothing but a program of the container does that to a file of any size. */
export const truncate = Effect.fnUntraced(function*(
  container: Container.Target,
  method: string,
  path: string,
  length: number
): Effect.fn.Return<void, PlatformError, Backend> {
  const at = { method, path }
  if (!Number.isSafeInteger(length) || length < 0) {
    return yield* badArgument(method, "length must be a whole number that is not negative")
  }
  const found = yield* prepare(container, at, path, "r+")
  if (length === 0) return yield* write(container, at, found, 0, Stream.empty)
  yield* run(container, at, ["truncate", "-s", String(length), found.path])
})
