import * as Effect from "effect/Effect"
import * as Tar from "effect/encoding/Tar"
import type * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import { posix } from "node:path"
import type { Backend } from "../Backend.ts"
import type * as Container from "../Container.ts"
import { isNoFile, locate, type Located, look, notFound, put } from "./archive.ts"
import { run } from "./command.ts"
import { type At, systemError } from "./failure.ts"
import * as Spool from "./spool.ts"

/** What everybody may do with a file that is new. */
export const modeOf = (mode: number | undefined, usual: number): number => (mode ?? usual) & ~0o022 & 0o7777

/** What a flag asks for, as open(2) has it. */
export const flags = (flag: FileSystem.OpenFlag) => ({
  reads: flag === "r" || flag.endsWith("+"),
  writes: flag !== "r",
  appends: flag.startsWith("a"),
  creates: !flag.startsWith("r"),
  truncates: flag.startsWith("w"),
  isExclusive: flag.includes("x")
})

/** Checks what is there against a flag. What is to be created is not yet. */
export const prepare = Effect.fnUntraced(function*(
  container: Container.Target,
  at: At,
  path: string,
  flag: FileSystem.OpenFlag
): Effect.fn.Return<Located, PlatformError, Backend> {
  const { creates, isExclusive } = flags(flag)
  if (isExclusive) {
    if ((yield* look(container, at, path)) !== undefined) return yield* systemError(at, "AlreadyExists", "file exists")
    return { path, header: undefined }
  }
  const found = yield* locate(container, at, path)
  if (found.header === undefined && !creates) return yield* notFound(at)
  if (found.header !== undefined && found.header.type !== "File") return yield* isNoFile(at, found.header)
  return found
})

/** A file as a whole, with the mode and the owner that it has, if it is there. */
export const write = (
  container: Container.Target,
  at: At,
  { header, path }: Located,
  size: number,
  body: Stream.Stream<Uint8Array, PlatformError>,
  mode?: number
): Effect.Effect<void, PlatformError, Backend> =>
  Effect.suspend(() =>
    put(
      container,
      at,
      posix.dirname(path),
      Tar.fileStream(posix.basename(path), size, body, {
        mode: header?.mode ?? modeOf(mode, 0o666),
        uid: header?.uid,
        gid: header?.gid,
        mtime: new Date()
      })
    )
  )

/** Bytes at a position, or at the end: only a program of the container can. */
export const overwrite = (
  container: Container.Target,
  at: At,
  path: string,
  bytes: Uint8Array,
  position: bigint | "end"
): Effect.Effect<void, PlatformError, Backend> =>
  Effect.asVoid(run(container, at, [
    "dd",
    "bs=65536",
    "conv=notrunc",
    ...position === "end" ? ["oflag=append"] : ["oflag=seek_bytes", `seek=${position}`],
    `of=${path}`
  ], bytes))

export const writeFile = Effect.fnUntraced(function*(
  container: Container.Target,
  at: At,
  path: string,
  data: Uint8Array,
  flag: FileSystem.OpenFlag,
  mode: number | undefined
): Effect.fn.Return<void, PlatformError, Backend> {
  const found = yield* prepare(container, at, path, flag)
  const { appends, truncates, writes } = flags(flag)
  if (!writes) return yield* systemError(at, "BadResource", "the flag does not let it be written")
  if (truncates || found.header === undefined) {
    return yield* write(container, at, found, data.length, Stream.make(data), mode)
  }
  if (data.length > 0) yield* overwrite(container, at, found.path, data, appends ? "end" : 0n)
})

/** Kept until its end: the engine wants to know its size first. */
export const sink = (
  container: Container.Target,
  at: At,
  found: Located,
  mode: number | undefined
): Effect.Effect<Sink.Sink<void, Uint8Array, never, PlatformError, Backend>, PlatformError, Scope.Scope> =>
  Effect.map(Spool.make(at), (spool) =>
    Sink.mapEffect(
      Sink.forEach((bytes: Uint8Array) => spool.append(bytes)),
      () => write(container, at, found, spool.size(), Spool.stream(spool), mode)
    ))
