import { dual } from "effect/Function"
import { format, type FormatOptions, marks, type Outcome } from "./format.ts"
import * as State from "./state.ts"
import { type BuildStatus, type BuildStep, phaseOf, PullStatus } from "./status.ts"
import { cells, clip, elapsed, plain, style } from "./text.ts"

const TypeId = "~effect-containers/Progress/BuildState"

/**
 * What all statuses of a build so far say together. Made by {@link foldBuild} from {@link initialBuild}.
 *
 * @category models
 * @since 0.1.0
 */
export interface BuildState {
  readonly [TypeId]: typeof TypeId
  /** The instructions that have begun, and when, in milliseconds. All but the last have ended. */
  readonly steps: ReadonlyArray<BuildStep & { readonly startedAt: number | undefined }>
  /** The last 100 lines that the current step wrote, without control characters. */
  readonly log: ReadonlyArray<string>
  /** What it wrote since. */
  readonly unfinished: string
  /** The pull of the base image that the current step waits for. */
  readonly pull: State.State
  /** The image that was made last. */
  readonly imageId: string | undefined
  readonly startedAt: number | undefined
  readonly updatedAt: number | undefined
}

const LOG = 100
const LONGEST = 64 * 1024

/**
 * The state before the first status of a build.
 *
 * @category constructors
 * @since 0.1.0
 */
export const initialBuild: BuildState = {
  [TypeId]: TypeId,
  steps: [],
  log: [],
  unfinished: "",
  pull: State.initial,
  imageId: undefined,
  startedAt: undefined,
  updatedAt: undefined
}

const isBuildState = (u: unknown): u is BuildState => typeof u === "object" && u !== null && TypeId in u

/** Splits off the lines that are complete; the last element is what has not ended. */
export const splitLog = (unfinished: string, text: string): [lines: Array<string>, rest: string] => {
  const all = (unfinished + text).split(/\r?\n/)
  const rest = all.pop() ?? ""
  return [all, rest.length > LONGEST ? rest.slice(-LONGEST) : rest]
}

/** A line as it looks in the end, after all that was written over it. */
export const shown = (line: string): string => plain(line.slice(line.lastIndexOf("\r", line.length - 2) + 1))

/** The step's own announcement in the text of a classic build. */
const announces = (text: string): boolean => /^Step \d+\/\d+ : /.test(text)

/** The part of a build's status that is about the base image. */
export const pullOf = (status: BuildStatus): PullStatus | undefined =>
  status.status === undefined
    ? undefined
    : PullStatus.makeUnsafe({
      id: status.id,
      phase: phaseOf(status.status),
      status: status.status,
      current: status.current,
      total: status.total
    })

/**
 * Adds a status to the state of a build. With `now` (milliseconds of any clock) the state knows how long steps take.
 *
 * **Example** (A step and what it writes)
 *
 * ```ts import.meta.vitest
 * import { Progress } from "effect-containers"
 *
 * const state = [
 *   new Progress.BuildStatus({ step: { number: 2, total: 5, instruction: "RUN make" } }),
 *   new Progress.BuildStatus({ stream: "cc -c a.c\ncc -c" })
 * ].reduce((state, status) => Progress.foldBuild(state, status), Progress.initialBuild)
 * state.steps.map((step) => step.instruction) // => ["RUN make"]
 * state.log // => ["cc -c a.c"]
 * state.unfinished // => "cc -c"
 * ```
 *
 * @category folding
 * @since 0.1.0
 */
export const foldBuild: {
  (status: BuildStatus, options?: { readonly now?: number | undefined }): (self: BuildState) => BuildState
  (self: BuildState, status: BuildStatus, options?: { readonly now?: number | undefined }): BuildState
} = dual((args) => isBuildState(args[0]), (
  self: BuildState,
  status: BuildStatus,
  options?: { readonly now?: number | undefined }
): BuildState => {
  const now = options?.now
  let { imageId, log, pull, steps, unfinished } = self
  if (status.step !== undefined) {
    steps = [...steps, { ...status.step, startedAt: now }]
    log = []
    unfinished = ""
    pull = State.initial
  }
  if (status.stream !== undefined && !(status.step !== undefined && announces(status.stream))) {
    const [lines, rest] = splitLog(unfinished, status.stream)
    unfinished = rest
    if (lines.length > 0) log = [...log, ...lines.slice(-LOG).map(shown)].slice(-LOG)
  }
  const pulled = pullOf(status)
  if (pulled !== undefined) pull = State.fold(pull, pulled, { now })
  if (status.imageId !== undefined) imageId = status.imageId
  return {
    [TypeId]: TypeId,
    steps,
    log,
    unfinished,
    pull,
    imageId,
    startedAt: self.startedAt ?? now,
    updatedAt: now === undefined ? self.updatedAt : Math.max(now, self.updatedAt ?? now)
  }
})

/**
 * @category options
 * @since 0.1.0
 */
export interface FormatBuildOptions extends FormatOptions {
  /** How many lines of what the current step wrote are shown. Default 6. */
  readonly log?: number | undefined
}

/** One line, with a time at its end if there is room. */
const timed = (text: string, time: string, width: number, unicode: boolean): string => {
  const shown = clip(text, Math.max(1, width - cells(time) - 2), unicode)
  return time === "" || width < 16 ? clip(text, width, unicode) : `${shown}  ${time}`
}

/** A step as `[2/5] RUN make`. */
export const stepLine = (step: BuildStep): string => `[${step.number}/${step.total}] ${plain(step.instruction)}`

const draw = (state: BuildState, options: FormatBuildOptions, ended: Outcome | undefined): Array<string> => {
  const width = Math.max(1, Math.floor(options.width) || 1)
  const height = Math.max(1, Math.floor(options.height ?? Number.POSITIVE_INFINITY) || 1)
  const unicode = options.unicode ?? false
  const color = options.color ?? false
  const now = options.now ?? state.updatedAt
  const { steps } = state
  const took = (i: number): string => {
    const from = steps[i]?.startedAt
    const to = steps[i + 1]?.startedAt ?? now
    return from === undefined || to === undefined ? "" : elapsed(to - from)
  }
  const stepAt = (i: number): string => {
    const last = i === steps.length - 1
    const outcome = last ? ended : "done"
    const text = stepLine(steps[i]!)
    if (outcome === undefined) return style("bold", timed(`  ${text}`, took(i), width, unicode), color)
    const [sign, ascii, tint] = marks[outcome]
    return style(tint, timed(`${unicode ? sign : ascii} ${text}`, took(i), width, unicode), color)
  }
  const below: Array<string> = []
  if (ended !== "done") {
    const most = Math.min(options.log ?? 6, Math.max(0, height - 2))
    const tail = state.unfinished === "" ? state.log : [...state.log, shown(state.unfinished)]
    if (tail.length > 0 && most > 0) {
      for (const line of tail.slice(-most)) below.push(style("dim", clip(`    ${line}`, width, unicode), color))
    } else if (tail.length === 0 && state.pull.layers.length > 0 && width > 8 && height > 3) {
      const pull = format(state.pull, { ...options, title: "pulling", width: width - 4, height: height - 2 })
      for (const line of pull) below.push(`    ${line}`)
    }
  }
  if (steps.length === 0) {
    const title = plain(options.title ?? "building")
    return [style("bold", timed(title, "", width, unicode), color), ...below].slice(0, height)
  }
  const room = Math.max(1, height - below.length)
  const first = steps.length <= room ? 0 : steps.length - room + (room > 1 ? 1 : 0)
  const above: Array<string> = []
  if (first > 0 && room > 1) {
    above.push(style("green", clip(`${unicode ? "✔" : "*"} ${first} steps complete`, width, unicode), color))
  }
  for (let i = first; i < steps.length; i++) above.push(stepAt(i))
  return [...above, ...below]
}

/**
 * Draws the state of a build: the steps that are complete and how long they took, the current one, and under it the end
 * of what it wrote, or the pull of the base image. No line takes more than `width` cells, and there are no more than
 * `height`: the first steps become one line together.
 *
 * **Example** (A build at one moment)
 *
 * ```ts import.meta.vitest
 * import { Progress } from "effect-containers"
 *
 * const state = [
 *   new Progress.BuildStatus({ step: { number: 1, total: 2, instruction: "FROM gcc:14" } }),
 *   new Progress.BuildStatus({ step: { number: 2, total: 2, instruction: "RUN make" } }),
 *   new Progress.BuildStatus({ stream: "cc -c a.c\n" })
 * ].reduce((state, status) => Progress.foldBuild(state, status), Progress.initialBuild)
 * Progress.formatBuild(state, { width: 40 }) // => ["* [1/2] FROM gcc:14", "  [2/2] RUN make", "    cc -c a.c"]
 * ```
 *
 * @category drawing
 * @since 0.1.0
 */
export const formatBuild = (state: BuildState, options: FormatBuildOptions): ReadonlyArray<string> =>
  draw(state, options, undefined)

/** What remains on the screen: all steps, what the failed one wrote, and how it ended. */
export const endOfBuild = (state: BuildState, outcome: Outcome, options: FormatBuildOptions): ReadonlyArray<string> => [
  ...(state.steps.length === 0 ? [] : draw(state, { ...options, height: undefined, log: 20 }, outcome)),
  buildSummary(state, outcome, options)
]

/** The line that remains: what happened and how long it took. */
export const buildSummary = (state: BuildState, outcome: Outcome, options: FormatOptions): string => {
  const unicode = options.unicode ?? false
  const [sign, ascii, tint] = marks[outcome]
  const now = options.now ?? state.updatedAt
  const took = state.startedAt === undefined || now === undefined ? "" : elapsed(now - state.startedAt)
  const last = state.steps.at(-1)
  const where = outcome === "done" || last === undefined ? "" : ` at step ${last.number}/${last.total}`
  const text = `${unicode ? sign : ascii} ${plain(options.title ?? "building")}: ${outcome}${where}`
  return style(tint, timed(text, took, Math.max(1, Math.floor(options.width) || 1), unicode), options.color ?? false)
}
