import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Http from "node:http"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import { cut, late, type Subject } from "./errors.ts"

interface Options<E> {
  readonly subject: Subject
  readonly size: number
  readonly stream: Stream.Stream<Uint8Array, E>
  readonly stallTimeout: number
}

/**
 * Writes a request's body and ends it, as fast as the registry takes it. Fails when the stream has more or fewer bytes
 * than were announced, `TimedOut` when the registry takes nothing for `stallTimeout` milliseconds.
 */
export const write = <E>(
  request: Http.ClientRequest,
  { size, stallTimeout, stream, subject }: Options<E>
): Effect.Effect<void, Errors.Reason | E> => {
  const { image, operation } = subject
  const wrongSize = (message: string) =>
    Effect.fail(reason("InvalidArgument", { operation, message: `${image}: ${message}` }))
  const flushed = (write: (done: () => void) => void): Effect.Effect<void, Errors.Reason> =>
    Effect.callback<void, Errors.Reason>((resume) => {
      const closed = () => resume(Effect.fail(cut(subject)))
      if (request.destroyed) return closed()
      request.once("close", closed)
      write(() => {
        request.off("close", closed)
        resume(Effect.void)
      })
      return Effect.sync(() => void request.off("close", closed))
    }).pipe(
      Effect.timeoutOrElse({ duration: stallTimeout, orElse: () => Effect.fail(late(subject, stallTimeout)) })
    )
  return Effect.suspend(() => {
    let written = 0
    return Stream.runForEachArray(stream, (chunks) => {
      const full = chunks.filter((chunk) => chunk.length > 0)
      const last = full.pop()
      if (last === undefined) return Effect.void
      for (const chunk of full) written += chunk.length
      written += last.length
      if (written > size) return wrongSize(`there is more to send than the ${size} bytes announced`)
      return flushed((done) => {
        for (const chunk of full) request.write(chunk)
        // A failing write also ends the request, which is heard of there with its cause.
        request.write(last, (error) => {
          if (error === null || error === undefined) done()
        })
      })
    }).pipe(
      Effect.andThen(Effect.suspend(() =>
        written < size
          ? wrongSize(`there are only ${written} bytes to send of the ${size} announced`)
          : flushed((done) => request.end(done))
      ))
    )
  })
}
