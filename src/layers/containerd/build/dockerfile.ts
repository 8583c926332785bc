import { expand, type Variables, words } from "./expand.ts"

/** What is written about an image in a Dockerfile. */
export interface External {
  /** After its variables. */
  readonly name: string
  readonly platform: string | undefined
}

export interface Stage {
  readonly name: string | undefined
  /** What is built on; `undefined` for nothing (`scratch`) and for an earlier stage. */
  readonly base: External | undefined
  /** The `FROM` as it is written. */
  readonly from: Instruction
  /** The images that files are taken from. */
  readonly sources: ReadonlyArray<External>
  /** How many instructions there are. */
  readonly steps: number
}

/** What has to be known of a Dockerfile before somebody else builds it. */
export interface Dockerfile {
  readonly text: string
  readonly stages: ReadonlyArray<Stage>
}

/** An instruction as one line, and where it is: the lines from `first` up to `last`. */
export interface Instruction {
  readonly text: string
  readonly first: number
  readonly last: number
}

const linesOf = (text: string): ReadonlyArray<string> => text.replace(/^\uFEFF/, "").split(/\r?\n/)

/** The instructions of a Dockerfile. Comments, continued lines and here-documents are understood. */
export const instructions = (text: string): ReadonlyArray<Instruction> => {
  const lines = linesOf(text)
  let escape = "\\"
  for (const line of lines) {
    const directive = /^#\s*([a-z][a-z0-9]*)\s*=\s*(.+?)\s*$/i.exec(line)
    if (directive === null) break
    if (directive[1]?.toLowerCase() === "escape" && directive[2] === "`") escape = "`"
  }
  const found: Array<Instruction> = []
  let current: string | undefined
  let first = 0
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? ""
    const trimmed = line.trim()
    // Also in the middle of an instruction.
    if (trimmed.startsWith("#") || trimmed === "") continue
    if (current === undefined) first = i
    const whole: string = (current ?? "") + (current === undefined ? line.trimStart() : line)
    const tail = whole.trimEnd()
    if (tail.endsWith(escape)) {
      current = tail.slice(0, -1)
      continue
    }
    current = undefined
    found.push({ text: tail, first, last: i })
    if (!/^(?:RUN|COPY|ADD)\s/i.test(tail)) continue
    for (const [, dash, , end] of tail.matchAll(/(?<!<)<<(-?)(["']?)([A-Za-z_][A-Za-z0-9_.]*)\2/g)) {
      const ends = (text: string) => (dash === "-" ? text.replace(/^\t+/, "") : text) === end
      const last = lines.findIndex((line, at) => at > i && ends(line))
      if (last !== -1) i = last
    }
  }
  if (current !== undefined) found.push({ text: current.trimEnd(), first, last: lines.length - 1 })
  return found
}

interface Opened {
  name: string | undefined
  readonly base: External | undefined
  readonly from: Instruction
  readonly sources: Array<External>
  steps: number
}

/** The image or the stage that an instruction takes files from. */
const sourcesOf = (keyword: string, rest: string): ReadonlyArray<string> => {
  const flags = /^(?:\s*--[a-z]+(?:=(?:"[^"]*"|\S)*)?)*/i.exec(rest)?.[0] ?? ""
  return keyword === "COPY" || keyword === "ADD"
    ? [...flags.matchAll(/--from=(\S+)/gi)].map(([, from = ""]) => from)
    : keyword === "RUN"
    ? [...flags.matchAll(/--mount=(\S+)/gi)].flatMap(([, mount = ""]) => /(?:^|,)from=([^,]+)/.exec(mount)?.[1] ?? [])
    : []
}

/**
 * Reads what a Dockerfile builds on, as far as the stage that is wanted. What is wrong with it is left to be found by
 * whoever builds it.
 */
export const parse = (
  text: string,
  { args, platform, target, variables }: {
    /** What was given as build arguments. */
    readonly args: Variables
    /** What every `FROM` knows. */
    readonly variables: Variables
    readonly target: string | undefined
    readonly platform: string | undefined
  }
): Dockerfile => {
  const global = new Map(Object.entries(variables))
  const stages: Array<Opened> = []
  const isStage = (name: string) =>
    stages.some((stage) => stage.name === name.toLowerCase()) ||
    (/^\d+$/.test(name) && Number(name) < stages.length)
  const isWanted = (stage: Opened, index: number) =>
    target !== undefined && (stage.name === target.toLowerCase() || String(index) === target)
  for (const from of instructions(text)) {
    const [, word = "", rest = ""] = /^(\S+)\s*(.*)$/s.exec(from.text) ?? []
    const keyword = word.toUpperCase()
    const current = stages.at(-1)
    if (keyword === "FROM") {
      if (current !== undefined && isWanted(current, stages.length - 1)) break
      const parts = words(rest)
      const flag = parts.find((part) => part.startsWith("--platform="))?.slice("--platform=".length)
      const [reference = "", as, name] = parts.filter((part) => !part.startsWith("--"))
      const base = expand(reference, global)
      const wanted = flag === undefined ? "" : expand(flag, global)
      stages.push({
        name: as?.toUpperCase() === "AS" ? name?.toLowerCase() : undefined,
        base: base === "" || base === "scratch" || isStage(base)
          ? undefined
          : { name: base, platform: wanted === "" ? platform : wanted },
        from,
        sources: [],
        steps: 1
      })
    } else if (current !== undefined) {
      current.steps++
      for (const name of sourcesOf(keyword, rest)) {
        if (!isStage(name) && name !== "scratch") current.sources.push({ name, platform })
      }
    } else if (keyword === "ARG") {
      for (const part of words(rest)) {
        const [name = "", ...value] = part.split("=")
        const given = args[name]
        if (given !== undefined) global.set(name, given)
        else if (value.length > 0) global.set(name, expand(value.join("="), global))
      }
    }
  }
  return { text, stages }
}

/** The Dockerfile with other names for what it builds on. */
export const renamed = ({ stages, text }: Dockerfile, names: ReadonlyMap<string, string>): string => {
  const lines: Array<string | undefined> = [...linesOf(text)]
  for (const { base, from: { first, last, text } } of stages) {
    const name = base === undefined ? undefined : names.get(base.name)
    if (name === undefined) continue
    let isDone = false
    const parts = words(text).map((part, index) => {
      if (isDone || index === 0 || part.startsWith("--")) return part
      isDone = true
      return name
    })
    lines.fill(undefined, first, last + 1)
    lines[first] = parts.join(" ")
  }
  return lines.filter((line) => line !== undefined).join("\n")
}

/** Where the first step of a stage is among all, and how many there are. */
export const position = (
  { stages }: Dockerfile,
  index: number
): { readonly first: number; readonly total: number } => ({
  first: stages.slice(0, index).reduce((sum, { steps }) => sum + steps, 1),
  total: stages.reduce((sum, { steps }) => sum + steps, 0)
})
