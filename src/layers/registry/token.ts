import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Credentials } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import { bytes, isFine, refusal } from "./answer.ts"
import { mayBePlain } from "./endpoint.ts"
import { odd, type Subject } from "./errors.ts"
import type { Request, Transport } from "./http.ts"
import { basic, secretsOf } from "./redact.ts"
import { follow } from "./redirect.ts"

/** What a registry lets in, and until when: milliseconds of the clock. */
export interface Token {
  readonly value: Redacted.Redacted<string>
  readonly until: number
}

/** Where tokens are given, and for what. */
export interface Grant {
  readonly realm: string
  readonly service: string | undefined
  readonly scopes: ReadonlyArray<string>
}

const Answered = Schema.Struct({
  token: Schema.optionalKey(Schema.String),
  access_token: Schema.optionalKey(Schema.String),
  expires_in: Schema.optionalKey(Schema.Finite)
})

const decode = Schema.decodeUnknownResult(Schema.toCodecGoJson(Answered))

/** As the specification has it, when a token does not say how long it lives: seconds. */
const usualLife = 60

/** No token is longer: bytes. */
const longest = 1024 * 1024

const requestOf = (
  subject: Subject,
  realm: URL,
  { scopes, service }: Grant,
  credentials: Credentials | undefined
): Request => {
  const headers = { Accept: "application/json" }
  if (credentials !== undefined && "identityToken" in credentials) {
    const form = new URLSearchParams({ grant_type: "refresh_token", client_id: "effect-containers" })
    if (service !== undefined) form.set("service", service)
    form.set("scope", scopes.join(" "))
    form.set("refresh_token", Redacted.value(credentials.identityToken))
    const body = Buffer.from(form.toString())
    return {
      subject,
      method: "POST",
      url: realm,
      headers: {
        ...headers,
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": String(body.length)
      },
      body: { size: body.length, stream: Stream.succeed(body) }
    }
  }
  const url = new URL(realm)
  if (service !== undefined) url.searchParams.set("service", service)
  for (const scope of scopes) url.searchParams.append("scope", scope)
  return {
    subject,
    method: "GET",
    url,
    headers: credentials === undefined ? headers : { ...headers, Authorization: `Basic ${basic(credentials)}` }
  }
}

/**
 * Asks a token service: with Basic authentication when there are a name and a password, with an identity token in a form,
 * or as nobody.
 */
export const fetch = Effect.fnUntraced(function*(
  transport: Transport,
  asked: Subject,
  grant: Grant,
  credentials: Credentials | undefined,
  isPlain: boolean
): Effect.fn.Return<Token, Errors.Reason> {
  const realm = URL.canParse(grant.realm) ? new URL(grant.realm) : undefined
  if (realm === undefined || !(realm.protocol === "https:" || realm.protocol === "http:")) {
    return yield* odd(asked, "asks for a token from an address that is none")
  }
  const subject = { ...asked, host: realm.host }
  if (credentials !== undefined && realm.protocol === "http:" && !isPlain && !mayBePlain(transport.settings, realm)) {
    return yield* odd(
      asked,
      `wants credentials sent to ${realm.host} in plain HTTP`,
      `if that is meant, set plainHttp for ${realm.host}`
    )
  }
  const deadline = transport.settings.answerTimeout
  const secrets = secretsOf(credentials)
  const now = yield* Clock.currentTimeMillis
  const body = yield* Effect.scoped(Effect.gen(function*() {
    // A form is not sent to whoever a redirection names: the secret is in it.
    const request = requestOf(subject, realm, grant, credentials)
    const answer = yield* request.method === "POST" ? transport.send(request) : follow(transport, request)
    if (isFine(answer)) return yield* bytes(answer, { deadline, most: longest })
    const isUnknown = answer.status === 404 || answer.status === 405
    return yield* refusal(
      answer,
      { deadline, secrets },
      isUnknown || (answer.status >= 300 && answer.status < 400)
        ? { tag: "Protocol", hint: "this is no token service for such credentials" }
        : credentials !== undefined && (answer.status === 400 || answer.status === 401)
        ? { tag: "Unauthenticated", hint: "the credentials were refused: check them, or log in again" }
        : undefined
    )
  }))
  const json = yield* Effect.try({
    try: (): unknown => JSON.parse(body.toString("utf8")),
    // Not the parser's own words: they repeat what is there.
    catch: () => odd(subject, "gave a token that is not JSON")
  })
  const decoded = decode(json)
  const value = Result.isSuccess(decoded)
    ? [decoded.success.token, decoded.success.access_token].find((token) => token !== undefined && token !== "")
    : undefined
  if (Result.isFailure(decoded) || value === undefined) return yield* odd(subject, "answered without a token")
  // It is to go into a header.
  if (!/^[\x21-\x7e]+$/.test(value)) return yield* odd(subject, "gave a token that is none")
  const life = Math.max(decoded.success.expires_in ?? usualLife, 0) * 1000
  // A little before its end, so that it does not end on the way.
  return { value: Redacted.make(value), until: now + life - Math.min(life / 10, 10_000) }
})
