import { isFinished, type Layer, rate, remaining, type State } from "./state.ts"
import { bytes, cells, clip, duration, elapsed, pad, plain, style } from "./text.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface FormatOptions {
  /** How many cells a line may take. */
  readonly width: number
  /** The time, in milliseconds of the clock that `fold` was given. Default: that of the last status. */
  readonly now?: number | undefined
  /** How many lines there may be. Default: as many as there are layers. */
  readonly height?: number | undefined
  /** What is being done, such as `"pulling gcc:14"`. Default `"pulling"`, or `"pushing"` if that is what happens. */
  readonly title?: string | undefined
  /** Whether to use ANSI colours. They take no cells. Default `false`. */
  readonly color?: boolean | undefined
  /** Whether to use characters beyond ASCII. Default `false`. */
  readonly unicode?: boolean | undefined
}

const titleOf = (state: State, title: string | undefined): string =>
  plain(title ?? (state.layers.some((layer) => layer.pushed) ? "pushing" : "pulling"))

/** Joins what fits: parts with a lower number stay longer. */
const fit = (parts: ReadonlyArray<readonly [priority: number, text: string]>, width: number): Array<string> => {
  let kept = parts.filter(([, text]) => text !== "")
  const length = () => kept.reduce((sum, [, text]) => sum + cells(text) + 2, -2)
  while (kept.length > 1 && length() > width) {
    const worst = kept.reduce((worst, [priority]) => Math.max(worst, priority), 0)
    kept = kept.filter(([priority]) => priority !== worst)
  }
  return kept.map(([, text]) => text)
}

const sizesOf = (state: State): string =>
  state.total > 0 ? `${bytes(state.current)} / ${bytes(state.total)}${state.isTotalKnown ? "" : "+"}` : ""

const header = (state: State, options: FormatOptions, width: number, unicode: boolean, color: boolean): string => {
  const title = titleOf(state, options.title)
  const now = options.now ?? state.updatedAt ?? 0
  if (state.layers.length === 0) {
    const last = plain(state.messages.at(-1) ?? "")
    const [shown = "", said = ""] = fit(
      [[0, title], [1, clip(last, Math.max(1, width - cells(title) - 2), unicode)]],
      width
    )
    return style("bold", clip(shown, width, unicode), color) + (said === "" ? "" : `  ${style("dim", said, color)}`)
  }
  const speed = rate(state, now)
  const left = remaining(state, now)
  const done = state.complete === state.layers.length
  // 100 % is for when it is done: not for what is nearly there
  const percent = done ? 100 : Math.min(99, Math.floor(state.fraction * 100))
  const [first = "", ...rest] = fit([
    [0, title],
    [2, sizesOf(state)],
    [1, `${percent}%`],
    [4, speed === undefined || speed < 1 || done ? "" : `${bytes(speed)}/s`],
    [3, left === undefined || done ? "" : `ETA ${duration(left)}`]
  ], width)
  return [style("bold", clip(first, width, unicode), color), ...rest].join("  ")
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]

const bar = (fraction: number, width: number, unicode: boolean, color: boolean): string => {
  const part = Math.min(1, Math.max(0, fraction))
  if (!unicode) {
    const inner = width - 2
    const filled = Math.floor(part * inner)
    const head = filled < inner && filled > 0 ? `${"=".repeat(filled - 1)}>` : "=".repeat(filled)
    return `[${head.padEnd(inner)}]`
  }
  const filled = Math.floor(part * width * 8)
  const full = Math.floor(filled / 8)
  const head = "█".repeat(full) + (EIGHTHS[filled % 8] ?? "")
  return style("cyan", head, color) + style("dim", "░".repeat(width - full - (filled % 8 === 0 ? 0 : 1)), color)
}

const shortId = (id: string): string => {
  const hex = plain(id).replace(/^.*sha256:/, "")
  return /^[0-9a-f]{13,}$/.test(hex) ? hex.slice(0, 12) : hex
}

const PHASE = "Downloading".length
const SIZES = "999.9 MB / 999.9 MB".length

const isActive = (layer: Layer): boolean =>
  layer.phase === "Downloading" || layer.phase === "Pushing" || layer.phase === "Extracting"

const share = (layer: Layer): number | undefined =>
  isFinished(layer)
    ? 1
    : layer.phase === "Extracting"
    ? layer.extracted
    : layer.total === undefined
    ? undefined
    : layer.current / layer.total

const line = (layer: Layer, ids: number, width: number, unicode: boolean, color: boolean): string => {
  const finished = isFinished(layer)
  const active = isActive(layer)
  const mark = finished ? (unicode ? "✔" : "*") : " "
  const id = pad(shortId(layer.id), ids, unicode)
  const part = share(layer)
  const paint = (text: string) => finished ? style("green", text, color) : active ? text : style("dim", text, color)
  const sizes = finished
    ? (layer.total === undefined ? "" : bytes(layer.total))
    : layer.total !== undefined
    ? `${bytes(layer.phase === "Extracting" ? layer.extracted * layer.total : layer.current)} / ${bytes(layer.total)}`
    : layer.current > 0
    ? bytes(layer.current)
    : ""
  const left = `${paint(mark)} ${paint(id)}  ${paint(layer.phase)}`
  const gap = " ".repeat(PHASE - layer.phase.length)
  const used = 2 + ids + 2 + PHASE
  const room = width - used
  if (room < 0 || (active && part !== undefined && room < 6)) {
    const percent = part === undefined ? layer.phase : `${Math.floor(part * 100)}%`
    return paint(clip(`${mark} ${shortId(layer.id)} ${percent}`, width, unicode))
  }
  if (!active || part === undefined) {
    const text = finished || active ? sizes : ""
    if (text === "") return left
    return cells(text) + 2 <= room ? `${left}${gap}  ` + style("dim", text, color) : left
  }
  const barWidth = Math.min(40, room - SIZES - 4)
  if (barWidth >= 8) return `${left}${gap}  ${bar(part, barWidth, unicode, color)}  ${sizes}`
  const percent = `  ${`${Math.floor(part * 100)}%`.padStart(4)}`
  if (room >= percent.length + 2 + 8) {
    return `${left}${gap}${percent}  ${bar(part, room - percent.length - 2, unicode, color)}`
  }
  return room >= percent.length ? left + gap + percent : left
}

/**
 * Draws the state: a line about all of it, then one for each layer. No line takes more than `width` cells, and there are
 * no more than `height`: layers that are finished are the first to become one line together, then those that wait.
 *
 * The percentage is the state's `fraction`, which counts extracting too; the sizes are those of the transfer, with a `+`
 * while the engine has not told the size of every layer.
 *
 * **Example** (A pull at one moment)
 *
 * ```ts import.meta.vitest
 * import { Progress } from "effect-containers"
 *
 * const state = Progress.fold(
 *   Progress.initial,
 *   new Progress.PullStatus({ id: "9f3a4b1c2d3e", phase: "Downloading", status: "", current: 6e6, total: 12e6 })
 * )
 * const [header, layer] = Progress.format(state, { width: 72, title: "pulling gcc:14" })
 * header // => "pulling gcc:14  6.0 MB / 12.0 MB  37%"
 * layer // => "  9f3a4b1c2d3e  Downloading  [=========>          ]  6.0 MB / 12.0 MB"
 * ```
 *
 * @category drawing
 * @since 0.1.0
 */
export const format = (state: State, options: FormatOptions): ReadonlyArray<string> => {
  const width = Math.max(1, Math.floor(options.width) || 1)
  const height = Math.max(1, Math.floor(options.height ?? Number.POSITIVE_INFINITY) || 1)
  const unicode = options.unicode ?? false
  const color = options.color ?? false
  const lines = [header(state, options, width, unicode, color)]
  let layers: ReadonlyArray<Layer> = state.layers
  const summaries: Array<string> = []
  const room = () => height - 1 - summaries.length
  const collapse = (which: (layer: Layer) => boolean, words: (count: number) => string) => {
    if (layers.length <= room()) return
    const rest = layers.filter((layer) => !which(layer))
    const count = layers.length - rest.length
    if (count < 2) return
    layers = rest
    summaries.push(style("dim", clip(words(count), width, unicode), color))
  }
  collapse(isFinished, (n) => `${unicode ? "✔" : "*"} ${n} layers complete`)
  collapse((layer) => layer.phase === "Waiting" || layer.phase === "Resolving", (n) => `  ${n} layers waiting`)
  if (layers.length > room()) {
    const shown = Math.max(0, room() - 1)
    summaries.push(style("dim", clip(`  and ${layers.length - shown} more`, width, unicode), color))
    // what moves is of more interest than what comes first
    layers = [...layers.filter(isActive), ...layers.filter((layer) => !isActive(layer))].slice(0, shown)
  }
  const ids = Math.min(12, layers.reduce((most, layer) => Math.max(most, cells(shortId(layer.id))), 4))
  for (const layer of layers) lines.push(line(layer, ids, width, unicode, color))
  return [...lines, ...summaries].slice(0, height)
}

/**
 * How a pull or build ended: `done`, `failed`, `interrupted`, or `stopped` when whoever read the statuses wanted no more.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome = "done" | "failed" | "interrupted" | "stopped"

export const marks: Record<Outcome, readonly [unicode: string, ascii: string, color: "green" | "red" | "dim"]> = {
  done: ["✔", "*", "green"],
  failed: ["✖", "x", "red"],
  interrupted: ["✖", "x", "red"],
  stopped: ["–", "-", "dim"]
}

/** The line that remains: what happened, how much it was and how long it took. */
export const summary = (state: State, outcome: Outcome, options: FormatOptions): string => {
  const width = Math.max(1, Math.floor(options.width) || 1)
  const unicode = options.unicode ?? false
  const color = options.color ?? false
  const there = state.layers.filter((layer) => layer.phase === "Exists").length
  const count = state.layers.length
  const took = state.startedAt === undefined ? undefined : (options.now ?? state.updatedAt ?? 0) - state.startedAt
  const layers = count === 0
    ? ""
    : `${count} ${count === 1 ? "layer" : "layers"}${there === 0 ? "" : `, ${there} already there`}`
  const [sign, ascii, tint] = marks[outcome]
  const percent = outcome === "done" || count === 0 ? "" : ` at ${Math.min(99, Math.floor(state.fraction * 100))}%`
  const [first = "", ...rest] = fit([
    [0, `${unicode ? sign : ascii} ${titleOf(state, options.title)}: ${outcome}${percent}`],
    [2, outcome === "done" ? (state.total > 0 ? bytes(state.total) : "") : sizesOf(state)],
    [1, took === undefined ? "" : elapsed(took)],
    [3, layers]
  ], width)
  return [style(tint, clip(first, width, unicode), color), ...rest].join("  ")
}
