import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Errors from "../../../Errors.ts"
import { reason } from "../errors.ts"
import { type Rule, ruleOf, type Tag } from "../wording.ts"

/** What a plugin writes to its output when it fails. */
const Failure = Schema.fromJsonString(Schema.Struct({
  code: Schema.optionalKey(Schema.Finite),
  msg: Schema.optionalKey(Schema.String),
  details: Schema.optionalKey(Schema.String)
}))

const decode = Schema.decodeUnknownResult(Failure)

/** Most failures have one code: the text is all there is. */
const rules: ReadonlyArray<Rule> = [
  {
    says: /no IP addresses available|no available (?:IPs?|addresses)|range set is full/i,
    tag: "ResourceExhausted",
    hint: "every address of the network is taken: remove containers, or give it a larger subnet"
  },
  {
    says: /failed to find plugin|could not find .*plugin/i,
    tag: "Unsupported",
    hint: "install the CNI plugins, or say where they are"
  },
  {
    says: /"?ip6?tables"?:? executable file not found|failed to (?:locate|find) iptables/i,
    tag: "Unsupported",
    hint: "install iptables: the plugin calls it"
  },
  {
    says: /already has an IP address different from|duplicate allocation|already (?:allocated|in use|exists)|overlap/i,
    tag: "Conflict"
  },
  { says: /address already in use/i, tag: "Conflict" },
  { says: /operation not permitted|permission denied/i, tag: "PermissionDenied" },
  { says: /no space left on device|cannot allocate memory|too many open files/i, tag: "ResourceExhausted" }
]

/** Those of the specification that say what is wrong. */
const tags: Readonly<Record<number, Tag>> = {
  1: "Unsupported",
  2: "InvalidArgument",
  6: "InvalidArgument",
  7: "InvalidArgument",
  11: "Unavailable",
  50: "Unavailable",
  51: "Unavailable"
}

export interface Failed {
  readonly operation: string
  /** The plugin and what it was asked. */
  readonly what: string
  readonly stdout: string
  readonly stderr: string
  readonly ended: string
}

/** The reason that a failed plugin gives, with what it wrote besides. */
export const make = ({ ended, operation, stderr, stdout, what }: Failed): Errors.Reason => {
  const said = Result.getOrUndefined(decode(stdout))
  const own = [said?.msg, said?.details].filter((text) => text !== undefined && text !== "").join(": ")
  const besides = stderr.trim()
  const parts = [own === "" && besides === "" ? stdout.trim() : own, besides].filter((text) => text !== "")
  const text = parts.length === 0 ? `ended with ${ended}` : parts.join("\n")
  const rule = ruleOf(rules, text)
  const code = said?.code
  return reason(rule?.tag ?? (code === undefined ? undefined : tags[code]) ?? "Internal", {
    operation,
    message: `${what}: ${text}`,
    code,
    hint: rule?.hint
  })
}
