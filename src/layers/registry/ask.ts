import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Credentials } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import type * as Reference from "../../Reference.ts"
import { isFine, refusal, words } from "./answer.ts"
import type { Asked, Auth, Authorization } from "./auth.ts"
import { parse } from "./challenge.ts"
import { explained } from "./credentials.ts"
import type { Endpoint } from "./endpoint.ts"
import type { Operation, Subject } from "./errors.ts"
import type { Answer, Body, Transport } from "./http.ts"
import { follow } from "./redirect.ts"

/** What a client is made of. */
export interface Registries {
  readonly transport: Transport
  readonly auth: Auth
}

/** For whom something is asked. */
export interface Options {
  readonly operation: Operation
  /** In place of those that would be found. */
  readonly credentials?: Credentials | undefined
}

/** A question about a repository. */
export interface Question<E = never> {
  readonly endpoint: Endpoint
  readonly subject: Subject
  readonly method: "GET" | "HEAD" | "POST" | "PUT"
  readonly url: URL
  readonly scopes: ReadonlyArray<string>
  readonly credentials: Credentials | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: Body<E> | undefined
  readonly answerTimeout?: number | undefined
  /** Whether an answer that is no success is one all the same. */
  readonly accepts?: ((status: number) => boolean) | undefined
}

/** The scope that an operation needs. */
export const scopeOf = (reference: Reference.Reference, operation: Operation): string =>
  `repository:${reference.path}:${operation === "push" ? "pull,push" : "pull"}`

/** Below a repository: `manifests/latest`. */
export const urlOf = (endpoint: Endpoint, reference: Reference.Reference, path: string): URL =>
  new URL(`v2/${reference.path}/${path}`, endpoint.base)

/** What the repository is called where this endpoint is asked, and what errors call it. */
export const subjectOf = (
  endpoint: Endpoint,
  reference: Reference.Reference,
  of: string,
  operation: Operation
): Subject => ({
  operation,
  image: `${reference.name}${of.includes(":") ? "@" : ":"}${of}`,
  host: endpoint.host
})

/**
 * A token that was given and is not enough: the registry does not tell a repository that is not there from one that may
 * not be seen.
 */
const withheld = (operation: Operation, isAnonymous: boolean): Parameters<typeof refusal>[2] =>
  operation === "pull"
    ? {
      tag: "NotFound",
      hint: isAnonymous
        ? "the repository does not exist, or wants credentials: give them, or log in with the engine's own client"
        : "the repository does not exist, or these credentials do not open it"
    }
    : isAnonymous
    ? { tag: "Unauthenticated" }
    : { tag: "PermissionDenied" }

const wrong = { tag: "Unauthenticated", hint: "the credentials were refused: check them, or log in again" } as const

const judged = (answer: Answer, operation: Operation, by: Authorization | undefined): Parameters<typeof refusal>[2] => {
  if (answer.status !== 401 || by === undefined) return undefined
  const challenge = parse(answer.headers["www-authenticate"] ?? "").find(({ scheme }) => scheme === "bearer")
  return challenge?.parameters.get("error") === "insufficient_scope" ? withheld(operation, by.isAnonymous) : wrong
}

const asking = Effect.fnUntraced(function*<E = never>(
  { auth, transport }: Registries,
  question: Question<E>
): Effect.fn.Return<Answer, Errors.Reason | E, Scope.Scope> {
  const { endpoint, subject, url } = question
  const asked: Asked = question
  const deadline = transport.settings.answerTimeout
  // An address that the registry named may be somebody else's.
  const isOwn = url.origin === endpoint.base.origin
  const send = (authorization: Authorization | undefined) =>
    follow(transport, {
      subject: isOwn ? subject : { ...subject, host: url.host },
      method: question.method,
      url,
      headers: {
        ...question.headers,
        ...(question.body === undefined ? {} : { "Content-Length": String(question.body.size) }),
        ...(authorization === undefined ? {} : { Authorization: Redacted.value(authorization.header) })
      },
      body: question.body,
      answerTimeout: question.answerTimeout
    })
  let authorization = isOwn ? yield* auth.current(asked) : undefined
  let answer = yield* send(authorization)
  const challenge = answer.headers["www-authenticate"]
  if (isOwn && answer.status === 401 && answer.url.origin === url.origin && challenge !== undefined) {
    yield* words(answer, deadline)
    authorization = yield* auth.answer(asked, challenge, authorization)
    answer = yield* send(authorization)
  }
  if (isFine(answer) || question.accepts?.(answer.status) === true) return answer
  return yield* refusal(
    answer,
    { deadline, secrets: authorization?.secrets ?? [] },
    judged(answer, subject.operation, authorization)
  )
})

/** Asks a registry, says who asks when it wants to know, and fails as it says when it says no. */
export const ask = <E = never>(
  registries: Registries,
  question: Question<E>
): Effect.Effect<Answer, Errors.Reason | E, Scope.Scope> =>
  Effect.mapError(asking(registries, question), (error) => explained(error, registries.auth.issue(question)))
