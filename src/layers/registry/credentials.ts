import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Credentials } from "../../Backend.ts"
import * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import * as ClientConfig from "./clientConfig.ts"
import type { Environment } from "./environment.ts"
import * as Helper from "./helper.ts"

/** Under which name the client's configuration knows a registry: Docker Hub has one of its own. */
export const serverOf = (domain: string): string => domain === "docker.io" ? "https://index.docker.io/v1/" : domain

/** `https://host/v1/` and `host` are the same. */
export const hostOf = (server: string): string => server.replace(/^https?:\/\//, "").replace(/\/.*$/, "")

type Entry = NonNullable<ClientConfig.ClientConfig["auths"]>[string]

/** The credentials that an entry of `auths` holds. */
export const fromEntry = (entry: Entry): Credentials | undefined => {
  if (entry.identitytoken !== undefined && entry.identitytoken !== "") {
    return { identityToken: Redacted.make(entry.identitytoken) }
  }
  const pair = entry.auth === undefined || entry.auth === ""
    ? undefined
    : Buffer.from(entry.auth, "base64").toString("utf8")
  const colon = pair?.indexOf(":") ?? -1
  if (pair !== undefined && colon > 0) {
    return { username: pair.slice(0, colon), password: Redacted.make(pair.slice(colon + 1).replace(/\0+$/, "")) }
  }
  return entry.username === undefined || entry.password === undefined || entry.username === ""
    ? undefined
    : { username: entry.username, password: Redacted.make(entry.password) }
}

/**
 * The credentials that Docker's client would use for a registry: from `credHelpers`, `credsStore` and `auths` of
 * its `config.json`. Fails when what is configured cannot be read, or a helper does not answer.
 */
export const lookUp = Effect.fnUntraced(function*(
  environment: Environment,
  domain: string,
  operation: string
): Effect.fn.Return<Credentials | undefined, Errors.Reason> {
  const config = yield* ClientConfig.read(environment, operation)
  const server = serverOf(domain)
  const helper = config.credHelpers?.[domain] ?? config.credHelpers?.[server] ?? config.credsStore
  if (helper !== undefined && helper !== "") {
    const found = yield* Helper.ask(helper, server, operation)
    if (found !== undefined) return found
  }
  const auths = config.auths ?? {}
  const exact = auths[server] ?? auths[domain]
  const entry = exact ?? Object.entries(auths).find(([key]) => hostOf(key) === hostOf(server))?.[1]
  return entry === undefined ? undefined : fromEntry(entry)
})

/** Without them it goes on, as a public image needs none, and somebody may wonder. */
const warn = (domain: string, issue: Errors.Reason): Effect.Effect<void> =>
  Effect.logWarning(`going on without credentials for ${domain}: ${issue.message}`)

/** The same as {@link lookUp}, where what cannot be read is a warning. */
export const find = (
  environment: Environment,
  domain: string,
  operation: string
): Effect.Effect<Credentials | undefined> =>
  Effect.catch(lookUp(environment, domain, operation), (issue) => Effect.as(warn(domain, issue), undefined))

/** Credentials, or why there are none though there should be. */
export interface Found {
  readonly credentials: Credentials | undefined
  readonly issue: Errors.Reason | undefined
}

/** Looks for credentials, and remembers why there are none: see {@link explained}. */
export const found = (
  domain: string,
  find: Effect.Effect<Credentials | undefined, Errors.Reason>
): Effect.Effect<Found> =>
  Effect.matchEffect(find, {
    onSuccess: (credentials) => Effect.succeed<Found>({ credentials, issue: undefined }),
    onFailure: (issue) => Effect.as(warn(domain, issue), { credentials: undefined, issue })
  })

/** A refusal of somebody who asked without credentials says why there were none. Everything else stays as it is. */
export const explained = <E>(error: E, issue: Errors.Reason | undefined): E | Errors.Reason => {
  if (issue === undefined) return error
  const isRefusal = error instanceof Errors.Unauthenticated || error instanceof Errors.PermissionDenied ||
    error instanceof Errors.NotFound
  if (!isRefusal) return error
  const { _tag, cause, code, message, operation } = error
  const hint = `asked without credentials: ${issue.message}`
  return reason(_tag, { operation, message, hint, code, cause })
}
