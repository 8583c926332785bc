import * as Effect from "effect/Effect"
import * as Tar from "effect/encoding/Tar"
import * as Stream from "effect/Stream"
import type { Primitives } from "../../../Backend.ts"
import type * as Errors from "../../../Errors.ts"
import * as Reference from "../../../Reference.ts"
import { reason } from "../errors.ts"
import { isIndex } from "./manifest.ts"
import { isByDigest, isName } from "./names.ts"
import type { Parts } from "./parts.ts"
import { idOf, type Loaded, parsed } from "./store.ts"

const operation = "exportImages"

const pathOf = (digest: string): string => `blobs/${digest.replace(":", "/")}`

/** An OCI layout, with the file that Docker's archives have: every engine loads it. */
export const make = ({ content, documents, store }: Parts): Primitives["exportImages"] => {
  /** The digests and sizes of all blobs of an image that are here. */
  const blobsOf = Effect.fnUntraced(function*(
    target: { readonly digest: string; readonly mediaType: string; readonly size: number },
    loaded: Loaded
  ): Effect.fn.Return<ReadonlyMap<string, number>, Errors.Reason> {
    const blobs = new Map([[target.digest, target.size]])
    const add = Effect.fnUntraced(function*(digest: string) {
      const { config, layers } = yield* documents.manifest(digest, operation)
      for (const blob of [config, ...layers]) blobs.set(blob.digest, blob.size)
    })
    if (!isIndex(target.mediaType)) {
      yield* add(loaded.digest)
      return blobs
    }
    const { indices, manifests } = yield* store.expanded(target.digest, operation)
    for (const { descriptor: { digest, size } } of indices) blobs.set(digest, size)
    for (const { digest, size } of manifests) {
      const there = yield* content.info(digest, operation).pipe(
        Effect.as(true),
        Effect.catchTag("NotFound", () => Effect.succeed(false))
      )
      if (!there) continue
      blobs.set(digest, size)
      yield* add(digest)
    }
    return blobs
  })

  return (images) =>
    Stream.unwrap(Effect.gen(function*() {
      const blobs = new Map<string, number>()
      const manifests: Array<unknown> = []
      const archives = new Map<string, { readonly loaded: Loaded; readonly names: Set<string> }>()
      for (const image of new Set(images)) {
        const found = yield* store.find(image, { operation })
        const { target } = found
        for (const [digest, size] of yield* blobsOf(target, found)) blobs.set(digest, size)
        // An archive has the names by which it was asked for.
        const reference = idOf(image) === undefined
          ? Reference.withDefaultTag(yield* parsed(image, operation))
          : undefined
        const name = reference?.digest === undefined ? reference : undefined
        manifests.push({
          mediaType: target.mediaType,
          digest: target.digest,
          size: target.size,
          ...(name === undefined ? {} : {
            annotations: {
              "io.containerd.image.name": name.canonical,
              "org.opencontainers.image.ref.name": name.tag
            }
          })
        })
        const archive = archives.get(found.digest) ?? { loaded: found, names: new Set() }
        archives.set(found.digest, archive)
        if (name !== undefined && isName(name.canonical) && !isByDigest(name.canonical)) {
          archive.names.add(name.familiar)
        }
      }
      // What is missing of an index is left out, what is missing of an image is not.
      yield* Effect.forEach(blobs.keys(), (digest) => content.info(digest, operation), { discard: true })
      const json = (path: string, value: unknown) => Tar.file(path, JSON.stringify(value))
      const head = [
        json("oci-layout", { imageLayoutVersion: "1.0.0" }),
        json("index.json", { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests }),
        json(
          "manifest.json",
          [...archives.values()].map(({ loaded: { manifest }, names }) => ({
            Config: pathOf(manifest.config.digest),
            RepoTags: [...names],
            Layers: manifest.layers.map(({ digest }) => pathOf(digest))
          }))
        )
      ]
      const body = [...blobs].map(([digest, size]) =>
        Tar.fileStream(pathOf(digest), size, content.stream(digest, { operation }))
      )
      return Stream.fromArray([...head, ...body]).pipe(
        Stream.pipeThroughChannel(Tar.encode<never, unknown, Tar.Entry<Errors.Reason>>()),
        Stream.mapError((error) =>
          Tar.isTarError(error) ? reason("Internal", { operation, message: error.message, cause: error }) : error
        )
      )
    }))
}
