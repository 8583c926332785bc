import type * as Errors from "../../Errors.ts"

/**
 * What other programs say when they fail. Most have one code for everything: the text is all there is.
 */

export type Tag = Errors.Reason["_tag"]

export interface Rule {
  readonly says: RegExp
  readonly tag: Tag
  readonly hint?: string
}

/** The first that fits. */
export const ruleOf = (rules: ReadonlyArray<Rule>, text: string): Rule | undefined =>
  rules.find(({ says }) => says.test(text))

/** What any builder says of the machine that it builds on. */
export const ofBuilders: ReadonlyArray<Rule> = [
  {
    says: /no space left on device|disk quota exceeded/i,
    tag: "ResourceExhausted",
    hint: "the builder's disk is full"
  },
  { says: /cannot allocate memory|too many open files|resource temporarily unavailable/i, tag: "ResourceExhausted" },
  { says: /exec format error/i, tag: "Unsupported", hint: "this machine does not run programs of that platform" }
]
