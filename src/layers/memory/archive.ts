import * as Effect from "effect/Effect"
import * as Tar from "effect/encoding/Tar"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { posix } from "node:path"
import * as zlib from "node:zlib"
import * as Errors from "../../Errors.ts"
import type { FileSystem } from "./files.ts"
import type { Node } from "./tree.ts"

/** An entry of an archive, read. Its path has no leading slash and never leads out of the directory it is put in. */
export interface Unpacked {
  readonly path: string
  readonly node: Node
}

const concat = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => Buffer.concat(chunks)

const begins = (bytes: Uint8Array, ...magic: ReadonlyArray<number>): boolean =>
  magic.every((byte, index) => bytes[index] === byte)

const decompress = (operation: string, bytes: Uint8Array): Effect.Effect<Uint8Array, Errors.Reason> => {
  const unpack = begins(bytes, 0x1f, 0x8b)
    ? zlib.gunzipSync
    : begins(bytes, 0x28, 0xb5, 0x2f, 0xfd)
    ? zlib.zstdDecompressSync
    : undefined
  if (unpack !== undefined) {
    return Effect.try({
      try: () => unpack(bytes),
      catch: (cause) =>
        new Errors.InvalidArgument({
          operation,
          message: `the archive cannot be decompressed: ${String(cause)}`,
          cause
        })
    })
  }
  if (begins(bytes, 0x42, 0x5a, 0x68) || begins(bytes, 0xfd, 0x37, 0x7a, 0x58, 0x5a)) {
    return Effect.fail(
      new Errors.Unsupported({
        operation,
        message: "the in-memory engine reads archives that are plain or compressed with gzip or zstd",
        hint: "compress it with gzip, or not at all"
      })
    )
  }
  return Effect.succeed(bytes)
}

/** Reads a whole archive. */
export const unpack = Effect.fnUntraced(function*<E>(
  operation: string,
  archive: Stream.Stream<Uint8Array, E>,
  /** What a further name may be given to that is not in the archive. */
  outside?: (path: string) => Node | undefined
): Effect.fn.Return<ReadonlyArray<Unpacked>, Errors.Reason | E> {
  const bytes = yield* decompress(operation, concat(yield* Stream.runCollect(archive)))
  const entries: Array<Unpacked> = []
  const files = new Map<string, Node>()
  yield* Stream.succeed(bytes).pipe(
    Stream.pipeThroughChannel(Tar.decode()),
    Stream.runForEach(Effect.fnUntraced(function*({ body, header }) {
      const path = posix.resolve("/", header.path).slice(1)
      const { gid, linkTarget = "", mode, mtime, uid } = header
      const node: Node | undefined = header.type === "File"
        ? { type: "file", bytes: concat(yield* Stream.runCollect(body)), mode, mtime, uid, gid }
        : header.type === "Directory"
        ? { type: "directory", mode, mtime, uid, gid }
        : header.type === "Symlink"
        ? { type: "symlink", target: linkTarget, mtime, uid, gid }
        : header.type === "Hardlink"
        ? files.get(posix.resolve("/", linkTarget).slice(1)) ?? outside?.(linkTarget)
        : undefined
      if (node === undefined) {
        return yield* new Errors.Unsupported({
          operation,
          message: `the in-memory engine cannot unpack ${JSON.stringify(header.path)}, a ${header.type} entry`
        })
      }
      files.set(path, node)
      entries.push({ path, node })
    })),
    Effect.mapError((error) =>
      error._tag === "TarError"
        ? new Errors.InvalidArgument({
          operation,
          message: `this is not a tar archive: ${error.message}`,
          cause: error
        })
        : error
    )
  )
  return entries
})

/** Writes an archive. */
export const pack = (entries: ReadonlyArray<Unpacked>): Stream.Stream<Uint8Array, Errors.Reason> => {
  const first = new Map<Node, string>()
  const entryOf = ({ node, path }: Unpacked): Tar.Entry => {
    const { gid, mtime, uid } = node
    if (node.type === "symlink") return Tar.symlink(path, node.target, { mtime, uid, gid })
    const options = { mode: node.mode, mtime, uid, gid }
    if (node.type === "directory") return Tar.directory(path, options)
    const name = first.get(node)
    if (name !== undefined) return Tar.hardlink(path, name, options)
    first.set(node, path)
    return Tar.file(path, node.bytes, options)
  }
  return Stream.fromArray(entries.map(entryOf)).pipe(
    Stream.pipeThroughChannel(Tar.encode()),
    Stream.mapError((error) =>
      new Errors.Internal({
        operation: "archive",
        message: `writing an archive failed: ${error.message}`,
        cause: error
      })
    )
  )
}

/** Puts an archive into a directory, which has to be there. */
export const copyIn = Effect.fnUntraced(function*<E>(
  system: FileSystem,
  path: string,
  archive: Stream.Stream<Uint8Array, E>
): Effect.fn.Return<void, Errors.Reason | E> {
  const node = yield* Effect.fromResult(system.get(path))
  if (node.type !== "directory") {
    return yield* new Errors.InvalidArgument({ operation: "copyIn", message: `${path} is not a directory` })
  }
  const outside = (name: string) =>
    Result.getOrUndefined(system.look(posix.join(path, posix.resolve("/", name).slice(1))))
  for (const { node, path: below } of yield* unpack("copyIn", archive, outside)) {
    const target = posix.join(path, below)
    yield* Effect.fromResult(system.replace(target, node))
    // One that was there gets what the archive says of it.
    if (node.type === "directory" && below !== "") yield* Effect.fromResult(system.change(target, node))
  }
})

/** A file or directory, under its own name, as an archive. */
export const copyOut = (system: FileSystem, path: string): Stream.Stream<Uint8Array, Errors.Reason> =>
  Stream.unwrap(Effect.gen(function*() {
    const name = posix.basename(posix.resolve("/", path)) || "."
    const found = yield* Effect.fromResult(
      system.walk(/\/\.?$/.test(path) ? system.real(posix.resolve("/", path)) : path)
    )
    return pack(found.map(([below, node]) => ({ path: posix.join(name, below), node })))
  }))
