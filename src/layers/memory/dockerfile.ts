import * as Result from "effect/Result"

/** One instruction of a Dockerfile. */
export interface Instruction {
  /** Counted from 1. */
  readonly line: number
  /** In capitals. */
  readonly keyword: string
  /** `--from=build` and the like. */
  readonly flags: Readonly<Record<string, string>>
  /** What follows the keyword and its flags. */
  readonly rest: string
  /** The whole, on one line: what a step shows. */
  readonly text: string
  /** The text of a here-document, if it has one. */
  readonly document: string | undefined
}

const keywords = new Set([
  "ADD",
  "ARG",
  "CMD",
  "COPY",
  "ENTRYPOINT",
  "ENV",
  "EXPOSE",
  "FROM",
  "HEALTHCHECK",
  "LABEL",
  "MAINTAINER",
  "ONBUILD",
  "RUN",
  "SHELL",
  "STOPSIGNAL",
  "USER",
  "VOLUME",
  "WORKDIR"
])

/** A Dockerfile, read: its instructions and the character that escapes in it. */
export interface Dockerfile {
  readonly instructions: ReadonlyArray<Instruction>
  readonly escape: string
}

const hereDocument = /<<-?\s*(["']?)(\w+)\1/

/** Reads a Dockerfile, or says what is wrong in which line. */
export const parse = (text: string): Result.Result<Dockerfile, string> => {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/)
  let escape = "\\"
  let at = 0
  for (; at < lines.length; at++) {
    const directive = /^#\s*(\w+)\s*=\s*(\S+)\s*$/.exec(lines[at]!)
    if (directive === null) break
    if (directive[1]!.toLowerCase() === "escape") escape = directive[2]!
  }
  const instructions: Array<Instruction> = []
  while (at < lines.length) {
    const line = at + 1
    let whole = ""
    let more = true
    while (more && at < lines.length) {
      const raw = lines[at++]!
      if (/^\s*(#|$)/.test(raw)) {
        if (whole === "") break
        continue
      }
      const trimmed = raw.trimEnd()
      more = trimmed.endsWith(escape)
      whole += more ? trimmed.slice(0, -1) : whole === "" ? trimmed : raw
    }
    if (whole.trim() === "") continue
    const match = /^\s*(\S+)\s*([\s\S]*)$/.exec(whole)!
    const keyword = match[1]!.toUpperCase()
    if (!keywords.has(keyword)) return Result.fail(`line ${line}: unknown instruction: ${match[1]}`)
    let rest = match[2]!.trim()
    const flags: Record<string, string> = {}
    for (
      let flag = /^--([\w-]+)(?:=(\S*))?\s*/.exec(rest);
      flag !== null;
      flag = /^--([\w-]+)(?:=(\S*))?\s*/.exec(rest)
    ) {
      flags[flag[1]!] = flag[2] ?? "true"
      rest = rest.slice(flag[0].length)
    }
    if (rest === "") return Result.fail(`line ${line}: ${keyword} needs an argument`)
    let document: string | undefined
    const here = keyword === "RUN" || keyword === "COPY" || keyword === "ADD" ? hereDocument.exec(rest) : null
    if (here !== null) {
      const end = lines.findIndex((text, index) => index >= at && text.trim() === here[2])
      if (end < 0) return Result.fail(`line ${line}: the here-document ${here[2]} has no end`)
      document = lines.slice(at, end).map((text) => `${text}\n`).join("")
      at = end + 1
    }
    const shown = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
    instructions.push({ line, keyword, flags, rest, document, text: [keyword, ...shown, rest].join(" ") })
  }
  if (instructions.length === 0) return Result.fail("the Dockerfile has no instruction")
  const first = instructions.find(({ keyword }) => keyword !== "ARG")
  if (first?.keyword !== "FROM") return Result.fail(`line ${first?.line ?? 1}: there is no FROM before it`)
  return Result.succeed({ instructions, escape })
}

/** The exec form, `["a", "b"]`, read; `undefined` for any other text, which is the shell form. */
export const execForm = (rest: string): ReadonlyArray<string> | undefined => {
  if (!rest.startsWith("[")) return undefined
  const list = Result.try(() => JSON.parse(rest) as unknown)
  return Result.isSuccess(list) && Array.isArray(list.success) && list.success.every((item) => typeof item === "string")
    ? list.success
    : undefined
}

type Variables = Readonly<Record<string, string>>

/** What stands at a `$`: its value, and how many characters it takes. */
const variable = (text: string, at: number, variables: Variables, escape: string): readonly [string, number] => {
  const value = (name: string) => Object.hasOwn(variables, name) ? variables[name]! : undefined
  const plain = /^\$(\w+)/.exec(text.slice(at))
  if (plain !== null) return [value(plain[1]!) ?? "", plain[0].length]
  const braces = /^\$\{(\w+)(?:(:?[-+])([^}]*))?\}/.exec(text.slice(at))
  if (braces === null) return ["$", 1]
  const own = value(braces[1]!)
  const isSet = own !== undefined && !(braces[2]?.startsWith(":") === true && own === "")
  const other = () => words(braces[3] ?? "", variables, escape).join(" ")
  const text_ = braces[2]?.endsWith("+") === true
    ? isSet ? other() : ""
    : isSet
    ? own
    : braces[2] === undefined
    ? ""
    : other()
  return [text_, braces[0].length]
}

/** Splits into words as the builder does: quotes group, the escape character quotes one, variables are replaced. */
export const words = (text: string, variables: Variables, escape: string): Array<string> => {
  const out: Array<string> = []
  let word: string | undefined
  let quote: string | undefined
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!
    if (quote === "'" ? character === "'" : character === quote) quote = undefined
    else if (quote === undefined && (character === "\"" || character === "'")) {
      quote = character
      word ??= ""
    } else if (quote === undefined && /\s/.test(character)) {
      if (word !== undefined) out.push(word)
      word = undefined
    } else if (character === escape && quote !== "'") {
      const next = text[at + 1]
      // Between double quotes it escapes only what means something there.
      if (quote === "\"" && next !== "\"" && next !== "$" && next !== escape) word = (word ?? "") + character
      else {
        word = (word ?? "") + (next ?? "")
        at++
      }
    } else if (character === "$" && quote !== "'") {
      const [value, length] = variable(text, at, variables, escape)
      word = (word ?? "") + value
      at += length - 1
    } else word = (word ?? "") + character
  }
  if (word !== undefined) out.push(word)
  return out
}

/** The `name=value` pairs of ENV, LABEL and ARG, or their old form `name value`. */
export const pairs = (rest: string, variables: Variables, escape: string): ReadonlyArray<readonly [string, string]> => {
  const first = /^\S+/.exec(rest)?.[0] ?? ""
  if (!first.includes("=")) {
    const value = words(rest.slice(first.length), variables, escape).join(" ")
    return [[first, value]]
  }
  return words(rest, variables, escape).map((word) => {
    const equals = word.indexOf("=")
    return equals < 0 ? [word, ""] : [word.slice(0, equals), word.slice(equals + 1)]
  })
}
