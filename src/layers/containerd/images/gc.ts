import { type Index, isIndex, isManifest, type Manifest } from "./manifest.ts"

/** Labels that keep what a manifest names for as long as the manifest is there. */
export const manifestLabels = ({ config, layers }: Manifest): Readonly<Record<string, string>> => ({
  "containerd.io/gc.ref.content.config": config.digest,
  ...Object.fromEntries(layers.map(({ digest }, i) => [`containerd.io/gc.ref.content.l.${i}`, digest]))
})

/** The same for an index. */
export const indexLabels = ({ manifests }: Index): Readonly<Record<string, string>> =>
  Object.fromEntries(manifests.map(({ digest }, i) => [`containerd.io/gc.ref.content.m.${i}`, digest]))

/** What partial downloads of a kind of blob are called: other clients of containerd call them the same. */
export const refOf = (mediaType: string, digest: string): string =>
  `${isIndex(mediaType) ? "index" : isManifest(mediaType) ? "manifest" : "layer"}-${digest}`
