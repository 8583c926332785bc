import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type * as Errors from "../../../Errors.ts"
import { type Channel, encode } from "../channel.ts"
import { fromCause, reason } from "../errors.ts"
import { Content as Service, WriteContentRequestSchema, type WriteContentResponse } from "../protocol/content_pb.ts"
import { capacity, WriteMessage } from "./message.ts"

/** How many messages may be on their way. */
const unanswered = 4

/** An open `Content.Write`. */
export interface Conversation {
  /** Opens the ingest `ref`; says how much of it is there. */
  readonly stat: (
    request: { readonly ref: string; readonly total: number; readonly expected: string }
  ) => Effect.Effect<number, Errors.Reason>
  /** Takes what comes at `offset`. Nothing of it is needed afterwards. */
  readonly write: (chunk: Uint8Array, offset: number) => Effect.Effect<void, Errors.Reason>
  /** Sends what is left, and has it stored. */
  readonly commit: (
    request: { readonly total: number; readonly expected: string; readonly labels: Readonly<Record<string, string>> }
  ) => Effect.Effect<void, Errors.Reason>
}

/** Opens one, which the scope cancels. `size` is the most that will be written. */
export const converse = Effect.fnUntraced(function*(
  channel: Channel,
  { lease, operation, size }: { readonly operation: string; readonly lease: string; readonly size: number }
): Effect.fn.Return<Conversation, Errors.Reason, Scope.Scope> {
  const call = yield* channel.duplex(Service.method.write, { operation, lease })
  const answers = yield* Queue.unbounded<WriteContentResponse, Errors.Reason>()
  call.on("data", (answer: WriteContentResponse) => void Queue.offerUnsafe(answers, answer))
  call.on("error", (cause) => void Queue.failCauseUnsafe(answers, Cause.fail(fromCause(operation, cause))))
  call.on("end", () => {
    // An error, if there is one, is told by now.
    const message = "the engine ended a write before it was answered"
    void Queue.failCauseUnsafe(answers, Cause.fail(reason("Unavailable", { operation, message })))
  })

  // As many as may be on their way and one to be filled: an answer says that a message has been taken from its buffer.
  const messages: Array<WriteMessage> = []
  let current = 0
  let pending = 0
  const free = (): WriteMessage => messages[current] ??= new WriteMessage(Math.max(1, Math.min(capacity, size)))
  const receive = Effect.map(Queue.take(answers), (answer) => {
    pending--
    return answer
  })
  const send = (bytes: Uint8Array): void => {
    pending++
    call.write(bytes)
  }
  const flush = (message: WriteMessage, end: number): Effect.Effect<unknown, Errors.Reason> => {
    const next = () => {
      send(message.encode(end - message.length))
      current = (current + 1) % (unanswered + 1)
    }
    return pending < unanswered ? Effect.sync(next) : Effect.map(receive, next)
  }
  let written = 0

  return {
    stat: ({ expected, ref, total }) => {
      send(encode(WriteContentRequestSchema, {
        action: 0,
        ref,
        total: BigInt(total),
        expected,
        offset: 0n,
        data: new Uint8Array(),
        labels: {}
      }))
      return Effect.map(receive, ({ offset }) => (written = Number(offset)))
    },
    write: Effect.fnUntraced(function*(chunk, offset) {
      let at = 0
      while (at < chunk.length) {
        const message = free()
        at += message.fill(chunk, at)
        written = offset + at
        if (message.isFull) yield* flush(message, written)
      }
    }),
    commit: Effect.fnUntraced(function*({ expected, labels, total }) {
      const message = free()
      if (message.length > 0) yield* flush(message, written)
      for (let left = pending; left > 0; left--) yield* receive
      send(encode(WriteContentRequestSchema, {
        action: 2,
        ref: "",
        total: BigInt(total),
        expected,
        // Without it all that is there would be dropped.
        offset: BigInt(written),
        data: new Uint8Array(),
        labels
      }))
      yield* receive
    })
  }
})
