import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Credentials } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import type * as Reference from "../../Reference.ts"
import * as ClientConfig from "../registry/clientConfig.ts"
import { find, found, fromEntry, hostOf, lookUp, serverOf } from "../registry/credentials.ts"
import { secretsOf } from "../registry/redact.ts"
import type { Environment } from "./environment.ts"

/** A header's value: JSON in the base64 of URLs, with the padding that Go's decoder insists on. */
const encode = (value: object): string => {
  const text = Buffer.from(JSON.stringify(value)).toString("base64url")
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=")
}

const authOf = (credentials: Credentials, server: string) =>
  "identityToken" in credentials
    ? { identitytoken: Redacted.value(credentials.identityToken), serveraddress: server }
    : { username: credentials.username, password: Redacted.value(credentials.password), serveraddress: server }

/** What a pull and a push are asked with. */
export interface Asked {
  readonly headers: Readonly<Record<string, string>>
  /** Why nobody is said to ask, though somebody should be. */
  readonly issue: Errors.Reason | undefined
  /** What must not come back in an error. */
  readonly secrets: ReadonlyArray<string>
}

/** The header in which a pull and a push say who asks. */
export const header = (
  environment: Environment,
  reference: Reference.Reference,
  given: Credentials | undefined,
  operation: string
): Effect.Effect<Asked> =>
  Effect.map(
    given === undefined
      ? found(reference.domain, lookUp(environment, reference.domain, operation))
      : Effect.succeed({ credentials: given, issue: undefined }),
    ({ credentials, issue }) => ({
      issue,
      secrets: secretsOf(credentials),
      headers: credentials !== undefined
        ? { "X-Registry-Auth": encode(authOf(credentials, serverOf(reference.domain))) }
        // Old engines refuse a push that does not even say that it has none.
        : operation === "push"
        ? { "X-Registry-Auth": encode({}) }
        : {}
    })
  )

/** The header in which a build is given what its base images may need: everything that the client's configuration has. */
export const buildHeader = Effect.fnUntraced(function*(
  environment: Environment
): Effect.fn.Return<Readonly<Record<string, string>>> {
  const config = yield* Effect.catch(
    ClientConfig.read(environment, "build"),
    (error) =>
      Effect.as(Effect.logWarning(`building without credentials: ${error.message}`), {} as ClientConfig.ClientConfig)
  )
  const auths: Record<string, object> = {}
  for (const [server, entry] of Object.entries(config.auths ?? {})) {
    const credentials = fromEntry(entry)
    if (credentials !== undefined) auths[server] = authOf(credentials, server)
  }
  for (const domain of Object.keys(config.credHelpers ?? {})) {
    const credentials = yield* find(environment, hostOf(domain) === "index.docker.io" ? "docker.io" : domain, "build")
    if (credentials !== undefined) auths[domain] = authOf(credentials, domain)
  }
  return Object.keys(auths).length === 0
    ? {}
    : { "X-Registry-Config": encode(auths) }
})
