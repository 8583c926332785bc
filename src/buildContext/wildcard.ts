/**
 * Wildcard patterns as Go's `path.Match` has them, with `**` on top where ignore files want it.
 *
 * @internal
 */

/** One step of a wildcard pattern. */
type Step =
  | { readonly _tag: "Literal"; readonly char: string }
  /** `?`: one character that is not `/` */
  | { readonly _tag: "One" }
  /** `*`: any number of characters that are not `/` */
  | { readonly _tag: "Star" }
  /** a `**` that more follows: nothing, or anything that ends in `/` */
  | { readonly _tag: "Deep" }
  /** a `**` at the end: anything */
  | { readonly _tag: "Rest" }
  | { readonly _tag: "Class"; readonly negated: boolean; readonly ranges: ReadonlyArray<readonly [number, number]> }

/** Reads `[...]` from the character after the bracket; a string is what is wrong with it. */
const readClass = (
  chars: ReadonlyArray<string>,
  from: number
): { readonly step: Step; readonly end: number } | string => {
  let at = from
  const negated = chars[at] === "^"
  if (negated) at++
  const ranges: Array<readonly [number, number]> = []
  const member = (): number | undefined => {
    if (chars[at] === "-" || chars[at] === "]") return undefined
    if (chars[at] === "\\") at++
    return chars[at++]?.codePointAt(0)
  }
  while (at < chars.length) {
    if (chars[at] === "]" && ranges.length > 0) return { step: { _tag: "Class", negated, ranges }, end: at }
    const low = member()
    if (low === undefined) return `has an empty or unfinished range after "["`
    let high: number | undefined = low
    if (chars[at] === "-") {
      at++
      high = member()
      if (high === undefined) return `has an unfinished range after "["`
    }
    if (high < low) return `has a range after "[" that runs backwards`
    ranges.push([low, high])
  }
  return `has a "[" without its "]"`
}

const read = (pattern: string, deep: boolean): ReadonlyArray<Step> | string => {
  const chars = Array.from(pattern)
  const steps: Array<Step> = []
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at]!
    if (deep && char === "*" && chars[at + 1] === "*") {
      at += chars[at + 2] === "/" ? 2 : 1
      steps.push({ _tag: at + 1 === chars.length ? "Rest" : "Deep" })
    } else if (char === "*") {
      steps.push({ _tag: "Star" })
    } else if (char === "?") {
      steps.push({ _tag: "One" })
    } else if (char === "\\") {
      const escaped = chars[++at]
      if (escaped === undefined) return `ends in "\\", which escapes nothing`
      steps.push({ _tag: "Literal", char: escaped })
    } else if (char === "[") {
      const found = readClass(chars, at + 1)
      if (typeof found === "string") return found
      steps.push(found.step)
      at = found.end
    } else {
      steps.push({ _tag: "Literal", char })
    }
  }
  return steps
}

const inClass = (step: Extract<Step, { _tag: "Class" }>, char: string): boolean => {
  const point = char.codePointAt(0) ?? 0
  return step.ranges.some(([low, high]) => low <= point && point <= high) !== step.negated
}

/**
 * Runs all readings of the pattern side by side, so that the time is bounded by path times pattern: patterns of many
 * stars make a backtracking regular expression take for ever.
 */
const run = (steps: ReadonlyArray<Step>, path: string): boolean => {
  const count = steps.length
  let now = new Uint8Array(count + 1)
  let next = new Uint8Array(count + 1)
  // 1: the step is to be tried; 2: a Deep that has begun and waits for its "/"
  const enter = (states: Uint8Array, at: number): void => {
    for (let i = at; i <= count; i++) {
      states[i]! |= 1
      const tag = steps[i]?._tag
      if (tag !== "Star" && tag !== "Deep" && tag !== "Rest") return
    }
  }
  enter(now, 0)
  for (const char of path) {
    next.fill(0)
    for (let i = 0; i < count; i++) {
      const state = now[i]!
      if (state === 0) continue
      const step = steps[i]!
      switch (step._tag) {
        case "Literal":
          if (step.char === char) enter(next, i + 1)
          break
        case "One":
          if (char !== "/") enter(next, i + 1)
          break
        case "Star":
          if (char !== "/") enter(next, i)
          break
        case "Deep":
          next[i]! |= 2
          if (char === "/") enter(next, i + 1)
          break
        case "Rest":
          enter(next, i)
          break
        case "Class":
          if (inClass(step, char)) enter(next, i + 1)
          break
      }
    }
    const spent = now
    now = next
    next = spent
  }
  return now[count] !== 0
}

/**
 * A pattern as a test of whole paths; a string says what is wrong with the pattern. `*` and `?` do not match `/`, a `[...]`
 * does, as in the client's ignore files. With `deep`, `**` matches any number of directories.
 */
export const compile = (
  pattern: string,
  options: { readonly deep: boolean }
): ((path: string) => boolean) | string => {
  const steps = read(pattern, options.deep)
  return typeof steps === "string" ? steps : (path) => run(steps, path)
}
