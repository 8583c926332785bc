import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { createHash } from "node:crypto"

export const MediaType = {
  ociIndex: "application/vnd.oci.image.index.v1+json",
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociConfig: "application/vnd.oci.image.config.v1+json",
  dockerIndex: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar",
  dockerLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  ociLayerZstd: "application/vnd.oci.image.layer.v1.tar+zstd"
} as const

const text = Schema.optionalKey(Schema.String)
const texts = Schema.optionalKey(Schema.Array(Schema.String))
const map = Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
const keys = Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown))

/** It becomes part of names and paths: nothing else may be in it. */
const Digest = Schema.String.check(
  Schema.isPattern(/^(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})$/)
)

const Size = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

const Platform = Schema.Struct({ os: Schema.String, architecture: Schema.String, variant: text })

const Descriptor = Schema.Struct({
  mediaType: text,
  digest: Digest,
  size: Size,
  platform: Schema.optionalKey(Platform),
  annotations: map
})

/** What a blob is, as an index or a manifest names it. */
export type Descriptor = typeof Descriptor.Type

const Index = Schema.Struct({ mediaType: text, manifests: Schema.Array(Descriptor) })

export type Index = typeof Index.Type

const Manifest = Schema.Struct({ mediaType: text, config: Descriptor, layers: Schema.Array(Descriptor) })

/** An image for one platform. */
export type Manifest = typeof Manifest.Type

const ImageConfig = Schema.Struct({
  os: text,
  architecture: text,
  variant: text,
  created: text,
  config: Schema.optionalKey(
    Schema.Struct({
      env: texts,
      entrypoint: texts,
      command: texts,
      workDir: text,
      user: text,
      labels: map,
      stopSignal: text,
      volumes: keys,
      exposedPorts: keys
    }).pipe(Schema.encodeKeys({
      env: "Env",
      entrypoint: "Entrypoint",
      command: "Cmd",
      workDir: "WorkingDir",
      user: "User",
      labels: "Labels",
      stopSignal: "StopSignal",
      volumes: "Volumes",
      exposedPorts: "ExposedPorts"
    }))
  ),
  rootfs: Schema.Struct({ diffIds: Schema.Array(Digest) }).pipe(Schema.encodeKeys({ diffIds: "diff_ids" }))
})

/** How an image is to be run. */
export type ImageConfig = typeof ImageConfig.Type

/** Reads a blob as what it is said to be; a failure is a sentence of what is wrong. */
export type Decode<A> = (bytes: Uint8Array) => Result.Result<A, string>

const decoder = <S extends Schema.Codec<unknown, unknown>>(schema: S): Decode<S["Type"]> => {
  const decode = Schema.decodeUnknownResult(Schema.toCodecGoJson(schema))
  return (bytes) => {
    let json: unknown
    try {
      json = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"))
    } catch {
      return Result.fail("it is not JSON")
    }
    return Result.mapError(decode(json), (error) => error.message)
  }
}

export const decodeIndex = decoder(Index)
export const decodeManifest = decoder(Manifest)
export const decodeConfig = decoder(ImageConfig)

/** What Docker's archives are made of. */
export const decodeArchive = decoder(
  Schema.Array(
    Schema.Struct({ config: Schema.String, names: texts, layers: Schema.Array(Schema.String) }).pipe(
      Schema.encodeKeys({ config: "Config", names: "RepoTags", layers: "Layers" })
    )
  )
)

export const isIndex = (mediaType: string): boolean =>
  mediaType === MediaType.ociIndex || mediaType === MediaType.dockerIndex

export const isManifest = (mediaType: string): boolean =>
  mediaType === MediaType.ociManifest || mediaType === MediaType.dockerManifest

/** The names of an image's snapshots, from the lowest layer to the top. */
export const chainIds = (diffIds: ReadonlyArray<string>): ReadonlyArray<string> => {
  const chain: Array<string> = []
  for (const diffId of diffIds) {
    const parent = chain.at(-1)
    chain.push(
      parent === undefined ? diffId : `sha256:${createHash("sha256").update(`${parent} ${diffId}`).digest("hex")}`
    )
  }
  return chain
}
