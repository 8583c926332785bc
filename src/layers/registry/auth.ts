import * as Cache from "effect/Cache"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Semaphore from "effect/Semaphore"
import { createHash } from "node:crypto"
import type { Credentials } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import { type Challenge, parse } from "./challenge.ts"
import { found } from "./credentials.ts"
import type { Endpoint } from "./endpoint.ts"
import { odd, type Subject } from "./errors.ts"
import type { Transport } from "./http.ts"
import { basic, secretsOf } from "./redact.ts"
import { fetch, type Token } from "./token.ts"

/** Who asks, where, and for what. */
export interface Asked {
  readonly subject: Subject
  readonly endpoint: Endpoint
  /** `repository:library/gcc:pull` */
  readonly scopes: ReadonlyArray<string>
  /** In place of those that would be found. */
  readonly credentials: Credentials | undefined
}

/** What goes into the `Authorization` header. */
export interface Authorization {
  readonly header: Redacted.Redacted<string>
  readonly isAnonymous: boolean
  /** What must not come back in an error. */
  readonly secrets: ReadonlyArray<string>
}

export interface Auth {
  /** What the registry wanted the last time; `undefined` when it has not wanted anything yet. */
  readonly current: (asked: Asked) => Effect.Effect<Authorization | undefined, Errors.Reason>
  /** What answers a challenge, other than what was `refused`. */
  readonly answer: (
    asked: Asked,
    header: string,
    refused: Authorization | undefined
  ) => Effect.Effect<Authorization, Errors.Reason>
  /** Why credentials that should be there were not found the last time they were looked for. */
  readonly issue: (asked: Asked) => Errors.Reason | undefined
}

interface Slot {
  readonly semaphore: Semaphore.Semaphore
  token: Token | undefined
}

/** So many tokens are kept before those that have ended are forgotten. */
const mostSlots = 256

const login = "give credentials, or log in with the engine's own client"

const hash = (text: string): string => createHash("sha256").update(text).digest("hex")

/** Remembers challenges and tokens. `find` is asked when a registry wants credentials, once a minute at most. */
export const make = Effect.fnUntraced(function*(
  transport: Transport,
  find: (domain: string) => Effect.Effect<Credentials | undefined, Errors.Reason>
): Effect.fn.Return<Auth> {
  const issues = new Map<string, Errors.Reason>()
  const lookup = (domain: string) =>
    Effect.map(found(domain, find(domain)), ({ credentials, issue }) => {
      if (issue === undefined) issues.delete(domain)
      else issues.set(domain, issue)
      return credentials
    })
  const cache = yield* Cache.make({ lookup, capacity: 64, timeToLive: "1 minute" })
  const challenges = new Map<string, Challenge>()
  const slots = new Map<string, Slot>()

  const slot = (key: string, now: number): Slot => {
    const known = slots.get(key)
    if (known !== undefined) return known
    if (slots.size >= mostSlots) {
      for (const [key, { token }] of slots) if (token === undefined || token.until <= now) slots.delete(key)
    }
    const made: Slot = { semaphore: Semaphore.makeUnsafe(1), token: undefined }
    slots.set(key, made)
    return made
  }

  /** One request for all who need the same token at the same time. */
  const token = Effect.fnUntraced(function*(
    asked: Asked,
    challenge: Challenge,
    credentials: Credentials | undefined,
    refused: string | undefined
  ): Effect.fn.Return<Token, Errors.Reason> {
    const realm = challenge.parameters.get("realm")
    if (realm === undefined) return yield* odd(asked.subject, "wants a token and does not say from where")
    const service = challenge.parameters.get("service")
    const wanted = challenge.parameters.get("scope")
    const scopes = wanted === undefined || wanted === "" || covers(asked.scopes, wanted)
      ? asked.scopes
      : [...asked.scopes, wanted]
    const who = credentials === undefined ? "" : hash(JSON.stringify(secretsOf(credentials)))
    const own = slot(JSON.stringify([realm, service, scopes, who]), yield* Clock.currentTimeMillis)
    return yield* own.semaphore.withPermit(Effect.gen(function*() {
      const now = yield* Clock.currentTimeMillis
      const known = own.token
      if (known !== undefined && now < known.until && `Bearer ${Redacted.value(known.value)}` !== refused) return known
      const isPlain = asked.endpoint.base.protocol === "http:"
      const fresh = yield* fetch(transport, asked.subject, { realm, service, scopes }, credentials, isPlain)
      own.token = fresh
      return fresh
    }))
  })

  const credentialsOf = (asked: Asked): Effect.Effect<Credentials | undefined> =>
    asked.credentials === undefined ? Cache.get(cache, asked.endpoint.domain) : Effect.succeed(asked.credentials)

  const meet = Effect.fnUntraced(function*(
    asked: Asked,
    challenge: Challenge,
    credentials: Credentials | undefined,
    refused: string | undefined
  ): Effect.fn.Return<Authorization | undefined, Errors.Reason> {
    const isAnonymous = credentials === undefined
    if (challenge.scheme === "bearer") {
      const { value } = yield* token(asked, challenge, credentials, refused)
      return {
        header: Redacted.make(`Bearer ${Redacted.value(value)}`),
        isAnonymous,
        secrets: [Redacted.value(value), ...secretsOf(credentials)]
      }
    }
    return credentials === undefined || "identityToken" in credentials
      ? undefined
      : { header: Redacted.make(`Basic ${basic(credentials)}`), isAnonymous, secrets: secretsOf(credentials) }
  })

  const unauthenticated = ({ subject: { host, image, operation } }: Asked, message: string, hint: string) =>
    reason("Unauthenticated", { operation, message: `${image}: ${host} ${message}`, hint, code: 401 })

  return {
    issue: (asked) => asked.credentials === undefined ? issues.get(asked.endpoint.domain) : undefined,
    current: Effect.fnUntraced(function*(asked) {
      const challenge = challenges.get(asked.endpoint.base.origin)
      return challenge === undefined
        ? undefined
        : yield* meet(asked, challenge, yield* credentialsOf(asked), undefined)
    }),
    answer: Effect.fnUntraced(function*(asked, header, refused) {
      const offered = parse(header)
      const challenge = offered.find(({ scheme }) => scheme === "bearer") ??
        offered.find(({ scheme }) => scheme === "basic")
      if (challenge === undefined) {
        const schemes = offered.map(({ scheme }) => scheme).join(", ")
        return yield* odd(asked.subject, `wants to know who asks, by ${schemes === "" ? "no means" : schemes}`)
      }
      const parameters = new Map(challenge.parameters)
      // That was for this request only.
      parameters.delete("scope")
      challenges.set(asked.endpoint.base.origin, { ...challenge, parameters })
      const before = refused === undefined ? undefined : Redacted.value(refused.header)
      // They may have been renewed since they were read.
      if (refused !== undefined) yield* Cache.invalidate(cache, asked.endpoint.domain)
      const credentials = yield* credentialsOf(asked)
      const authorization = yield* meet(asked, challenge, credentials, before)
      if (authorization === undefined) {
        return yield* credentials === undefined
          ? unauthenticated(asked, "wants credentials", login)
          : unauthenticated(asked, "takes a name and a password, and no identity token", login)
      }
      if (Redacted.value(authorization.header) === before) {
        return yield* unauthenticated(asked, "refused the credentials", "check them, or log in again")
      }
      return authorization
    })
  }
})

/** Whether one of the scopes allows what another one would: `repository:a:pull,push` is more than `repository:a:pull`. */
const covers = (scopes: ReadonlyArray<string>, wanted: string): boolean => {
  const [name, actions] = cutLast(wanted)
  return scopes.some((scope) => {
    const [same, allowed] = cutLast(scope)
    return same === name && actions.split(",").every((action) => allowed.split(",").includes(action))
  })
}

const cutLast = (scope: string): readonly [name: string, actions: string] => {
  const colon = scope.lastIndexOf(":")
  return [scope.slice(0, colon), scope.slice(colon + 1)]
}
