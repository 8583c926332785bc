import type * as Errors from "../../../../Errors.ts"
import { fromCause, isStatus, reason } from "../../errors.ts"
import { ofBuilders, type Rule, ruleOf, type Tag } from "../../wording.ts"

/** The first that fits. Most of what fails in a build comes as UNKNOWN: the text is all there is. */
const rules: ReadonlyArray<Rule> = [
  ...ofBuilders,
  {
    says: /no such exporter|exporter .* could not be found/i,
    tag: "Unsupported",
    hint: "one inside of dockerd needs the image store of containerd"
  },
  {
    says: /entitlement/i,
    tag: "PermissionDenied",
    hint: "BuildKit's own configuration has to allow it"
  },
  {
    says:
      /dockerfile parse error|unknown (?:instruction|flag)|target stage .* could not be found|base name .* should not be blank|no build stage in current context|file with no instructions|dockerfile cannot be empty|circular dependency|invalid (?:reference|field|user|from flag)|failed to parse|cannot copy from stage|unable to find user/i,
    tag: "InvalidArgument"
  },
  {
    says: /pull access denied|authorization failed|insufficient_scope|unauthorized|\b401\b/i,
    tag: "Unauthenticated"
  },
  { says: /not found|no such file or directory|no such host/i, tag: "NotFound" },
  { says: /operation not permitted|permission denied/i, tag: "PermissionDenied" },
  { says: /no active session|session .*(?:ended|closed)|connection refused|i\/o timeout/i, tag: "Unavailable" }
]

const byCode: Readonly<Record<number, Tag>> = {
  1: "Unavailable",
  3: "InvalidArgument",
  4: "TimedOut",
  5: "NotFound",
  7: "PermissionDenied",
  8: "ResourceExhausted",
  12: "Unsupported",
  14: "Unavailable",
  16: "Unauthenticated"
}

/** What BuildKit's failures begin with. */
const before = /^(?:failed to solve(?: with frontend \S+)?: |rpc error: code = \w+ desc = |failed to solve LLB: )+/

/** What a failed call to BuildKit says. */
export const fromCall = (operation: string, cause: unknown): Errors.Reason => {
  if (!isStatus(cause)) return fromCause(operation, cause)
  const { code, details } = cause
  const message = details.replace(before, "")
  if (code === 14 || code === 1) return reason("Unavailable", { operation, message: `BuildKit: ${message}`, code })
  const exit = /did not complete successfully: exit code: (\d+)/.exec(message)?.[1]
  if (exit !== undefined) return reason("Internal", { operation, message, code: Number(exit) })
  const rule = ruleOf(rules, message)
  return reason(rule?.tag ?? byCode[code] ?? "Internal", { operation, message, code, hint: rule?.hint })
}

/** A failure with other words: names that are ours, and what nobody is to see. */
export const reworded = (error: Errors.Reason, word: (text: string) => string): Errors.Reason =>
  reason(error._tag, {
    operation: error.operation,
    message: word(error.message),
    code: error.code,
    hint: error.hint
  })
