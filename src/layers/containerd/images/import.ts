import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Primitives } from "../../../Backend.ts"
import type * as Errors from "../../../Errors.ts"
import * as Reference from "../../../Reference.ts"
import { digestOf } from "../../registry/digest.ts"
import { reason } from "../errors.ts"
import { indexLabels, manifestLabels } from "./gc.ts"
import * as Lease from "./lease.ts"
import { type Decode, decodeArchive, decodeIndex, type Descriptor, isIndex, isManifest, MediaType } from "./manifest.ts"
import { familiar, isName } from "./names.ts"
import type { Parts } from "./parts.ts"
import * as Platform from "./platform.ts"
import type { Target } from "./records.ts"
import { suits } from "./store.ts"
import { unarchive, type Unarchived } from "./unarchive.ts"

const operation = "importImages"

const invalid = (message: string, hint?: string): Errors.InvalidArgument =>
  reason("InvalidArgument", { operation, message, hint })

const decoded = <A>(decode: Decode<A>, path: string, bytes: Uint8Array): Effect.Effect<A, Errors.Reason> =>
  Result.match(decode(bytes), {
    onSuccess: Effect.succeed,
    onFailure: (issue) => Effect.fail(invalid(`the archive's ${path} cannot be read: ${issue}`))
  })

/** A name of an archive as containerd has it; a bare word of an OCI layout may be just a tag. */
const canonicalName = (name: string): string | undefined =>
  Result.match(Reference.parseResult(name), {
    onSuccess: (reference) => Reference.withDefaultTag(reference).canonical,
    onFailure: () => undefined
  })

const namesOf = ({ annotations = {} }: Descriptor): ReadonlyArray<string> => {
  const full = annotations["io.containerd.image.name"]
  const reference = annotations["org.opencontainers.image.ref.name"]
  const name = full ?? (reference !== undefined && /[/:]/.test(reference) ? reference : undefined)
  const canonical = name === undefined ? undefined : canonicalName(name)
  return canonical === undefined ? [] : [canonical]
}

const layerTypes = {
  none: MediaType.dockerLayer,
  gzip: MediaType.dockerLayerGzip,
  zstd: MediaType.ociLayerZstd
} as const

interface Entry {
  readonly target: Target
  readonly names: ReadonlyArray<string>
}

export const make = (
  { channel, content, documents, records, store, unpack }: Parts
): Primitives["importImages"] => {
  /** Docker's older archives have no manifests: they are written here. */
  const fromDocker = Effect.fnUntraced(function*(
    { files, stored }: Unarchived,
    lease: string
  ): Effect.fn.Return<ReadonlyArray<Entry & { readonly config: string }>, Errors.Reason> {
    const file = files.get("manifest.json")
    if (file === undefined) return []
    const found = (path: string) => {
      const blob = stored(path)
      return blob === undefined ? Effect.fail(invalid(`the archive lacks ${path}`)) : Effect.succeed(blob)
    }
    const archives = yield* decoded(decodeArchive, "manifest.json", file)
    return yield* Effect.forEach(
      archives,
      Effect.fnUntraced(function*(archive) {
        const config = yield* found(archive.config)
        const layers = yield* Effect.forEach(archive.layers, found)
        const bytes = Buffer.from(JSON.stringify({
          schemaVersion: 2,
          mediaType: MediaType.dockerManifest,
          config: { mediaType: MediaType.dockerConfig, digest: config.digest, size: config.size },
          layers: layers.map(({ compression, digest, size }) => ({
            mediaType: layerTypes[compression ?? "none"],
            digest,
            size
          }))
        }))
        const digest = digestOf(bytes)
        yield* content.put({
          operation,
          lease,
          ref: `import-${lease}-${digest}`,
          digest,
          size: bytes.length,
          labels: {},
          open: () => Stream.succeed(bytes)
        })
        return {
          target: { mediaType: MediaType.dockerManifest, digest, size: bytes.length, annotations: {} },
          names: (archive.names ?? []).flatMap((name) => canonicalName(name) ?? []),
          config: config.digest
        }
      })
    )
  })

  const fromLayout = Effect.fnUntraced(function*({ files, stored }: Unarchived) {
    const file = files.get("index.json")
    if (file === undefined) return []
    const { manifests } = yield* decoded(decodeIndex, "index.json", file)
    // What Docker's file says of names, for a layout that says nothing.
    const archive = files.get("manifest.json")
    const archives = archive === undefined ? [] : yield* decoded(decodeArchive, "manifest.json", archive)
    const told = new Map(archives.map(({ config, names = [] }) => [stored(config)?.digest, names]))
    return yield* Effect.forEach(
      manifests,
      Effect.fnUntraced(function*(entry): Effect.fn.Return<Entry, Errors.Reason> {
        const mediaType = entry.mediaType ?? MediaType.ociManifest
        if (!isIndex(mediaType) && !isManifest(mediaType)) {
          return yield* invalid(`the archive holds a ${mediaType}, which is no image`)
        }
        const names = namesOf(entry)
        const others = names.length > 0 || told.size === 0 || isIndex(mediaType)
          ? []
          : told.get((yield* documents.manifest(entry.digest, operation)).config.digest) ?? []
        return {
          target: { mediaType, digest: entry.digest, size: entry.size, annotations: {} },
          names: [...names, ...others.flatMap((name) => canonicalName(name) ?? [])]
        }
      })
    )
  })

  const lacks = (digest: string) => () => Effect.fail(invalid(`the archive lacks ${digest}`))

  const adoptManifest = Effect.fnUntraced(function*(digest: string): Effect.fn.Return<void, Errors.Reason> {
    const manifest = yield* documents.manifest(digest, operation)
    yield* Effect.forEach(
      [manifest.config, ...manifest.layers],
      (blob) => Effect.catchTag(content.info(blob.digest, operation), "NotFound", lacks(blob.digest)),
      { discard: true }
    )
    yield* content.mark(digest, { operation, labels: manifestLabels(manifest) })
  })

  /** Keeps what a target names. Of an index, something has to be there. */
  const adopt = Effect.fnUntraced(function*({ digest, mediaType }: Target): Effect.fn.Return<void, Errors.Reason> {
    if (!isIndex(mediaType)) return yield* Effect.catchTag(adoptManifest(digest), "NotFound", lacks(digest))
    const index = yield* Effect.catchTag(documents.index(digest, operation), "NotFound", lacks(digest))
    const { indices, manifests } = yield* store.expanded(digest, operation)
    let some = false
    for (const entry of manifests) {
      some = (yield* adoptManifest(entry.digest).pipe(
        Effect.as(true),
        Effect.catchTag("NotFound", () => Effect.succeed(false))
      )) || some
    }
    if (!some) return yield* invalid(`the archive has nothing of what the index ${digest} names`)
    for (const { descriptor, index } of indices) {
      yield* content.mark(descriptor.digest, { operation, labels: indexLabels(index) })
    }
    yield* content.mark(digest, { operation, labels: indexLabels(index) })
  })

  /** What this machine can run is made ready. */
  const prepare = Effect.fnUntraced(function*(target: Target): Effect.fn.Return<void, Errors.Reason> {
    const loaded = yield* store.load(target, { operation, image: target.digest })
    if (suits(loaded.config, Platform.format(Platform.own))) yield* unpack.ensure(loaded, operation)
  })

  return (archive) =>
    Effect.scoped(Effect.gen(function*() {
      const lease = yield* Lease.make(channel, operation)
      const unarchived = yield* unarchive(content, archive, { lease, operation })
      const layout = yield* fromLayout(unarchived)
      const entries: ReadonlyArray<Entry> = layout.length > 0 ? layout : yield* fromDocker(unarchived, lease)
      if (entries.length === 0) {
        return yield* invalid("there was no image in the archive", "this is no image archive, or not a whole one")
      }
      for (const { target } of entries) {
        yield* adopt(target)
        yield* prepare(target)
      }
      // An image without a name is known by its id.
      const named = entries.map(({ names, target }) => ({
        target,
        names: names.length === 0 ? [target.digest] : names
      }))
      for (const { names, target } of named) {
        for (const name of names) yield* records.put(name, target, operation)
      }
      return [...new Set(named.flatMap(({ names }) => names.map((name) => isName(name) ? familiar(name) : name)))]
    }))
}
