import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Errors from "../../Errors.ts"
import { late, odd, refused } from "./errors.ts"
import type { Answer } from "./http.ts"
import { noteWait } from "./retry.ts"

/** Of an answer that says no, this much is read: bytes. */
const longestRefusal = 64 * 1024

/** The whole of a small body; `Protocol` when it is longer than `most` bytes, `TimedOut` when it takes too long. */
export const bytes = (
  { body, subject }: Answer,
  { deadline, most }: { readonly deadline: number; readonly most: number }
): Effect.Effect<Buffer, Errors.Reason> =>
  Effect.suspend(() => {
    const all: Array<Uint8Array> = []
    let size = 0
    return Stream.runForEachArray(body, (chunks) => {
      for (const chunk of chunks) size += chunk.length
      all.push(...chunks)
      return size > most ? Effect.fail(odd(subject, `answered with more than ${most} bytes`)) : Effect.void
    }).pipe(
      Effect.map(() => Buffer.concat(all, size)),
      Effect.timeoutOrElse({ duration: deadline, orElse: () => Effect.fail(late(subject, deadline)) })
    )
  })

/** What a refusal says, as far as it can be read. Reading it to its end keeps the connection. */
export const words = (answer: Answer, deadline: number): Effect.Effect<string> =>
  bytes(answer, { deadline: Math.min(deadline, 5000), most: longestRefusal }).pipe(
    Effect.map((text) => text.toString("utf8")),
    // What its status says is worth more than that its words were cut off.
    Effect.orElseSucceed(() => "")
  )

export const isFine = ({ status }: Answer): boolean => status >= 200 && status < 300

/** Fails as an answer says that says no. */
export const refusal = (
  answer: Answer,
  options: { readonly deadline: number; readonly secrets: ReadonlyArray<string> },
  as?: Parameters<typeof refused>[2]
): Effect.Effect<never, Errors.Reason> =>
  Effect.flatMap(words(answer, options.deadline), (body) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const reason = refused(answer.subject, { status: answer.status, body, secrets: options.secrets }, as)
      noteWait(reason, answer.headers["retry-after"], now)
      return Effect.fail(reason)
    }))
