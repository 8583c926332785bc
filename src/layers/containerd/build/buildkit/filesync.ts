import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type * as Errors from "../../../../Errors.ts"
import { reason } from "../../errors.ts"
import type { PacketSchema } from "../../protocol/fsutil_pb.ts"
import type { Asked } from "./serve.ts"
import type { Entry, Tree } from "./tree.ts"

const operation = "build"

/** The kinds of packets. */
const Kind = { stat: 0, request: 1, data: 2, end: 3, error: 4 } as const

const nothing = new Uint8Array()

/** Larger than the pieces in which files are read: bytes. */
const largest = 1024 * 1024

/**
 * Sends a tree as fsutil has it: what there is, in order, and of the files that are then asked for, by their place in that
 * order, what is in them. Everything belongs to root.
 */
export const send = (
  { answer, messages }: Asked<typeof PacketSchema, typeof PacketSchema>,
  tree: Tree
): Effect.Effect<void, Errors.Reason> =>
  Effect.gen(function*() {
    const files = new Map<number, NonNullable<Entry["content"]>>()
    const wanted = yield* Queue.unbounded<number, Errors.Reason | Cause.Done>()
    const packet = (type: number, fields: { readonly id?: number; readonly data?: Uint8Array } = {}) =>
      answer({ type, stat: undefined, id: fields.id ?? 0, data: fields.data ?? nothing })

    let count = 0
    const list = tree.pipe(
      Stream.runForEach(({ content, linkname, modTime, mode, path, size }) => {
        if (content !== undefined) files.set(count, content)
        count++
        return answer({
          type: Kind.stat,
          stat: { path, mode, uid: 0, gid: 0, size, modTime, linkname },
          id: 0,
          data: nothing
        })
      }),
      Effect.andThen(packet(Kind.stat))
    )

    const give = Effect.fnUntraced(function*(id: number) {
      const content = files.get(id)
      if (content === undefined) {
        return yield* reason("Protocol", { operation, message: `BuildKit asks for a file ${id} that there is not` })
      }
      files.delete(id)
      yield* Stream.runForEach(content, (bytes) =>
        Effect.forEach(
          Array.from(
            { length: Math.ceil(bytes.length / largest) },
            (_, at) => bytes.subarray(at * largest, (at + 1) * largest)
          ),
          (data) => packet(Kind.data, { id, data }),
          { discard: true }
        ))
      // One without data is the file's end.
      yield* packet(Kind.data, { id })
    })

    const listen = messages.pipe(
      Stream.takeUntil(({ type }) => type === Kind.end),
      Stream.runForEach(({ data, id, type }) =>
        type === Kind.error
          ? Effect.fail(reason("Internal", {
            operation,
            message: `BuildKit does not take the context: ${Buffer.from(data).toString()}`
          }))
          : type === Kind.request
          ? Effect.asVoid(Queue.offer(wanted, id))
          : Effect.void
      ),
      Effect.andThen(Queue.end(wanted))
    )

    yield* Effect.all([list, listen, Stream.runForEach(Stream.fromQueue(wanted), give)], {
      concurrency: "unbounded",
      discard: true
    }).pipe(
      Effect.tapError((error) => packet(Kind.error, { data: Buffer.from(error.message) }))
    )
    yield* packet(Kind.end)
  })
