import * as NodeStream from "@effect/platform-node-shared/NodeStream"
import * as Effect from "effect/Effect"
import * as Tar from "effect/encoding/Tar"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { createReadStream } from "node:fs"
import { readFile } from "node:fs/promises"
import type * as Errors from "../../../Errors.ts"
import { digestOf } from "../../registry/digest.ts"
import { fromCause, reason } from "../errors.ts"
import { type Decode, decodeConfig, decodeManifest, type Descriptor, MediaType } from "../images/manifest.ts"
import type { Base, Files } from "./builder.ts"

const operation = "build"

/** The types of Docker's manifests; zstd has none. */
const types: Readonly<Record<string, string>> = {
  [MediaType.dockerLayer]: MediaType.dockerLayer,
  [MediaType.dockerLayerGzip]: MediaType.dockerLayerGzip,
  "application/vnd.oci.image.layer.v1.tar": MediaType.dockerLayer,
  "application/vnd.oci.image.layer.v1.tar+gzip": MediaType.dockerLayerGzip
}

/** The layers that containerd has already, as it has them, by what is in them. */
export const layersOf = (bases: ReadonlyArray<Base>): ReadonlyMap<string, Descriptor> => {
  const layers = new Map<string, Descriptor>()
  for (const { image: { config, manifest } } of bases) {
    for (const [index, diffId] of config.rootfs.diffIds.entries()) {
      const layer = manifest.layers[index]
      const type = types[layer?.mediaType ?? ""]
      if (layer !== undefined && type !== undefined) {
        layers.set(diffId, { digest: layer.digest, size: layer.size, mediaType: type })
      }
    }
  }
  return layers
}

const read = <A>(path: string, decode: Decode<A>) =>
  Effect.flatMap(
    Effect.tryPromise({ try: () => readFile(path), catch: (cause) => fromCause(operation, cause) }),
    (bytes) =>
      Result.match(decode(bytes), {
        onSuccess: (value) => Effect.succeed({ bytes, value }),
        onFailure: (issue) =>
          Effect.fail(reason("Protocol", { operation, message: `what was built cannot be read: ${issue}` }))
      })
  )

const file = (path: string) =>
  NodeStream.fromReadable<Uint8Array, Errors.Reason>({
    evaluate: () => createReadStream(path, { highWaterMark: 256 * 1024 }),
    onError: (cause) => fromCause(operation, cause)
  })

export interface Archive {
  readonly digest: string
  readonly stream: Stream.Stream<Uint8Array, Errors.Reason>
}

/** What was built as an OCI layout of this one name. Layers that are `there` are named, and not in it. */
export const make = Effect.fnUntraced(function*(
  built: Files,
  name: string,
  there: ReadonlyMap<string, Descriptor>
): Effect.fn.Return<Archive, Errors.Reason> {
  const { config, layers } = (yield* read(built.manifest, decodeManifest)).value
  const { value: { rootfs: { diffIds } } } = yield* read(built.blob(config.digest), decodeConfig)
  const own = ({ digest, size }: Descriptor, type: string) => ({ mediaType: type, size, digest })
  const used = layers.map((layer, index) =>
    there.get(diffIds[index] ?? "") ?? own(layer, layer.mediaType ?? MediaType.dockerLayer)
  )
  const bytes = Buffer.from(JSON.stringify({
    schemaVersion: 2,
    mediaType: MediaType.dockerManifest,
    config: own(config, MediaType.dockerConfig),
    layers: used
  }))
  const digest = digestOf(bytes)
  const index = {
    schemaVersion: 2,
    mediaType: MediaType.ociIndex,
    manifests: [{
      mediaType: MediaType.dockerManifest,
      digest,
      size: bytes.length,
      annotations: { "io.containerd.image.name": name }
    }]
  }
  const path = (digest: string) => `blobs/${digest.replace(":", "/")}`
  const sent = new Map([config, ...layers.filter((layer, at) => used[at]?.digest === layer.digest)].map((blob) => [
    blob.digest,
    blob.size
  ]))
  const stream = Stream.fromArray<Tar.Entry<Errors.Reason>>([
    Tar.file("oci-layout", JSON.stringify({ imageLayoutVersion: "1.0.0" })),
    Tar.file("index.json", JSON.stringify(index)),
    Tar.file(path(digest), bytes),
    ...[...sent].map(([digest, size]) => Tar.fileStream(path(digest), size, file(built.blob(digest))))
  ]).pipe(
    Stream.pipeThroughChannel(Tar.encode<never, unknown, Tar.Entry<Errors.Reason>>()),
    Stream.mapError((error) =>
      Tar.isTarError(error) ? reason("Internal", { operation, message: error.message, cause: error }) : error
    )
  )
  return { digest, stream }
})
