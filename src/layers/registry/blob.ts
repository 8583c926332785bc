import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import type * as Reference from "../../Reference.ts"
import { ask, type Options, type Registries, scopeOf, subjectOf, urlOf } from "./ask.ts"
import { type Endpoint, mirrors, registry } from "./endpoint.ts"
import { odd, type Subject } from "./errors.ts"
import type { Answer } from "./http.ts"
import type { Descriptor } from "./manifest.ts"
import { resuming } from "./resume.ts"
import { retrying } from "./retry.ts"

/** How many bytes to leave out at the beginning of an answer to a request for those from `position` on. */
const surplus = (
  { headers, status, subject }: Answer,
  { size }: Descriptor,
  position: number
): number | Errors.Protocol => {
  if (status === 416) return odd(subject, `has no bytes from ${position} on, of ${size}`)
  const length = headers["content-length"]
  if (status === 200) {
    return length !== undefined && Number(length) !== size
      ? odd(subject, `has ${length} bytes, where ${size} were announced`)
      : position
  }
  if (status !== 206 || position === 0) return odd(subject, `answered HTTP ${status} when asked for a blob`)
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers["content-range"] ?? "")
  if (range === null || Number(range[1]) !== position) {
    return odd(subject, `answered with another part than the one asked for, from ${position} on`)
  }
  return range[2] !== "*" && Number(range[2]) !== size
    ? odd(subject, `has ${range[2]} bytes, where ${size} were announced`)
    : 0
}

/** Leaves out `count` bytes. */
const without = <E>(stream: Stream.Stream<Uint8Array, E>, count: number): Stream.Stream<Uint8Array, E> => {
  if (count === 0) return stream
  let left = count
  return Stream.filter(
    Stream.map(stream, (chunk) => {
      const rest = chunk.subarray(Math.min(left, chunk.length))
      left -= chunk.length - rest.length
      return rest
    }),
    (chunk) => chunk.length > 0
  )
}

/** Fails when there are more bytes than `most`, or it ends with fewer. */
const exactly = (
  stream: Stream.Stream<Uint8Array, Errors.Reason>,
  most: number,
  subject: Subject
): Stream.Stream<Uint8Array, Errors.Reason> => {
  let count = 0
  return Stream.concat(
    Stream.tap(stream, (chunk) => {
      count += chunk.length
      return count > most ? Effect.fail(odd(subject, `sends more than the ${most} bytes that were left`)) : Effect.void
    }),
    Stream.suspend(() =>
      count < most
        ? Stream.fail(odd(subject, `has no more after ${count} of the ${most} bytes that were left`))
        : Stream.empty
    )
  )
}

/**
 * The bytes of a blob from `offset` on, as they arrive. A connection that is lost is made again from where it stood. The
 * digest is not checked: whoever keeps the whole can, and what begins in the middle cannot be.
 */
export const get = (
  registries: Registries,
  reference: Reference.Reference,
  descriptor: Descriptor,
  { credentials, offset = 0, operation }: Options & { readonly offset?: number | undefined }
): Stream.Stream<Uint8Array, Errors.Reason> => {
  const { settings } = registries.transport
  const { digest, size } = descriptor
  if (!(Number.isSafeInteger(offset) && offset >= 0 && offset <= size)) {
    const message = `${reference.name}@${digest}: there is no offset ${offset} in ${size} bytes`
    return Stream.fail(reason("InvalidArgument", { operation, message }))
  }
  const from = Effect.fnUntraced(function*(
    endpoint: Endpoint,
    position: number
  ): Effect.fn.Return<Stream.Stream<Uint8Array, Errors.Reason>, Errors.Reason, Scope.Scope> {
    const answer = yield* ask(registries, {
      endpoint,
      subject: subjectOf(endpoint, reference, digest, operation),
      method: "GET",
      url: urlOf(endpoint, reference, `blobs/${digest}`),
      scopes: [scopeOf(reference, operation)],
      credentials: endpoint.domain === reference.domain ? credentials : undefined,
      headers: position === 0 ? {} : { Range: `bytes=${position}-${size - 1}` },
      accepts: (status) => status === 416
    })
    const skipped = surplus(answer, descriptor, position)
    if (typeof skipped !== "number") return yield* skipped
    return exactly(without(answer.body, skipped), size - position, answer.subject)
  })
  return Stream.unwrap(Effect.map(registry(settings, reference, operation), (endpoint) =>
    resuming({
      retries: settings.retries,
      sources: Arr.append(mirrors(settings, reference.domain), endpoint),
      from,
      start: offset,
      size
    })))
}

/** Whether the registry has a blob. */
export const has = (
  registries: Registries,
  reference: Reference.Reference,
  { digest }: Pick<Descriptor, "digest">,
  { credentials, operation }: Options
): Effect.Effect<boolean, Errors.Reason> => {
  const { settings } = registries.transport
  const asked = Effect.scoped(Effect.gen(function*() {
    const endpoint = yield* registry(settings, reference, operation)
    const answer = yield* ask(registries, {
      endpoint,
      subject: subjectOf(endpoint, reference, digest, operation),
      method: "HEAD",
      url: urlOf(endpoint, reference, `blobs/${digest}`),
      scopes: [scopeOf(reference, operation)],
      credentials,
      accepts: (status) => status === 404
    })
    // There is nothing to read, and its end gives the connection back.
    yield* Stream.runDrain(answer.body)
    return answer.status !== 404
  }))
  return retrying(settings.retries, asked, (reason) => reason)
}
