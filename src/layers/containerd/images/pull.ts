import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Credentials, Primitives } from "../../../Backend.ts"
import type * as Errors from "../../../Errors.ts"
import * as Reference from "../../../Reference.ts"
import type { Client, Manifest as Received, Options } from "../../registry/client.ts"
import { redacted, secretsOf } from "../../registry/redact.ts"
import { reason } from "../errors.ts"
import { longest } from "./documents.ts"
import { indexLabels, manifestLabels, refOf } from "./gc.ts"
import * as Lease from "./lease.ts"
import {
  chainIds,
  type Decode,
  decodeIndex,
  decodeManifest,
  type Descriptor,
  type ImageConfig,
  type Index,
  isIndex,
  type Manifest
} from "./manifest.ts"
import { canonical } from "./names.ts"
import { expand } from "./nested.ts"
import type { Parts } from "./parts.ts"
import * as Platform from "./platform.ts"
import { type Report, reporting } from "./report.ts"
import { candidates, hasNot, idOf, parsed, suits } from "./store.ts"
import type { Transfer } from "./transfer.ts"

interface Indexed {
  readonly received: Received
  readonly index: Index
}

export type FindCredentials = (domain: string) => Effect.Effect<Credentials | undefined>

const operation = "pull"

/** How many blobs are transferred at once: more than a few gain nothing, and registries mind. */
const concurrency = 3

const decoded = <A>(decode: Decode<A>, { bytes, descriptor }: Received): Effect.Effect<A, Errors.Reason> =>
  Result.match(decode(bytes), {
    onSuccess: Effect.succeed,
    onFailure: (issue) => Effect.fail(reason("Protocol", { operation, message: `${descriptor.digest}: ${issue}` }))
  })

export const make = (
  { channel, content, documents, records, store, unpack }: Parts,
  client: Client,
  engine: { readonly transfer: Transfer | undefined; readonly findCredentials: FindCredentials }
): Primitives["pull"] => {
  /** Lets the engine do it. Says whether it did: what it cannot do we can, and know better why it fails if it does. */
  const byEngine = Effect.fnUntraced(function*(
    root: Received,
    { image, options, platform, reference, report }: {
      readonly image: string
      readonly reference: Reference.Reference
      readonly platform: string | undefined
      readonly options: Options
      readonly report: Report
    }
  ): Effect.fn.Return<boolean> {
    const { transfer } = engine
    if (transfer === undefined || !transfer.isFit(reference.domain)) return false
    const { credentials } = options
    const { digest, mediaType, size } = root.descriptor
    const pull = transfer.pull({
      reference: `${reference.name}@${digest}`,
      domain: reference.domain,
      name: canonical(reference),
      platform: platform === undefined ? Platform.own : Platform.parse(platform),
      credentials: credentials === undefined ? engine.findCredentials(reference.domain) : Effect.succeed(credentials),
      report
    })
    return yield* pull.pipe(
      Effect.andThen(store.load({ digest, mediaType, size, annotations: {} }, { operation, image, platform })),
      Effect.tap((loaded) => unpack.ensure(loaded, operation)),
      // Not every version says where it has a blob from.
      Effect.tap((loaded) =>
        Effect.forEach(
          new Set([
            digest,
            loaded.digest,
            loaded.manifest.config.digest,
            ...loaded.manifest.layers.map((l) => l.digest)
          ]),
          (blob) => content.mark(blob, { operation, source: reference }),
          { concurrency, discard: true }
        )
      ),
      Effect.tap(({ manifest }) =>
        Effect.forEach(manifest.layers, (layer) => report.layer(layer.digest, "Complete", "Pull complete"), {
          discard: true
        })
      ),
      Effect.andThen(Effect.as(Effect.logDebug(`the engine has pulled ${image} by itself`), true)),
      Effect.catch((error) => {
        const words = redacted(error.message, secretsOf(credentials))
        return Effect.as(Effect.logDebug(`the engine cannot pull ${image}: ${words}`), false)
      })
    )
  })

  /** A manifest or an index goes to the engine after what it names. */
  const putDocument = (
    { bytes, descriptor: { digest, mediaType, size } }: Received,
    labels: Readonly<Record<string, string>>,
    lease: string,
    source: Reference.Reference
  ) =>
    content.put({
      operation,
      lease,
      ref: refOf(mediaType, digest),
      digest,
      size,
      labels,
      source,
      open: (offset) => Stream.succeed(bytes.subarray(offset))
    })

  /** What a registry has under a digest, unless it is here. */
  const received = Effect.fnUntraced(function*(
    reference: Reference.Reference,
    { digest, mediaType }: Descriptor,
    options: Options
  ): Effect.fn.Return<Received, Errors.Reason> {
    const present = yield* Effect.catchTag(
      content.read(digest, { operation, most: longest }),
      "NotFound",
      () => Effect.undefined
    )
    return present === undefined || mediaType === undefined
      ? yield* client.manifest(reference, digest, options)
      : { bytes: present, descriptor: { mediaType, digest, size: present.length } }
  })

  /** The image for a platform of those that an index names, and the indices to be kept: each after what it names. */
  const choose = Effect.fnUntraced(function*(
    root: Received,
    reference: Reference.Reference,
    platform: string | undefined,
    options: Options
  ): Effect.fn.Return<{ readonly chosen: Received; readonly indices: ReadonlyArray<Indexed> }, Errors.Reason> {
    if (!isIndex(root.descriptor.mediaType)) return { chosen: root, indices: [] }
    const whole = { received: root, index: yield* decoded(decodeIndex, root) }
    const machine = platform === undefined ? Platform.own : Platform.parse(platform)
    const { indices, manifests } = yield* expand(
      whole,
      Effect.fnUntraced(function*(descriptor) {
        if (descriptor.platform !== undefined && Platform.rank(machine, descriptor.platform) === undefined) {
          return undefined
        }
        const one = yield* received(reference, descriptor, options)
        return { received: one, index: yield* decoded(decodeIndex, one) }
      })
    )
    const [entry] = candidates(manifests, machine, platform !== undefined)
    if (entry === undefined) {
      return yield* hasNot(operation, reference.familiar, platform ?? Platform.format(Platform.own))
    }
    return { chosen: yield* received(reference, entry, options), indices: [...indices, whole] }
  })

  const checked = (
    manifest: Manifest,
    config: ImageConfig,
    image: string,
    platform: string | undefined
  ): Effect.Effect<void, Errors.Reason> =>
    platform !== undefined && !suits(config, platform)
      ? Effect.fail(hasNot(operation, image, platform))
      : config.rootfs.diffIds.length === manifest.layers.length
      ? Effect.void
      : Effect.fail(reason("Protocol", {
        operation,
        message:
          `${manifest.config.digest} tells of ${config.rootfs.diffIds.length} layers, of ${manifest.layers.length}`
      }))

  /** Downloads and unpacks at the same time. */
  const transfer = Effect.fnUntraced(function*(
    manifest: Manifest,
    { image, options, platform, reference }: {
      readonly image: string
      readonly reference: Reference.Reference
      readonly platform: string | undefined
      readonly options: Options
    },
    lease: string,
    report: Report
  ): Effect.fn.Return<ReadonlyArray<string>, Errors.Reason> {
    const download = (descriptor: Descriptor, ref: string, onProgress?: (current: number) => void) =>
      content.put({
        operation,
        lease,
        ref,
        digest: descriptor.digest,
        size: descriptor.size,
        labels: {},
        source: reference,
        open: (offset) =>
          client.blob(reference, { ...descriptor, mediaType: descriptor.mediaType ?? "" }, { ...options, offset }),
        onProgress
      })
    const layers = new Map(manifest.layers.map((descriptor) => [descriptor.digest, descriptor]))
    const arrivals = new Map([...layers.keys()].map((digest) => [digest, Deferred.makeUnsafe<{ existed: boolean }>()]))
    const configured = Deferred.makeUnsafe<ImageConfig>()

    yield* Effect.forEach(layers.keys(), (digest) => report.layer(digest, "Waiting", "Pulling fs layer"), {
      discard: true
    })
    const configuration = Effect.gen(function*() {
      const { digest } = manifest.config
      yield* download(manifest.config, `config-${digest}`)
      const config = yield* documents.config(digest, operation)
      yield* checked(manifest, config, image, platform)
      yield* Deferred.succeed(configured, config)
    })
    const layer = (descriptor: Descriptor) =>
      Effect.gen(function*() {
        const { digest, size } = descriptor
        const { existed } = yield* download(
          descriptor,
          `layer-${digest}`,
          report.progress(digest, "Downloading", "Downloading", size)
        )
        if (!existed) yield* report.layer(digest, "Downloaded", "Download complete")
        const arrival = arrivals.get(digest)
        if (arrival !== undefined) yield* Deferred.succeed(arrival, { existed })
      })
    const downloads = Effect.forEach(
      [configuration, ...[...layers.values()].map(layer)],
      (task) => task,
      { concurrency, discard: true }
    )
    const unpacking = Effect.gen(function*() {
      const { rootfs: { diffIds } } = yield* Deferred.await(configured)
      const chain = chainIds(diffIds)
      for (const [i, descriptor] of manifest.layers.entries()) {
        const { digest } = descriptor
        const arrival = arrivals.get(digest)
        const existed = arrival === undefined || (yield* Deferred.await(arrival)).existed
        const made = yield* unpack.layer({
          operation,
          lease,
          descriptor,
          diffId: diffIds[i] ?? "",
          chainId: chain[i] ?? "",
          parent: chain[i - 1] ?? "",
          onExtract: report.layer(digest, "Extracting", "Extracting")
        })
        yield* existed && !made
          ? report.layer(digest, "Exists", "Already exists")
          : report.layer(digest, "Complete", "Pull complete")
      }
      return chain
    })
    const [chain] = yield* Effect.all([unpacking, downloads], { concurrency: "unbounded" })
    return chain
  })

  return (image, { credentials, platform }) =>
    reporting((report) =>
      Effect.gen(function*() {
        if (idOf(image) !== undefined) {
          return yield* reason("InvalidArgument", { operation, message: `${image} is an id: it cannot be pulled` })
        }
        const reference = Reference.withDefaultTag(yield* parsed(image, operation))
        const options: Options = { operation, credentials }
        const shown = reference.digest ?? reference.tag ?? "latest"
        yield* report.message(`${shown}: Pulling from ${reference.path}`, "Resolving")
        const root = yield* client.manifest(reference, shown, options)
        const name = canonical(reference)
        const before = yield* Effect.option(records.get(name, operation))
        const isPulled = yield* byEngine(root, { image, reference, platform, options, report })
        const isNew = isPulled
          ? before._tag === "None" || before.value.target.digest !== root.descriptor.digest
          : yield* Effect.scoped(Effect.gen(function*() {
            const lease = yield* Lease.make(channel, operation)
            const { chosen, indices } = yield* choose(root, reference, platform, options)
            const manifest = yield* decoded(decodeManifest, chosen)
            if (manifest.config.size > longest) {
              return yield* reason("Protocol", {
                operation,
                message: `${manifest.config.digest} is too large to be read`
              })
            }
            const chain = yield* transfer(manifest, { image, reference, platform, options }, lease, report)
            yield* unpack.keep({ manifest, chain }, operation)
            yield* putDocument(chosen, manifestLabels(manifest), lease, reference)
            for (const { index, received } of indices) {
              yield* putDocument(received, indexLabels(index), lease, reference)
            }
            return yield* records.put(name, { ...root.descriptor, annotations: {} }, operation)
          }))
        yield* report.message(`Digest: ${root.descriptor.digest}`)
        yield* report.message(
          isNew
            ? `Status: Downloaded newer image for ${reference.familiar}`
            : `Status: Image is up to date for ${reference.familiar}`
        )
      })
    )
}
