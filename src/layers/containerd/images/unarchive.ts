import * as Effect from "effect/Effect"
import * as Tar from "effect/encoding/Tar"
import * as Stream from "effect/Stream"
import { posix } from "node:path"
import * as Errors from "../../../Errors.ts"
import { reason } from "../errors.ts"
import type { Content } from "./content.ts"
import { compressionOf, decompressed, peek } from "./decompress.ts"
import { longest } from "./documents.ts"

/** A blob of an archive, in the engine. */
export interface Stored {
  readonly digest: string
  readonly size: number
  readonly compression: "gzip" | "zstd" | undefined
}

export interface Unarchived {
  /** `index.json` and `manifest.json`, where they are there. */
  readonly files: ReadonlyMap<string, Uint8Array>
  /** What a path of the archive was stored as. */
  readonly stored: (path: string) => Stored | undefined
}

const normal = (path: string): string => posix.resolve("/", path).slice(1)

const kept = new Set(["index.json", "manifest.json"])

const isBlob = (path: string): boolean => /^blobs\/(?:sha256|sha512)\/[a-f0-9]+$/.test(path)

/** In Docker's older archives: `<id>/layer.tar`, `<digest>.json`, `<digest>.tar`. */
const isOlder = (path: string): boolean => /(?:^|\/)[^/]+\.(?:tar|json)$/.test(path) && path !== "oci-layout"

/** Puts the blobs of an archive into the engine as they come: nothing is unpacked here, and no name is a path there. */
export const unarchive = Effect.fnUntraced(function*<E>(
  content: Content,
  archive: Stream.Stream<Uint8Array, E>,
  { lease, operation }: { readonly operation: string; readonly lease: string }
): Effect.fn.Return<Unarchived, Errors.Reason | E> {
  const files = new Map<string, Uint8Array>()
  const blobs = new Map<string, Stored>()
  const links = new Map<string, string>()
  let count = 0

  const keep = Effect.fnUntraced(
    function*(path: string, { body, header }: Tar.Entry<Tar.TarError | Errors.Reason | E>) {
      if (header.size > longest) {
        return yield* reason("InvalidArgument", { operation, message: `the archive's ${path} is too large` })
      }
      files.set(path, Buffer.concat(yield* Stream.runCollect(body)))
    }
  )

  const store = (path: string, { body, header }: Tar.Entry<Tar.TarError | Errors.Reason | E>) =>
    Effect.scoped(Effect.gen(function*() {
      const { head, stream } = yield* peek(body)
      const { digest } = yield* content.put({
        operation,
        lease,
        // It cannot be resumed, so it is nobody else's.
        ref: `import-${lease}-${count++}`,
        digest: isBlob(path) ? path.slice("blobs/".length).replace("/", ":") : undefined,
        size: header.size,
        labels: {},
        open: () => stream
      }).pipe(Effect.mapError((error) =>
        error instanceof Errors.Protocol
          ? reason("InvalidArgument", { operation, message: `the archive's ${path} is damaged`, cause: error })
          : error
      ))
      blobs.set(path, { digest, size: header.size, compression: compressionOf(head) })
    }))

  yield* decompressed(archive, operation).pipe(
    Stream.pipeThroughChannel(Tar.decode()),
    Stream.runForEach((entry) => {
      const path = normal(entry.header.path)
      const { linkTarget, type } = entry.header
      if (linkTarget !== undefined && (type === "Symlink" || type === "Hardlink")) {
        links.set(
          path,
          type === "Symlink" ? normal(posix.join(posix.dirname(`/${path}`), linkTarget)) : normal(linkTarget)
        )
        return Effect.void
      }
      if (type !== "File") return Effect.void
      if (kept.has(path)) return keep(path, entry)
      return isBlob(path) || isOlder(path) ? store(path, entry) : Effect.void
    }),
    Effect.mapError((error) =>
      Tar.isTarError(error)
        ? reason("InvalidArgument", { operation, message: `this is not a tar archive: ${error.message}`, cause: error })
        : error
    )
  )
  return {
    files,
    stored: (path) => {
      const name = normal(path)
      return blobs.get(name) ?? blobs.get(links.get(name) ?? "")
    }
  }
})
