import type { BuildStep } from "../../../../Progress.ts"
import { type Dockerfile, instructions, position } from "../dockerfile.ts"

/** A stage's instructions, numbered through the whole Dockerfile. */
export interface Stage {
  readonly steps: ReadonlyArray<BuildStep>
  /** Which of them BuildKit counts: those that change files. */
  readonly counted: ReadonlyArray<number>
  readonly hasBase: boolean
}

const keywordOf = (instruction: string): string => (/^\S+/.exec(instruction)?.[0] ?? "").toUpperCase()

const isCounted = (instruction: string): boolean => /^(?:RUN|COPY|ADD|WORKDIR)$/.test(keywordOf(instruction))

/** The stages as far as the Dockerfile was read. */
export const stagesOf = (dockerfile: Dockerfile): ReadonlyArray<Stage> => {
  const groups: Array<Array<string>> = []
  for (const { text } of instructions(dockerfile.text)) {
    if (keywordOf(text) === "FROM") groups.push([text])
    else groups.at(-1)?.push(text)
  }
  return dockerfile.stages.map(({ base }, index) => {
    const { first, total } = position(dockerfile, index)
    const group = groups[index] ?? []
    return {
      steps: group.map((instruction, at) => ({ number: first + at, total, instruction })),
      counted: group.flatMap((instruction, at) => isCounted(instruction) ? [at] : []),
      hasBase: base !== undefined
    }
  })
}

/** A step of a stage: which of its instructions. */
export interface Place {
  readonly stage: number
  readonly at: number
}

/** `[stage-0 2/3] RUN make`; without the stage where there is one. */
const vertex = /^\[(?:[^\]]*?([^\s\]]+)\s+)?\s*(\d+)\/(\d+)\] (.*)$/s

/** Which instruction a vertex of BuildKit's is, by its name; `undefined` for its own affairs, and for an `ONBUILD`. */
export const placeOf = (
  { stages: named }: Dockerfile,
  stages: ReadonlyArray<Stage>,
  name: string
): Place | undefined => {
  const [, label, number, total, text = ""] = vertex.exec(name) ?? []
  if (number === undefined) return undefined
  const stage = label === undefined
    ? 0
    : named.findLastIndex((stage, index) => (stage.name ?? `stage-${index}`) === label.toLowerCase())
  const found = stages[stage]
  if (found === undefined) return undefined
  const keyword = keywordOf(text)
  if (keyword === "FROM") return { stage, at: 0 }
  if (keyword === "ONBUILD") return undefined
  // What the base image adds comes first. A base that is counted has no number of its own when we have given it.
  const added = Math.max(0, Number(total) - found.counted.length - (found.hasBase ? 1 : 0))
  const index = Number(number) - 1 - added
  const at = [index, index - 1].map((index) => found.counted[index])
    .find((at) => at !== undefined && keywordOf(found.steps[at]?.instruction ?? "") === keyword)
  return at === undefined ? undefined : { stage, at }
}
