import { dual } from "effect/Function"
import type { Phase, PullStatus } from "./status.ts"

/**
 * What is known of one layer.
 *
 * `current` and `total` are bytes of the transfer (download or push) as soon as it has begun; `extracted` is from 0 to
 * 1. None of them goes backwards: an engine that starts a transfer anew repeats bytes that were counted.
 *
 * @category models
 * @since 0.1.0
 */
export interface Layer {
  readonly id: string
  readonly phase: Exclude<Phase, "Message">
  /** The engine's own words. */
  readonly status: string
  readonly current: number
  readonly total: number | undefined
  readonly extracted: number
  /** Whether it is pushed: then there is nothing to extract. */
  readonly pushed: boolean
}

const TypeId = "~effect-containers/Progress/State"

/**
 * What all statuses so far say together. Made by {@link fold} from {@link initial}.
 *
 * @category models
 * @since 0.1.0
 */
export interface State {
  readonly [TypeId]: typeof TypeId
  /** In order of appearance. */
  readonly layers: ReadonlyArray<Layer>
  /** Bytes transferred. */
  readonly current: number
  /** Bytes to transfer, as far as they are known. */
  readonly total: number
  /** Whether `total` is that of all layers. */
  readonly isTotalKnown: boolean
  /** Layers that are complete or were there already. */
  readonly complete: number
  /** How much of the work is done, from 0 to 1; 0 while all layers were there already. Never goes backwards. */
  readonly fraction: number
  /** What the engine said that is not about a layer: the last 50. */
  readonly messages: ReadonlyArray<string>
  /** When the first and the last status came, in milliseconds, if {@link fold} was told. */
  readonly startedAt: number | undefined
  readonly updatedAt: number | undefined
  /** @internal */
  readonly index: ReadonlyMap<string, number>
  /** @internal */
  readonly pace: Pace
}

/** Speeds, smoothed: of the transfer in bytes, and of the whole work in bytes of equal effort, per millisecond. */
interface Pace {
  readonly at: number | undefined
  readonly current: number
  readonly work: number
  readonly rate: number | undefined
  readonly workRate: number | undefined
}

/** After this many milliseconds, an old speed counts for a third. */
const SMOOTHING = 3000
/** Statuses come in bursts: a speed is measured over no less than this many milliseconds. */
const SAMPLE = 200
const MESSAGES = 50
/** The part of a layer's work that is its download; the rest is its extraction. */
const DOWNLOAD = 0.75

/**
 * The state before the first status.
 *
 * @category constructors
 * @since 0.1.0
 */
export const initial: State = {
  [TypeId]: TypeId,
  layers: [],
  current: 0,
  total: 0,
  isTotalKnown: true,
  complete: 0,
  fraction: 0,
  messages: [],
  startedAt: undefined,
  updatedAt: undefined,
  index: new Map(),
  pace: { at: undefined, current: 0, work: 0, rate: undefined, workRate: undefined }
}

const isState = (u: unknown): u is State => typeof u === "object" && u !== null && TypeId in u

const ranks: Record<Exclude<Phase, "Message">, number> = {
  Resolving: 0,
  Waiting: 1,
  Downloading: 2,
  Pushing: 2,
  Verifying: 3,
  Downloaded: 4,
  Extracting: 5,
  Complete: 6,
  Exists: 6
}

export const isFinished = (layer: Layer): boolean => layer.phase === "Complete" || layer.phase === "Exists"

/** A number of bytes that can be one, and of which many can be added. */
const positive = (n: number | undefined): number | undefined =>
  n !== undefined && n > 0 && n <= Number.MAX_SAFE_INTEGER ? n : undefined

const advance = (before: Layer | undefined, id: string, status: PullStatus): Layer => {
  const said = status.phase === "Message" ? "Resolving" : status.phase
  const phase = before !== undefined && ranks[said] < ranks[before.phase] ? before.phase : said
  const now = positive(status.current)
  const of = positive(status.total)
  const transfers = said === "Downloading" || said === "Pushing"
  let current = before?.current ?? 0
  let total = before?.total
  let extracted = before?.extracted ?? 0
  if (transfers) {
    current = Math.max(current, now ?? 0)
    total = of === undefined ? total : Math.max(of, total ?? 0)
  } else if (said === "Extracting") {
    total ??= of
    if (now !== undefined && of !== undefined) extracted = Math.max(extracted, Math.min(1, now / of))
  } else if (of !== undefined) {
    total ??= of
  }
  if (total !== undefined && current > total) total = current
  if (ranks[phase] > 2 && phase !== "Exists") {
    // it has all arrived, whatever the last number was
    if (total === undefined && current > 0) total = current
    current = Math.max(current, total ?? 0)
  }
  if (phase === "Complete") extracted = 1
  return {
    id,
    phase,
    status: status.status,
    current: phase === "Exists" ? 0 : current,
    total: phase === "Exists" ? undefined : total,
    extracted,
    pushed: said === "Pushing" || (before?.pushed ?? false)
  }
}

const doneOf = (layer: Layer): number => {
  if (isFinished(layer)) return 1
  const transferred = layer.total === undefined ? 0 : layer.current / layer.total
  return layer.pushed ? transferred : transferred * DOWNLOAD + layer.extracted * (1 - DOWNLOAD)
}

interface Sums {
  readonly current: number
  readonly total: number
  readonly isTotalKnown: boolean
  readonly complete: number
  readonly work: number
  readonly fraction: number
}

const sums = (layers: ReadonlyArray<Layer>): Sums => {
  let current = 0
  let total = 0
  let known = 0
  let complete = 0
  let unknown = 0
  for (let i = 0; i < layers.length; i++) {
    const layer = layers[i]!
    const finished = isFinished(layer)
    current += layer.current
    if (finished) complete++
    if (layer.total !== undefined) {
      total += layer.total
      known++
    } else if (!finished) unknown++
  }
  // a layer of unknown size is taken for one of average size; one that was there already is no work
  const average = known === 0 ? 1 : total / known
  let work = 0
  let all = 0
  for (let i = 0; i < layers.length; i++) {
    const layer = layers[i]!
    if (layer.phase === "Exists") continue
    const size = layer.total ?? average
    all += size
    work += size * doneOf(layer)
  }
  const fraction = all === 0 ? 0 : complete === layers.length ? 1 : work / all
  return { current, total, isTotalKnown: unknown === 0, complete, work, fraction: Math.min(1, fraction) }
}

const measure = (pace: Pace, now: number | undefined, sum: Sums): Pace => {
  if (now === undefined || pace.at === undefined) {
    return now === undefined ? pace : { ...pace, at: now, current: sum.current, work: sum.work }
  }
  const elapsed = now - pace.at
  if (elapsed < SAMPLE) return pace
  const rate = Math.max(0, sum.current - pace.current) / elapsed
  const workRate = Math.max(0, sum.work - pace.work) / elapsed
  const weight = 1 - Math.exp(-elapsed / SMOOTHING)
  const smooth = (old: number | undefined, next: number) => old === undefined ? next : old + weight * (next - old)
  return {
    at: now,
    current: sum.current,
    work: sum.work,
    rate: pace.rate === undefined && rate === 0 ? undefined : smooth(pace.rate, rate),
    workRate: pace.workRate === undefined && workRate === 0 ? undefined : smooth(pace.workRate, workRate)
  }
}

/**
 * Adds a status to the state. With `now` (milliseconds of any clock) the state knows its speed.
 *
 * Of a layer's work, three quarters are its download and one quarter its extraction (a push has only the transfer), and
 * layers count by their size; one whose size is not known yet counts as one of average size. Statuses that would take a
 * layer back are not believed, so neither bytes nor `fraction` ever go backwards. Not even when an engine names more
 * layers after all it had named were complete: then `fraction` stays where it was.
 *
 * **Example** (Two layers, one of them complete)
 *
 * ```ts import.meta.vitest
 * import { Progress } from "effect-containers"
 *
 * const statuses = [
 *   new Progress.PullStatus({ id: "a", phase: "Exists", status: "Already exists" }),
 *   new Progress.PullStatus({ id: "b", phase: "Downloading", status: "Downloading", current: 10, total: 40 })
 * ]
 * const state = statuses.reduce((state, status) => Progress.fold(state, status), Progress.initial)
 * state.complete // => 1
 * state.current // => 10
 * state.total // => 40
 * ```
 *
 * @category folding
 * @since 0.1.0
 */
export const fold: {
  (status: PullStatus, options?: { readonly now?: number | undefined }): (self: State) => State
  (self: State, status: PullStatus, options?: { readonly now?: number | undefined }): State
} = dual((args) => isState(args[0]), (
  self: State,
  status: PullStatus,
  options?: { readonly now?: number | undefined }
): State => {
  const now = options?.now
  const startedAt = self.startedAt ?? now
  const updatedAt = now === undefined ? self.updatedAt : Math.max(now, self.updatedAt ?? now)
  if (status.phase === "Message" || status.id === undefined || status.id === "") {
    const text = status.id === undefined || status.id === "" ? status.status : `${status.id}: ${status.status}`
    const messages = self.messages.length < MESSAGES ? self.messages.slice() : self.messages.slice(1)
    if (text !== "") messages.push(text)
    return { ...self, messages, startedAt, updatedAt, pace: measure(self.pace, now, sums(self.layers)) }
  }
  const at = self.index.get(status.id)
  const layers = self.layers.slice()
  let index = self.index
  if (at === undefined) {
    index = new Map(index).set(status.id, layers.length)
    layers.push(advance(undefined, status.id, status))
  } else {
    layers[at] = advance(layers[at], status.id, status)
  }
  const sum = sums(layers)
  return {
    [TypeId]: TypeId,
    layers,
    current: Math.max(self.current, sum.current),
    total: Math.max(self.total, sum.total),
    isTotalKnown: sum.isTotalKnown,
    complete: sum.complete,
    fraction: Math.max(self.fraction, sum.fraction),
    messages: self.messages,
    startedAt,
    updatedAt,
    index,
    pace: measure(self.pace, now, sum)
  }
})

/** How far an old speed still holds at `now`, when nothing came since. */
const fading = (state: State, now: number): number => {
  const idle = state.pace.at === undefined ? 0 : now - state.pace.at - SAMPLE
  return idle <= 0 ? 1 : Math.exp(-idle / SMOOTHING)
}

/**
 * Bytes per second at `now` (milliseconds, of the clock that {@link fold} was given), smoothed over some seconds; it
 * fades when nothing comes. `undefined` while it is not known.
 *
 * **Example** (A thousand bytes a second)
 *
 * ```ts import.meta.vitest
 * import { Progress } from "effect-containers"
 *
 * const at = (current: number) =>
 *   new Progress.PullStatus({ id: "a", phase: "Downloading", status: "", current, total: 9000 })
 * const first = Progress.fold(Progress.initial, at(0), { now: 0 })
 * Progress.rate(first, 0) // => undefined
 * Progress.rate(Progress.fold(first, at(1000), { now: 1000 }), 1000) // => 1000
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const rate = (self: State, now: number): number | undefined =>
  self.pace.rate === undefined ? undefined : self.pace.rate * 1000 * fading(self, now)

/**
 * How many milliseconds the rest will take, by how fast the work went lately. `undefined` while it is not known or
 * longer than a day, 0 when all is done.
 *
 * @category getters
 * @since 0.1.0
 */
export const remaining = (self: State, now: number): number | undefined => {
  if (self.fraction >= 1) return 0
  const speed = (self.pace.workRate ?? 0) * fading(self, now)
  if (speed <= 0 || self.fraction <= 0 || self.pace.work <= 0) return undefined
  const left = self.pace.work / self.fraction - self.pace.work
  const milliseconds = left / speed
  return milliseconds > 86_400_000 ? undefined : milliseconds
}
