/**
 * `.dockerignore` files, read and matched as Docker's own client does it.
 *
 * @internal
 */
import * as Result from "effect/Result"
import * as Wildcard from "./wildcard.ts"

/** One line of the file. */
interface Pattern {
  /** The line began with `!`. */
  readonly exception: boolean
  readonly text: string
  readonly matches: (path: string) => boolean
}

/** The rules of one ignore file, in order: the last one that matches decides. */
export interface Dockerignore {
  readonly patterns: ReadonlyArray<Pattern>
  readonly hasExceptions: boolean
}

/** For each pattern, whether it matched a directory. What is inside of the directory matches it, too. */
export type Matched = ReadonlyArray<boolean>

/** The rules of a directory that has no ignore file. */
export const empty: Dockerignore = { patterns: [], hasExceptions: false }

/** As Go's `path.Clean`: no `.`, no `..` where it can be helped, no doubled or trailing slash. */
const clean = (path: string): string => {
  const rooted = path.startsWith("/")
  const parts: Array<string> = []
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue
    if (part !== "..") parts.push(part)
    else if (parts.length > 0 && parts[parts.length - 1] !== "..") parts.pop()
    else if (!rooted) parts.push(part)
  }
  return parts.length === 0 ? rooted ? "/" : "." : `${rooted ? "/" : ""}${parts.join("/")}`
}

const matcher = (text: string): ((path: string) => boolean) | string => {
  const wildcard = Wildcard.compile(text, { deep: true })
  if (typeof wildcard === "string") return wildcard
  const isPlain = (from: number, to: number): boolean => !/[*?[\]\\]/.test(text.slice(from, to))
  if (isPlain(0, text.length)) return (path) => path === text
  // The client takes a leading and a trailing `**` for "ends in" and "begins with": `**foo` matches "xfoo", too.
  if (text.startsWith("**") && isPlain(2, text.length)) {
    const suffix = text.slice(2)
    const whole = suffix.startsWith("/") ? suffix.slice(1) : undefined
    return (path) => path.endsWith(suffix) || path === whole
  }
  if (text.endsWith("**") && isPlain(0, text.length - 2)) {
    const prefix = text.slice(0, -2)
    return (path) => path.startsWith(prefix)
  }
  return wildcard
}

/**
 * Reads an ignore file. A failure says which line is wrong, and how.
 */
export const parse = (file: string): Result.Result<Dockerignore, string> => {
  const patterns: Array<Pattern> = []
  const lines = file.replace(/^\uFEFF/, "").split(/\r?\n/)
  for (const [index, line] of lines.entries()) {
    if (line.startsWith("#")) continue
    const trimmed = line.trim()
    if (trimmed === "") continue
    const exception = trimmed.startsWith("!")
    const bare = exception ? trimmed.slice(1).trim() : trimmed
    const refuse = (issue: string) => Result.fail(`line ${index + 1}, ${JSON.stringify(trimmed)}, ${issue}`)
    if (bare === "") return refuse(`has a "!" without a pattern`)
    const cleaned = clean(bare)
    const text = cleaned.length > 1 && cleaned.startsWith("/") ? cleaned.slice(1) : cleaned
    const matches = matcher(text)
    if (typeof matches === "string") return refuse(matches)
    patterns.push({ exception, text, matches })
  }
  return Result.succeed({ patterns, hasExceptions: patterns.some((pattern) => pattern.exception) })
}

/**
 * Whether a path is ignored, and by which patterns; `parent` is what this function said of the directory that it is in,
 * `undefined` for what is at the top.
 *
 * A pattern that cannot change the decision at its place is not tried, so it does not count for what is inside of the
 * directory either: the client's own shortcut, kept because which files it sends depends on it.
 */
export const test = (
  self: Dockerignore,
  path: string,
  parent: Matched | undefined
): { readonly ignored: boolean; readonly matched: Matched } => {
  let ignored = false
  const matched = self.patterns.map((pattern, index) => {
    const hit = parent?.[index] === true || (pattern.exception === ignored && pattern.matches(path))
    if (hit) ignored = !pattern.exception
    return hit
  })
  return { ignored, matched }
}

/** Whether a path is ignored, decided from the top down. */
export const ignores = (self: Dockerignore, path: string): boolean => {
  const parts = path.split("/")
  let parent: Matched | undefined
  let ignored = false
  for (let depth = 1; depth <= parts.length; depth++) {
    const result = test(self, parts.slice(0, depth).join("/"), parent)
    parent = result.matched
    ignored = result.ignored
  }
  return ignored
}

/**
 * Whether an ignored directory must be walked nonetheless, because an exception names something in it. An exception that
 * begins with a wildcard names no directory: the client does not walk for it.
 */
export const mayHoldException = (self: Dockerignore, directory: string): boolean =>
  self.hasExceptions &&
  self.patterns.some((pattern) => pattern.exception && `${pattern.text}/`.startsWith(`${directory}/`))

/** The same rules, but this very path is never ignored. */
export const keeping = (self: Dockerignore, path: string): Dockerignore =>
  ignores(self, path)
    ? {
      patterns: [...self.patterns, { exception: true, text: path, matches: (other) => other === path }],
      hasExceptions: true
    }
    : self
