import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type * as Http from "node:http"
import type * as Errors from "../../Errors.ts"
import { broken, cut, late, type Subject } from "./errors.ts"

type Next = Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>, Errors.Reason>

/** So much is read ahead of the consumer before the registry has to wait: bytes. */
const readAhead = 1024 * 1024

/**
 * An answer's body, all that came since the last pull as one array. Reads from the first pull on; fails `TimedOut` when
 * nothing comes for `stallTimeout` milliseconds while somebody waits. Single use.
 */
export const incoming = (
  subject: Subject,
  response: Http.IncomingMessage,
  stallTimeout: number
): Stream.Stream<Uint8Array, Errors.Reason> => {
  let chunks: Array<Uint8Array> = []
  let size = 0
  let isReading = false
  let last: Next | undefined
  let notify: (() => void) | undefined

  const wake = () => {
    const waiting = notify
    notify = undefined
    waiting?.()
  }
  const end = (next: Next) => {
    last ??= next
    wake()
  }
  response.on("end", () => {
    last ??= response.complete ? Cause.done() : Effect.fail(cut(subject))
    // By then the connection is ready for the next request.
    process.nextTick(wake)
  })
  response.on("error", (cause) =>
    end(Effect.fail(
      // How Node says that an answer was cut off.
      cause.message === "aborted" ? cut(subject) : broken(subject, cause)
    )))
  // After "end" this changes nothing.
  response.on("close", () => end(Effect.fail(cut(subject))))

  const read = () => {
    if (isReading) return
    isReading = true
    response.on("data", (chunk: Uint8Array) => {
      if (chunk.length === 0) return
      chunks.push(chunk)
      size += chunk.length
      if (size >= readAhead) response.pause()
      wake()
    })
  }
  const arrival = Effect.callback<void>((resume) => {
    // It may have come while this was being set up.
    if (chunks.length > 0 || last !== undefined) return resume(Effect.void)
    notify = () => resume(Effect.void)
    return Effect.sync(() => {
      notify = undefined
    })
  }).pipe(
    Effect.timeoutOrElse({ duration: stallTimeout, orElse: () => Effect.fail(late(subject, stallTimeout)) })
  )
  const pull: Next = Effect.suspend((): Next => {
    read()
    if (Arr.isArrayNonEmpty(chunks)) {
      const out = chunks
      chunks = []
      size = 0
      if (response.isPaused()) response.resume()
      return Effect.succeed(out)
    }
    return last ?? Effect.flatMap(arrival, () => pull)
  })
  return Stream.fromPull(Effect.succeed(pull))
}
