import * as Effect from "effect/Effect"
import type { Primitives, RemovedImage } from "../../../Backend.ts"
import type * as Errors from "../../../Errors.ts"
import { reason } from "../errors.ts"
import { Containers } from "../protocol/containers_pb.ts"
import { canonical, familiar, isName, sourcesAt, withoutSource } from "./names.ts"
import type { Parts } from "./parts.ts"
import type { ImageRecord } from "./records.ts"
import { idOf, parsed } from "./store.ts"

const operation = "removeImage"

/** Each container says of which image it is. */
const label = "effect-containers.image"

export const make = ({ channel, content, documents, records, store }: Parts): Primitives["removeImage"] => {
  /** The ids of the containers that were made of an image. */
  const users = (digest: string, names: ReadonlyArray<ImageRecord>) =>
    Effect.map(
      channel.unary(Containers.method.list, {
        filters: [
          `labels.${JSON.stringify(label)}==${JSON.stringify(digest)}`,
          ...names.map(({ name }) => `image==${JSON.stringify(name)}`)
        ]
      }, { operation }),
      ({ containers }) => containers.map(({ id }) => id)
    )

  /** A name by digest that the image has of a repository, besides others: only that is taken away. */
  const forgetSource = Effect.fnUntraced(function*(
    image: string,
    record: ImageRecord
  ): Effect.fn.Return<RemovedImage | undefined, Errors.Reason> {
    if (idOf(image) !== undefined) return undefined
    const reference = yield* parsed(image, operation)
    if (reference.digest === undefined || record.name === canonical(reference) || record.name === reference.canonical) {
      return undefined
    }
    const { digest } = record.target
    const { labels } = yield* content.info(digest, operation)
    if (!sourcesAt(labels, reference.domain).includes(reference.path)) return undefined
    yield* content.label(digest, withoutSource(labels, reference), operation)
    return { untagged: [familiar(canonical(reference))], deleted: [] }
  })

  return Effect.fnUntraced(function*(image, { force }): Effect.fn.Return<RemovedImage, Errors.Reason> {
    const record = yield* store.record(image, operation)
    const { digest } = record.target
    const forgotten = yield* forgetSource(image, record)
    if (forgotten !== undefined) return forgotten
    const all = yield* records.list({ operation, digest })
    // Its id, where it stands for a name, goes with the last name.
    const isLast = idOf(image) !== undefined || !all.some(({ name }) => name !== record.name && isName(name))
    const removed = isLast ? all : all.filter(({ name }) => name === record.name)
    if (isLast && !force) {
      const [user] = yield* users(digest, all)
      if (user !== undefined) {
        return yield* reason("Conflict", {
          operation,
          message: `the image ${image} is used by the container ${user}`,
          hint: "remove the container first, or use force"
        })
      }
    }
    for (const [i, { name }] of removed.entries()) {
      // What the last one held is gone when it is.
      const remove = records.remove(name, { operation, sync: isLast && i === removed.length - 1 })
      yield* removed.length === 1 ? remove : Effect.catchTag(remove, "NotFound", () => Effect.void)
    }
    documents.forget()
    return {
      untagged: removed.flatMap(({ name }) => isName(name) ? [familiar(name)] : []),
      deleted: isLast ? [digest] : []
    }
  })
}
