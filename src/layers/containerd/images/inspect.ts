import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { ImageInfo, ImageSummary, Primitives } from "../../../Backend.ts"
import type * as Errors from "../../../Errors.ts"
import { type Filter, matchImage } from "../../../Filter.ts"
import { reason } from "../errors.ts"
import { familiar, isByDigest, isName, sources } from "./names.ts"
import type { Parts } from "./parts.ts"
import type { ImageRecord } from "./records.ts"
import * as Sizes from "./sizes.ts"
import type { Loaded } from "./store.ts"

const timeOf = (text: string | undefined): DateTime.Utc | undefined => {
  if (text === undefined || text.startsWith("0001-01-01")) return undefined
  const time = DateTime.make(text)
  return time._tag === "Some" ? DateTime.toUtc(time.value) : undefined
}

const referencesOf = (names: ReadonlyArray<ImageRecord>): ReadonlyArray<string> =>
  names.flatMap(({ name }) => isName(name) && !isByDigest(name) ? [familiar(name)] : [])

/** Names by digest: those that it was pulled by, and those that its repositories give it. */
const digestsOf = (
  digest: string,
  names: ReadonlyArray<ImageRecord>,
  labels: Readonly<Record<string, string>>
): ReadonlyArray<string> => [
  ...new Set([
    ...names.flatMap(({ name }) => isByDigest(name) ? [familiar(name)] : []),
    ...sources(labels).map((repository) => familiar(`${repository}@${digest}`))
  ])
]

const byTarget = (records: ReadonlyArray<ImageRecord>): ReadonlyMap<string, ReadonlyArray<ImageRecord>> => {
  const groups = new Map<string, Array<ImageRecord>>()
  for (const record of records) {
    const group = groups.get(record.target.digest)
    if (group === undefined) groups.set(record.target.digest, [record])
    else group.push(record)
  }
  return groups
}

/** When the last of its names came to be. */
const arrivedAt = (names: ReadonlyArray<ImageRecord>): DateTime.Utc | undefined => {
  const latest = Math.max(...names.map(({ since }) => since ?? 0))
  return latest > 0 ? Option.getOrUndefined(DateTime.make(latest)) : undefined
}

const epoch = DateTime.makeUnsafe(0)

export const make = (
  { channel, content, records, snapshotter, store }: Parts
): Pick<Primitives, "inspectImage" | "listImages"> => {
  const sizeOf = Sizes.make(channel, snapshotter)

  /** An image that is removed while it is looked at has no labels any more. */
  const labelsOf = (digest: string, operation: string) =>
    content.info(digest, operation).pipe(
      Effect.map(({ labels }) => labels),
      Effect.catchTag("NotFound", () => Effect.succeed<Readonly<Record<string, string>>>({}))
    )

  const summary = Effect.fnUntraced(function*(
    digest: string,
    names: ReadonlyArray<ImageRecord>,
    filter: Filter
  ): Effect.fn.Return<ImageSummary | undefined, Errors.Reason> {
    const operation = "listImages"
    const [first] = names
    if (first === undefined) return undefined
    const { name, target } = first
    // What is no image for anybody, or broken, is there all the same.
    const loaded: Loaded | undefined = yield* store.load(target, { operation, image: name }).pipe(
      Effect.catchTag(["NotFound", "Protocol"], () => Effect.undefined)
    )
    const labels = loaded?.config.config?.labels ?? {}
    const references = referencesOf(names)
    const matched = matchImage(filter, { references, labels })
    if (Result.isFailure(matched)) {
      return yield* reason("InvalidArgument", { operation, message: matched.failure.issue })
    }
    if (!matched.success) return undefined
    return {
      id: digest,
      references,
      digests: digestsOf(digest, names, yield* labelsOf(digest, operation)),
      size: loaded === undefined ? target.size : yield* sizeOf({ target, ...loaded }, operation),
      createdAt: timeOf(loaded?.config.created) ?? epoch,
      labels
    }
  })

  return {
    inspectImage: Effect.fnUntraced(function*(image): Effect.fn.Return<ImageInfo, Errors.Reason> {
      const operation = "inspectImage"
      const found = yield* store.find(image, { operation })
      const { config: { architecture, config = {}, created, os }, target } = found
      const [names, labels, size] = yield* Effect.all([
        records.list({ operation, digest: target.digest }),
        labelsOf(target.digest, operation),
        sizeOf(found, operation)
      ], { concurrency: "unbounded" })
      return {
        id: target.digest,
        references: referencesOf(names),
        digests: digestsOf(target.digest, names, labels),
        size,
        createdAt: timeOf(created) ?? epoch,
        arrivedAt: arrivedAt(names),
        os: os ?? "linux",
        architecture: architecture ?? "",
        labels: config.labels ?? {},
        config: {
          env: config.env ?? [],
          entrypoint: config.entrypoint ?? [],
          command: config.command ?? [],
          workDir: config.workDir ?? "",
          user: config.user ?? ""
        }
      }
    }),
    listImages: Effect.fnUntraced(function*(filter) {
      // Refused also when there is nothing to hold it against.
      const empty = matchImage(filter, { references: [], labels: {} })
      if (Result.isFailure(empty)) {
        return yield* reason("InvalidArgument", { operation: "listImages", message: empty.failure.issue })
      }
      const groups = byTarget(yield* records.list({ operation: "listImages" }))
      const summaries = yield* Effect.forEach(
        groups,
        ([digest, names]) => summary(digest, names, filter),
        { concurrency: 8 }
      )
      return summaries.filter((one) => one !== undefined)
    })
  }
}
