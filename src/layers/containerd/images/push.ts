import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Primitives } from "../../../Backend.ts"
import type * as Errors from "../../../Errors.ts"
import * as Reference from "../../../Reference.ts"
import type { Client, Options } from "../../registry/client.ts"
import { longest } from "./documents.ts"
import { type Descriptor, isIndex, type Manifest, MediaType } from "./manifest.ts"
import { sourcesAt } from "./names.ts"
import type { Parts } from "./parts.ts"
import type { Target } from "./records.ts"
import { type Report, reporting } from "./report.ts"
import { parsed } from "./store.ts"

const operation = "push"

const concurrency = 3

/** A manifest that is to be pushed. */
interface Part {
  readonly digest: string
  readonly mediaType: string
  readonly manifest: Manifest
}

interface Plan {
  readonly parts: ReadonlyArray<Part>
  /** Those in the root, each after those in itself. */
  readonly indices: ReadonlyArray<Descriptor>
  /** What the name is to stand for in the registry. */
  readonly root: { readonly digest: string; readonly mediaType: string }
}

export const make = ({ content, documents, store }: Parts, client: Client): Primitives["push"] => {
  const isThere = (digest: string): Effect.Effect<boolean, Errors.Reason> =>
    content.info(digest, operation).pipe(
      Effect.as(true),
      Effect.catchTag("NotFound", () => Effect.succeed(false))
    )

  const part = Effect.fnUntraced(function*(digest: string, mediaType: string | undefined) {
    const manifest = yield* documents.manifest(digest, operation)
    return { digest, mediaType: mediaType ?? manifest.mediaType ?? MediaType.ociManifest, manifest }
  })

  /** An index goes as a whole; when not all of it is here, only the image for the engine's platform. */
  const plan = Effect.fnUntraced(function*(target: Target, image: string): Effect.fn.Return<Plan, Errors.Reason> {
    if (!isIndex(target.mediaType)) {
      return { parts: [yield* part(target.digest, target.mediaType)], indices: [], root: target }
    }
    const { indices, isWhole, manifests } = yield* store.expanded(target.digest, operation)
    const parts: Array<Part> = []
    for (const { digest, mediaType } of manifests) {
      if (!(yield* isThere(digest))) break
      const one = yield* part(digest, mediaType)
      const blobs = yield* Effect.forEach(
        [one.manifest.config, ...one.manifest.layers],
        ({ digest }) => isThere(digest)
      )
      if (!blobs.every(Boolean)) break
      parts.push(one)
    }
    if (isWhole && parts.length === manifests.length) {
      return { parts, indices: indices.map(({ descriptor }) => descriptor), root: target }
    }
    const { digest } = yield* store.load(target, { operation, image })
    const one = yield* part(digest, manifests.find((entry) => entry.digest === digest)?.mediaType)
    return { parts: [one], indices: [], root: one }
  })

  const upload = Effect.fnUntraced(function*(
    descriptor: Descriptor,
    isLayer: boolean,
    reference: Reference.Reference,
    options: Options,
    report: Report
  ) {
    const { digest, size } = descriptor
    const tell = isLayer ? report.layer : () => Effect.void
    if (yield* client.hasBlob(reference, descriptor, options)) {
      // Some engines drop the blobs of what they have unpacked.
      yield* Effect.catchTag(content.mark(digest, { operation, source: reference }), "NotFound", () => Effect.void)
      return yield* tell(digest, "Exists", "Layer already exists")
    }
    const { labels } = yield* content.info(digest, operation)
    const mountFrom = sourcesAt(labels, reference.domain).find((path) => path !== reference.path)
    const progress = report.progress(digest, "Pushing", "Pushing", size)
    const stream = Stream.suspend(() => {
      let current = 0
      return Stream.tap(content.stream(digest, { operation }), ({ length }) =>
        Effect.sync(() => {
          current += length
          if (isLayer) progress(current)
        }))
    })
    const how = yield* client.uploadBlob(reference, descriptor, stream, { ...options, mountFrom })
    yield* content.mark(digest, { operation, source: reference })
    yield* how === "Mounted"
      ? tell(digest, "Exists", `Mounted from ${mountFrom}`)
      : tell(digest, "Complete", "Pushed")
  })

  return (image, { credentials }) =>
    reporting((report) =>
      Effect.gen(function*() {
        const reference = Reference.withDefaultTag(yield* parsed(image, operation))
        const options: Options = { operation, credentials }
        const { target } = yield* store.record(image, operation)
        const { indices, parts, root } = yield* plan(target, image)
        const layers = new Map(parts.flatMap(({ manifest }) => manifest.layers.map((layer) => [layer.digest, layer])))
        const configs = new Map(parts.map(({ manifest: { config } }) => [config.digest, config]))
        yield* report.message(`The push refers to repository [${reference.name}]`)
        yield* Effect.forEach(layers.keys(), (digest) => report.layer(digest, "Waiting", "Preparing"), {
          discard: true
        })
        yield* Effect.forEach(
          [...layers.values(), ...configs.values()],
          (descriptor) => upload(descriptor, layers.has(descriptor.digest), reference, options, report),
          { concurrency, discard: true }
        )
        const put = Effect.fnUntraced(function*(digest: string, mediaType: string, tagOrDigest: string) {
          const bytes = yield* content.read(digest, { operation, most: longest })
          yield* client.putManifest(reference, tagOrDigest, { mediaType, bytes }, options)
          yield* content.mark(digest, { operation, source: reference })
          return bytes.length
        })
        yield* Effect.forEach(
          parts.filter(({ digest }) => digest !== root.digest),
          ({ digest, mediaType }) => put(digest, mediaType, digest),
          { discard: true }
        )
        for (const { digest, mediaType = MediaType.ociIndex } of indices) yield* put(digest, mediaType, digest)
        const size = yield* put(root.digest, root.mediaType, reference.tag ?? root.digest)
        yield* report.message(`${reference.tag ?? root.digest}: digest: ${root.digest} size: ${size}`)
      })
    )
}
