import * as Effect from "effect/Effect"
import type * as Errors from "../../../Errors.ts"
import type { Channel } from "../channel.ts"
import { reason } from "../errors.ts"
import { type Image, Images } from "../protocol/images_pb.ts"

/** What an image's name stands for. */
export interface Target {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly annotations: Readonly<Record<string, string>>
}

/** A name. */
export interface ImageRecord {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly target: Target
  /** Milliseconds; when the name came to stand for this. */
  readonly since: number | undefined
}

/** The names that a containerd knows images by. */
export interface Records {
  readonly get: (name: string, operation: string) => Effect.Effect<ImageRecord, Errors.Reason>
  /** All, or those of a target. */
  readonly list: (
    options: { readonly operation: string; readonly digest?: string | undefined }
  ) => Effect.Effect<ReadonlyArray<ImageRecord>, Errors.Reason>
  /** Makes a name stand for this, whatever it stood for. Says whether that is new. */
  readonly put: (name: string, target: Target, operation: string) => Effect.Effect<boolean, Errors.Reason>
  /** With `sync` what nothing refers to any more is gone when it succeeds. */
  readonly remove: (
    name: string,
    options: { readonly operation: string; readonly sync: boolean }
  ) => Effect.Effect<void, Errors.Reason>
}

const millis = (time: { readonly seconds: bigint; readonly nanos: number } | undefined): number | undefined =>
  time === undefined || time.seconds <= 0n ? undefined : Number(time.seconds) * 1000 + Math.floor(time.nanos / 1e6)

const recordOf = ({ createdAt, labels, name, target, updatedAt }: Image): ImageRecord | undefined =>
  target === undefined ? undefined : {
    name,
    labels,
    target: {
      mediaType: target.mediaType,
      digest: target.digest,
      size: Number(target.size),
      annotations: target.annotations
    },
    since: millis(updatedAt) ?? millis(createdAt)
  }

/** It waits for the garbage collector, which may have much to do: milliseconds. */
const collecting = 300_000

export const make = (channel: Channel): Records => {
  const get: Records["get"] = (name, operation) =>
    Effect.flatMap(channel.unary(Images.method.get, { name }, { operation }), ({ image }) => {
      const record = image === undefined ? undefined : recordOf(image)
      return record === undefined
        ? Effect.fail(reason("Protocol", { operation, message: `there is no answer about ${name}` }))
        : Effect.succeed(record)
    })
  return {
    get,
    list: ({ digest, operation }) =>
      Effect.map(
        channel.unary(Images.method.list, { filters: digest === undefined ? [] : [`target.digest==${digest}`] }, {
          operation
        }),
        ({ images }) => images.flatMap((image) => recordOf(image) ?? [])
      ),
    put: Effect.fnUntraced(function*(name, target, operation) {
      const image = {
        name,
        labels: {},
        target: { ...target, size: BigInt(target.size) },
        createdAt: undefined,
        updatedAt: undefined
      }
      const created = channel.unary(Images.method.create, { image }, { operation })
      const updated = channel.unary(Images.method.update, { image, updateMask: { paths: ["target"] } }, { operation })
      const before = yield* Effect.catchTag(get(name, operation), "NotFound", () => Effect.undefined)
      if (before?.target.digest === target.digest) return false
      yield* before === undefined
        ? Effect.catchTag(created, "AlreadyExists", () => updated)
        : Effect.catchTag(updated, "NotFound", () => created)
      return true
    }),
    remove: (name, { operation, sync }) =>
      Effect.asVoid(channel.unary(Images.method.delete, { name, sync }, {
        operation,
        ...(sync ? { deadline: collecting } : {})
      }))
  }
}
