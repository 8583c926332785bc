import { createHash } from "node:crypto"

const digestOf = (bytes: Uint8Array | string): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

/** An image of one layer that nobody ever looks into. */
const diffId = digestOf("layer")

const config = json({
  os: "linux",
  architecture: "amd64",
  config: { Cmd: ["/bin/true"] },
  rootfs: { type: "layers", diff_ids: [diffId] }
})

const manifest = json({
  schemaVersion: 2,
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: digestOf(config), size: config.length },
  layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", digest: digestOf("layer"), size: 5 }]
})

/** The name of its topmost snapshot. */
export const top = diffId

export const blobs: ReadonlyMap<string, Buffer> = new Map([config, manifest].map((bytes) => [digestOf(bytes), bytes]))

export const target = {
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  digest: digestOf(manifest),
  size: BigInt(manifest.length),
  annotations: {}
}
