import * as Redacted from "effect/Redacted"
import type * as Errors from "../Errors.ts"
import { reason } from "./make.ts"

/** The values of these that nobody is to see. */
export const secretsOf = (
  values: Iterable<readonly [name: string, value: string | Redacted.Redacted<string>]>
): ReadonlyArray<string> =>
  [...values].flatMap(([, value]) =>
    Redacted.isRedacted(value) && Redacted.value(value) !== ""
      // As it is in the JSON that was sent, too.
      ? [Redacted.value(value), JSON.stringify(Redacted.value(value)).slice(1, -1)]
      : []
  )

/** An engine's words without these: some say back what they were sent. What caused them is left out with them. */
export const conceal = (secrets: ReadonlyArray<string>) => (error: Errors.Reason): Errors.Reason => {
  const clean = (text: string) => secrets.reduce((text, secret) => text.replaceAll(secret, "<redacted>"), text)
  const message = clean(error.message)
  const hint = error.hint === undefined ? undefined : clean(error.hint)
  if (message === error.message && hint === error.hint) return error
  return reason(error._tag, { operation: error.operation, message, hint, code: error.code })
}
