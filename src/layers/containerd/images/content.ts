import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Errors from "../../../Errors.ts"
import type * as Reference from "../../../Reference.ts"
import type { Channel } from "../channel.ts"
import { reason } from "../errors.ts"
import { Content as Service } from "../protocol/content_pb.ts"
import { withSource } from "./names.ts"
import { makeWrite, type Write, type WriteOptions, type Written } from "./write.ts"

/** Labels of a blob. */
export type Labels = Readonly<Record<string, string>>

export interface Info {
  readonly size: number
  readonly labels: Labels
}

/** What reads and writes the blobs of a containerd. */
export interface Content {
  /** A small blob; `Protocol` when it is larger than `most` bytes. */
  readonly read: (digest: string, options: {
    readonly operation: string
    readonly most: number
  }) => Effect.Effect<Uint8Array, Errors.Reason>
  /** A blob from `offset` on. */
  readonly stream: (digest: string, options: {
    readonly operation: string
    readonly offset?: number | undefined
  }) => Stream.Stream<Uint8Array, Errors.Reason>
  /** `NotFound` when there is no such blob. */
  readonly info: (digest: string, operation: string) => Effect.Effect<Info, Errors.Reason>
  /** Sets labels of a blob, the empty text takes one away; the others stay. */
  readonly label: (digest: string, labels: Labels, operation: string) => Effect.Effect<void, Errors.Reason>
  readonly write: Write
  /** {@link write}, after which the blob has these labels in any case, and says that this repository has it. */
  readonly put: <E>(
    options: WriteOptions<E> & {
      readonly source?: Reference.Reference | undefined
    }
  ) => Effect.Effect<Written, Errors.Reason | E>
  /** The labels that are missing, and that this repository has the blob. */
  readonly mark: (digest: string, options: {
    readonly operation: string
    readonly labels?: Labels | undefined
    readonly source?: Reference.Reference | undefined
  }) => Effect.Effect<void, Errors.Reason>
}

export const make = (channel: Channel): Content => {
  const stream: Content["stream"] = (digest, { offset = 0, operation }) =>
    Stream.map(
      channel.stream(Service.method.read, { digest, offset: BigInt(offset), size: 0n }, { operation }),
      ({ data }) => data
    )
  const label: Content["label"] = (digest, labels, operation) => {
    const keys = Object.keys(labels)
    if (keys.length === 0) return Effect.void
    return Effect.asVoid(channel.unary(Service.method.update, {
      info: { digest, labels },
      updateMask: { paths: keys.map((key) => `labels.${key}`) }
    }, { operation }))
  }
  const info: Content["info"] = (digest, operation) =>
    Effect.flatMap(
      channel.unary(Service.method.info, { digest }, { operation }),
      ({ info }) =>
        info === undefined
          ? Effect.fail(reason("Protocol", { operation, message: `there is no answer about ${digest}` }))
          : Effect.succeed({ size: Number(info.size), labels: info.labels })
    )
  const mark: Content["mark"] = (digest, { labels = {}, operation, source }) =>
    Effect.flatMap(info(digest, operation), ({ labels: present }) => {
      const missing = Object.entries(labels).filter(([key, value]) => present[key] !== value)
      return label(digest, {
        ...Object.fromEntries(missing),
        ...(source === undefined ? {} : withSource(present, source))
      }, operation)
    })
  const write = makeWrite(channel)
  return {
    read: (digest, { most, operation }) =>
      Effect.suspend(() => {
        const pieces: Array<Uint8Array> = []
        let size = 0
        return Stream.runForEachArray(stream(digest, { operation }), (chunks) => {
          for (const chunk of chunks) {
            size += chunk.length
            pieces.push(chunk)
          }
          return size <= most ? Effect.void : Effect.fail(reason("Protocol", {
            operation,
            message: `${digest} has more than the ${most} bytes that what it is said to be can have`
          }))
        }).pipe(Effect.map(() => Buffer.concat(pieces)))
      }),
    stream,
    info,
    label,
    write,
    put: Effect.fnUntraced(function*(options) {
      const { labels, operation, source } = options
      const written = yield* write({
        ...options,
        labels: { ...labels, ...(source === undefined ? {} : withSource({}, source)) }
      })
      if (written.existed) yield* mark(written.digest, { operation, labels, source })
      return written
    }),
    mark
  }
}
