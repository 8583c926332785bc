import type * as Errors from "../../../../Errors.ts"
import { reason } from "../../errors.ts"
import { ofBuilders, type Rule, ruleOf } from "../../wording.ts"

const operation = "build"

/** Only what Buildah itself says: what a step wrote is not looked at. */
const rules: ReadonlyArray<Rule> = [
  ...ofBuilders,
  {
    says:
      /unknown instruction|unknown flag|requires (?:at least|exactly)|no FROM statement|was not found in the provided|syntax error|parse error|unknown user error|unterminated|invalid (?:reference|containerPort|field)/i,
    tag: "InvalidArgument"
  },
  { says: /image not known|no such file or directory|no items matching|not found/i, tag: "NotFound" },
  {
    says: /operation not permitted|permission denied/i,
    tag: "PermissionDenied",
    hint: "Buildah needs to mount file systems: run as root, or as a user with subordinate ids"
  }
]

/** The end of what Buildah wrote, as a reason. `text` is its own last sentence. */
export const of = (text: string, code: number): Errors.Reason => {
  // What follows is how the instruction looks inside of it.
  const message = text.replace(/ ?&imagebuilder\.Step\{.*$/s, "").trim()
  const exit = /(?:exit status |exit code:? )(\d+)\s*$/.exec(message)?.[1]
  if (exit !== undefined) return reason("Internal", { operation, message, code: Number(exit) })
  if (message === "") return reason("Internal", { operation, message: `Buildah ended with ${code}`, code })
  const said = message.replace(/building at STEP ".*?": /s, "")
  const rule = ruleOf(rules, said)
  return reason(rule?.tag ?? "Internal", { operation, message, code, hint: rule?.hint })
}
