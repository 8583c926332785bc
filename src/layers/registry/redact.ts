import * as Redacted from "effect/Redacted"
import type { Credentials } from "../../Backend.ts"

/** The base64 of Basic authentication. */
export const basic = ({ password, username }: Extract<Credentials, { readonly username: string }>): string =>
  Buffer.from(`${username}:${Redacted.value(password)}`).toString("base64")

/** What of credentials must not come back in an error. */
export const secretsOf = (credentials: Credentials | undefined): ReadonlyArray<string> =>
  credentials === undefined
    ? []
    : "identityToken" in credentials
    ? [Redacted.value(credentials.identityToken)]
    : [basic(credentials), Redacted.value(credentials.password)]

/** What was sent in a header, also by an engine that has it from elsewhere. No word of a sentence is that long. */
const sent = /\b(basic|bearer) +[\w+/=.~-]{16,}/gi

/** Somebody's words without secrets: some registries say back what they were sent. */
export const redacted = (text: string, secrets: ReadonlyArray<string>): string => {
  let clean = text
  for (const secret of secrets) if (secret !== "") clean = clean.replaceAll(secret, "<redacted>")
  return clean.replace(sent, "$1 <redacted>")
}
