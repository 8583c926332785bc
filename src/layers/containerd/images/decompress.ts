import * as NodeStream from "@effect/platform-node-shared/NodeStream"
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type { Duplex } from "node:stream"
import * as zlib from "node:zlib"
import type * as Errors from "../../../Errors.ts"
import { reason } from "../errors.ts"

const begins = (bytes: Uint8Array, ...magic: ReadonlyArray<number>): boolean =>
  magic.every((byte, index) => bytes[index] === byte)

/** How bytes that begin like this are compressed. */
export const compressionOf = (bytes: Uint8Array): "gzip" | "zstd" | undefined =>
  begins(bytes, 0x1f, 0x8b) ? "gzip" : begins(bytes, 0x28, 0xb5, 0x2f, 0xfd) ? "zstd" : undefined

/** `undefined`: this Node is older than what it takes. */
const decompressors: Readonly<Record<"gzip" | "zstd", (() => Duplex) | undefined>> = {
  gzip: () => zlib.createGunzip(),
  zstd: "createZstdDecompress" in zlib ? () => zlib.createZstdDecompress() : undefined
}

/**
 * What a stream begins with, 4 bytes at least if it has them, and the whole of it. To be run once, and while the scope is
 * open.
 */
export const peek = Effect.fnUntraced(function*<E>(stream: Stream.Stream<Uint8Array, E>) {
  const pull = yield* Stream.toPull(stream)
  const seen: Array<Uint8Array> = []
  let size = 0
  while (size < 4) {
    const chunks = yield* Pull.catchDone(
      Effect.map(pull, (chunks): Arr.NonEmptyReadonlyArray<Uint8Array> | undefined => chunks),
      () => Effect.undefined
    )
    if (chunks === undefined) break
    for (const chunk of chunks) {
      seen.push(chunk)
      size += chunk.length
    }
  }
  const rest: Stream.Stream<Uint8Array, E> = Stream.fromPull(Effect.succeed(pull))
  return {
    head: Buffer.concat(seen.filter((_, index) => index < 4)),
    stream: Stream.concat(Stream.fromIterable(seen), size < 4 ? Stream.empty : rest)
  }
})

/** An archive may be compressed as a whole. */
export const decompressed = <E>(
  archive: Stream.Stream<Uint8Array, E>,
  operation: string
): Stream.Stream<Uint8Array, E | Errors.Reason> =>
  Stream.unwrap(Effect.map(peek(archive), ({ head, stream }): Stream.Stream<Uint8Array, E | Errors.Reason> => {
    const compression = compressionOf(head)
    if (compression === undefined) return stream
    const decompressor = decompressors[compression]
    if (decompressor === undefined) {
      return Stream.fail(reason("Unsupported", {
        operation,
        message: `this version of Node does not decompress ${compression}`,
        hint: "Node 22.15 does"
      }))
    }
    return NodeStream.pipeThroughDuplex<never, E, Uint8Array, Uint8Array, Errors.Reason>(stream, {
      evaluate: decompressor,
      onError: (cause) => {
        const message = `the archive cannot be decompressed: ${cause instanceof Error ? cause.message : String(cause)}`
        return reason("InvalidArgument", { operation, message, cause })
      }
    })
  }))
