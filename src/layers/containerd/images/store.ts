import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Errors from "../../../Errors.ts"
import * as Reference from "../../../Reference.ts"
import { reason } from "../errors.ts"
import type { Content } from "./content.ts"
import type { Documents } from "./documents.ts"
import {
  chainIds,
  type Descriptor,
  type ImageConfig,
  type Index,
  isIndex,
  isManifest,
  type Manifest
} from "./manifest.ts"
import { canonical, sourcesAt } from "./names.ts"
import { expand, type Expanded } from "./nested.ts"
import * as Platform from "./platform.ts"
import type { ImageRecord, Records, Target } from "./records.ts"

/** An image for one platform. */
export interface Loaded {
  readonly manifest: Manifest
  /** The manifest's own digest. */
  readonly digest: string
  readonly config: ImageConfig
  /** The names of its snapshots, from the lowest to the top. */
  readonly chain: ReadonlyArray<string>
}

/** An image that the engine has. Its id is the target's digest. */
export interface Found extends Loaded {
  /** As containerd has it: `docker.io/library/gcc:14`. */
  readonly name: string
  readonly target: Target
}

/** An index that another one names. */
export interface Nested {
  readonly descriptor: Descriptor
  readonly index: Index
}

interface LookUp {
  readonly operation: string
  /** `os/architecture[/variant]`; the engine's own without. */
  readonly platform?: string | undefined
}

export interface Store {
  /** By a reference as the user writes it, or by id. */
  readonly find: (image: string, options: LookUp) => Effect.Effect<Found, Errors.Reason>
  /** Only what the name stands for. */
  readonly record: (image: string, operation: string) => Effect.Effect<ImageRecord, Errors.Reason>
  /** All that is here of what an index names, also by way of others. */
  readonly expanded: (digest: string, operation: string) => Effect.Effect<Expanded<Nested>, Errors.Reason>
  /** What a target holds; `image` is what errors call it. */
  readonly load: (target: Target, options: LookUp & { readonly image: string }) => Effect.Effect<Loaded, Errors.Reason>
}

/** The entries that may do for a machine, the best first. One that does not say what it is for comes last. */
export const candidates = (
  manifests: ReadonlyArray<Descriptor>,
  machine: Platform.Platform,
  strict: boolean
): ReadonlyArray<Descriptor> => {
  const wanted = Platform.normalised(machine).architecture
  return manifests
    .flatMap((entry) => {
      if (entry.mediaType !== undefined && !isManifest(entry.mediaType)) return []
      if (entry.platform === undefined) return [{ entry, rank: 1000 }]
      if (strict && Platform.normalised(entry.platform).architecture !== wanted) return []
      const rank = Platform.rank(machine, entry.platform)
      return rank === undefined ? [] : [{ entry, rank }]
    })
    .sort((a, b) => a.rank - b.rank)
    .map(({ entry }) => entry)
}

const platformOf = ({ architecture, os, variant }: ImageConfig): Platform.Platform => ({
  os: os ?? "linux",
  architecture: architecture ?? "",
  variant
})

/** Whether a configuration is of this platform, or of one that goes as well. */
export const suits = (config: ImageConfig, platform: string): boolean => {
  const wanted = Platform.parse(platform)
  const given = platformOf(config)
  return Platform.normalised(wanted).architecture === Platform.normalised(given).architecture &&
    Platform.rank(wanted, given) !== undefined
}

export const hasNot = (operation: string, image: string, platform: string): Errors.NotFound =>
  reason("NotFound", { operation, message: `the image ${image} is not there for the platform ${platform}` })

export const noSuch = (operation: string, image: string): Errors.NotFound =>
  reason("NotFound", { operation, message: `there is no image ${image}` })

export const parsed = (image: string, operation: string): Effect.Effect<Reference.Reference, Errors.InvalidArgument> =>
  Effect.suspend(() => {
    const result = Reference.parseResult(image)
    return Result.isSuccess(result)
      ? Effect.succeed(result.success)
      : Effect.fail(reason("InvalidArgument", { operation, message: result.failure.message }))
  })

export const idOf = (image: string): string | undefined => /^(?:sha256:)?([a-f0-9]{64})$/.exec(image)?.[1]

export const make = (content: Content, documents: Documents, records: Records): Store => {
  const named = (name: string, operation: string) =>
    Effect.catchTag(records.get(name, operation), "NotFound", () => Effect.undefined)

  /** What was pulled by tag is known by the digest that it then had, too. */
  const byDigest = Effect.fnUntraced(function*(reference: Reference.Reference, digest: string, operation: string) {
    const [first] = yield* records.list({ digest, operation })
    if (first === undefined) return undefined
    const { labels } = yield* content.info(digest, operation)
    return sourcesAt(labels, reference.domain).includes(reference.path) ? first : undefined
  })

  const record: Store["record"] = Effect.fnUntraced(function*(image, operation) {
    const id = idOf(image)
    if (id !== undefined) {
      const [first] = yield* records.list({ digest: `sha256:${id}`, operation })
      return first ?? (yield* noSuch(operation, image))
    }
    const reference = yield* parsed(image, operation)
    const { digest } = reference
    const found = (yield* named(Reference.withDefaultTag(reference).canonical, operation)) ??
      (digest === undefined
        ? undefined
        : (yield* named(canonical(reference), operation)) ?? (yield* byDigest(reference, digest, operation)))
    return found ?? (yield* noSuch(operation, image))
  })

  const loadManifest = Effect.fnUntraced(function*(digest: string, operation: string) {
    const manifest = yield* documents.manifest(digest, operation)
    const config = yield* documents.config(manifest.config.digest, operation)
    if (config.rootfs.diffIds.length !== manifest.layers.length) {
      const message =
        `${digest} names ${manifest.layers.length} layers, and its configuration ${config.rootfs.diffIds.length}`
      return yield* reason("Protocol", { operation, message })
    }
    return { digest, manifest, config, chain: chainIds(config.rootfs.diffIds) }
  })

  const expanded: Store["expanded"] = Effect.fnUntraced(function*(digest, operation) {
    const index = yield* documents.index(digest, operation)
    return yield* expand({ index }, (descriptor) =>
      documents.index(descriptor.digest, operation).pipe(
        Effect.map((index): Nested | undefined => ({ descriptor, index })),
        Effect.catchTag("NotFound", () => Effect.undefined)
      ))
  })

  const load: Store["load"] = Effect.fnUntraced(function*({ digest, mediaType }, { image, operation, platform }) {
    const shown = platform ?? Platform.format(Platform.own)
    if (!isIndex(mediaType)) {
      const loaded = yield* Effect.catchTag(
        loadManifest(digest, operation),
        "NotFound",
        () => Effect.fail(hasNot(operation, image, shown))
      )
      return platform === undefined || suits(loaded.config, platform)
        ? loaded
        : yield* hasNot(operation, image, platform)
    }
    const { manifests } = yield* expanded(digest, operation)
    const machine = platform === undefined ? Platform.own : Platform.parse(platform)
    const wanted = candidates(manifests, machine, platform !== undefined)
    // Without a wish, what is there for another machine is better than nothing: it may be asked what it is.
    const others = platform === undefined
      ? manifests.filter((entry) => !wanted.includes(entry) && entry.platform?.os !== "unknown")
      : []
    for (const entry of [...wanted, ...others]) {
      const loaded = yield* Effect.catchTag(loadManifest(entry.digest, operation), "NotFound", () => Effect.undefined)
      if (loaded === undefined) continue
      if (platform === undefined || entry.platform !== undefined || suits(loaded.config, platform)) return loaded
    }
    return yield* hasNot(operation, image, shown)
  })

  return {
    record,
    expanded,
    load,
    find: Effect.fnUntraced(function*(image, options) {
      const { name, target } = yield* record(image, options.operation)
      return { name, target, ...(yield* load(target, { ...options, image })) }
    })
  }
}
