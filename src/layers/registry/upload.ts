import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Errors from "../../Errors.ts"
import type * as Reference from "../../Reference.ts"
import { bytes } from "./answer.ts"
import { ask, type Options, type Registries, scopeOf, subjectOf, urlOf } from "./ask.ts"
import { type Endpoint, registry } from "./endpoint.ts"
import type { Subject } from "./errors.ts"
import type { Descriptor } from "./manifest.ts"
import { locationOf } from "./redirect.ts"
import { retrying } from "./retry.ts"

/** A failure of what is sent, in an envelope: it is nobody's to judge here. */
class Sent<E> {
  readonly error: E
  constructor(error: E) {
    this.error = error
  }
}

/** What a registry says when it has stored something: nobody reads more. */
const short = 64 * 1024

/** How a blob came to be there. */
export type Upload = "Mounted" | "Uploaded"

/**
 * Stores a blob: by mounting it from another repository of the same registry if it has it there, else by sending it whole.
 * After a failure that may get better it is sent again from the start: the stream has to give the same each time.
 */
export const put = <E>(
  registries: Registries,
  reference: Reference.Reference,
  { digest, size }: Pick<Descriptor, "digest" | "size">,
  stream: Stream.Stream<Uint8Array, E>,
  { credentials, mountFrom, operation }: Options & {
    /** A repository's path on the same registry. */
    readonly mountFrom?: string | undefined
  }
): Effect.Effect<Upload, Errors.Reason | E> => {
  const { settings } = registries.transport
  const scopes = [
    scopeOf(reference, "push"),
    ...(mountFrom === undefined ? [] : [`repository:${mountFrom}:pull`])
  ]
  const small = { deadline: settings.answerTimeout, most: short }

  /** Where to send it; `undefined` when it has been mounted. */
  const begin = (endpoint: Endpoint, subject: Subject) =>
    Effect.scoped(Effect.gen(function*() {
      const url = urlOf(endpoint, reference, "blobs/uploads/")
      if (mountFrom !== undefined) {
        url.searchParams.set("mount", digest)
        url.searchParams.set("from", mountFrom)
      }
      const headers = { "Content-Length": "0" }
      const answer = yield* ask(registries, { endpoint, subject, credentials, scopes, method: "POST", url, headers })
      yield* bytes(answer, small)
      if (answer.status === 201 && mountFrom !== undefined) return undefined
      const to = locationOf(settings, answer)
      return to instanceof URL ? to : yield* to
    }))
  const send = (endpoint: Endpoint, subject: Subject, to: URL) =>
    Effect.scoped(Effect.gen(function*() {
      const url = new URL(to)
      // There may be something of the registry's own in it already, which must stay as it is.
      url.search += `${url.search === "" ? "?" : "&"}digest=${encodeURIComponent(digest)}`
      const answer = yield* ask(registries, {
        endpoint,
        subject,
        credentials,
        scopes,
        method: "PUT",
        url,
        headers: { "Content-Type": "application/octet-stream" },
        body: { size, stream: Stream.mapError(stream, (error) => new Sent(error)) },
        answerTimeout: settings.commitTimeout
      })
      yield* bytes(answer, small)
    }))
  const attempt = Effect.gen(function*(): Effect.fn.Return<Upload, Errors.Reason | Sent<E>> {
    const endpoint = yield* registry(settings, reference, operation)
    const subject = subjectOf(endpoint, reference, digest, operation)
    const to = yield* begin(endpoint, subject)
    if (to === undefined) return "Mounted"
    yield* send(endpoint, subject, to)
    return "Uploaded"
  })
  return retrying(settings.retries, attempt, (error) => error instanceof Sent ? undefined : error).pipe(
    Effect.mapError((error) => error instanceof Sent ? error.error : error)
  )
}
