/** What a `WWW-Authenticate` header asks for. */
export interface Challenge {
  /** In lowercase: `bearer`, `basic`. */
  readonly scheme: string
  /** Names in lowercase. */
  readonly parameters: ReadonlyMap<string, string>
}

const token = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y
const blank = /[ \t,]*/y
const space = /[ \t]+/y
const separator = /[ \t]*=[ \t]*/y
const quoted = /"((?:[^"\\]|\\[^])*)"/y
const opaque = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y

/**
 * Reads a `WWW-Authenticate` header (RFC 9110): several challenges in one line, quoted strings with escapes, parameters
 * in any order. Never fails; what cannot be read ends it, and what came before counts. A parameter that is repeated has
 * its first value.
 */
export const parse = (header: string): ReadonlyArray<Challenge> => {
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at
    const found = pattern.exec(header)
    if (found === null) return undefined
    at = pattern.lastIndex
    return found
  }
  const challenges: Array<{ readonly scheme: string; readonly parameters: Map<string, string> }> = []
  while (true) {
    take(blank)
    const word = take(token)?.[0].toLowerCase()
    if (word === undefined) return challenges
    const current = challenges.at(-1)
    if (current !== undefined && take(separator) !== undefined) {
      const value = take(quoted)?.[1]?.replace(/\\([^])/g, "$1") ?? take(token)?.[0]
      if (value === undefined) return challenges
      if (!current.parameters.has(word)) current.parameters.set(word, value)
      continue
    }
    challenges.push({ scheme: word, parameters: new Map() })
    // A scheme may have one opaque value in place of parameters.
    if (take(space) !== undefined) take(opaque)
  }
}
