import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type FSWatcher, watch } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import type { LogsOptions } from "../../../Backend.ts"
import type * as Errors from "../../../Errors.ts"
import type { Frame } from "../../../Logs.ts"
import type { Source } from "../../../Output.ts"
import { fromCause } from "../errors.ts"
import { decode, entryLength, type Log, type Lost, sources } from "./order.ts"

const operation = "logs"

/** So much is read of a file at a time: bytes. */
const piece = 256 * 1024

/** How long bytes may lie in a file of which nobody has said when they came: then nobody will. Milliseconds. */
const patience = 500

const NEWLINE = 10

export interface Follow {
  /** Whether it is certain that nothing is written any more. Asked when all was read. */
  readonly isOver: () => boolean
  /** Calls back when there may be more. Gives what undoes it. */
  readonly subscribe: (listener: () => void) => () => void
}

/** Wakes up when files grow that somebody else watches. */
export const watching = (log: Log, isOver: () => boolean): Follow => ({
  isOver,
  subscribe: (listener) => {
    const watchers: Array<FSWatcher> = []
    try {
      // Bytes come first and are of no use until it is said when they did.
      for (const path of [log.folder, log.order]) {
        const watcher = watch(path, { persistent: false }, listener)
        watchers.push(watcher)
        watcher.on("error", () => watcher.close())
      }
    } catch {
      // No watches left: the timer does.
    }
    const timer = setInterval(listener, watchers.length === 2 ? 250 : 50)
    return () => {
      clearInterval(timer)
      for (const watcher of watchers) watcher.close()
    }
  }
})

interface Segment {
  readonly source: Source
  readonly time: number
  readonly from: number
  readonly to: number
}

/** Reads the three files of a log side by side. */
class Reader {
  private at = 0
  private ended = false
  private lost: Array<Lost> = []
  private readonly done: Record<Source, number> = { stdout: 0, stderr: 0 }
  private unclaimed: { readonly since: number; readonly sizes: readonly [number, number] } | undefined
  private readonly files: Readonly<Record<Source, FileHandle>>
  private readonly order: FileHandle

  constructor(files: Readonly<Record<Source, FileHandle>>, order: FileHandle) {
    this.files = files
    this.order = order
  }

  /** Which parts of the files come next. `rest`: also those of which nobody has said when they came. */
  async next(rest: "all" | "old" | "none"): Promise<ReadonlyArray<Segment>> {
    const segments: Array<Segment> = []
    const buffer = new Uint8Array(entryLength * 1024)
    for (;;) {
      const { bytesRead } = await this.order.read(buffer, 0, buffer.length, this.at)
      const whole = bytesRead - bytesRead % entryLength
      for (let at = 0; at < whole; at += entryLength) {
        const entry = decode(buffer, at)
        if (entry === "end") this.ended = true
        else if (entry === undefined || entry === "begun") continue
        else if ("lost" in entry) this.lost.push(entry)
        else if (entry.size > this.done[entry.source]) {
          segments.push({ source: entry.source, time: entry.time, from: this.done[entry.source], to: entry.size })
          this.done[entry.source] = entry.size
        }
      }
      this.at += whole
      if (whole < buffer.length) break
    }
    if (rest === "none" || segments.length > 0) return segments
    const sizes = await Promise.all(sources.map(async (source) => (await this.files[source].stat()).size))
    const [stdout = 0, stderr = 0] = sizes
    if (rest === "old") {
      const time = Date.now()
      if (stdout <= this.done.stdout && stderr <= this.done.stderr) this.unclaimed = undefined
      else if (this.unclaimed === undefined) this.unclaimed = { since: time, sizes: [stdout, stderr] }
      if (this.unclaimed === undefined || time - this.unclaimed.since < patience) return segments
    }
    for (const source of sources) {
      const { mtimeMs, size } = await this.files[source].stat()
      if (size <= this.done[source]) continue
      segments.push({ source, time: mtimeMs, from: this.done[source], to: size })
      this.done[source] = size
    }
    this.unclaimed = undefined
    return segments
  }

  get isEnded(): boolean {
    return this.ended
  }

  /** What could not be kept; each is given once. */
  takeLost(): ReadonlyArray<Lost> {
    return this.lost.splice(0)
  }

  /** The next piece of a segment; empty when somebody has cut the file short: what is gone cannot be read. */
  async read({ from, source, to }: Segment): Promise<Uint8Array> {
    const buffer = Buffer.allocUnsafeSlow(Math.min(piece, to - from))
    const { bytesRead } = await this.files[source].read(buffer, 0, buffer.length, from)
    return bytesRead === buffer.length ? buffer : buffer.subarray(0, bytesRead)
  }

  async close(): Promise<void> {
    await Promise.all([this.files.stdout, this.files.stderr, this.order].map((file) => file.close()))
  }
}

const openReader = (log: Log) =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: async () => {
        const files: Array<FileHandle> = []
        try {
          for (const path of [log.stdout, log.stderr, log.order]) files.push(await open(path, "r"))
          const [stdout, stderr, order] = files as [FileHandle, FileHandle, FileHandle]
          return new Reader({ stdout, stderr }, order)
        } catch (error) {
          await Promise.all(files.map((file) => file.close()))
          throw error
        }
      },
      catch: (cause) => fromCause(operation, cause)
    }),
    (reader) => Effect.promise(() => reader.close())
  )

interface Wanted {
  readonly source: (source: Source) => boolean
  readonly since: number
  readonly until: number
}

const wantedOf = ({ since, stderr = true, stdout = true, until }: LogsOptions): Wanted => ({
  source: (source) => source === "stdout" ? stdout : stderr,
  since: since === undefined ? -Infinity : DateTime.toEpochMillis(since),
  until: until === undefined ? Infinity : DateTime.toEpochMillis(until)
})

const passes = (wanted: Wanted, { source, time }: Segment): boolean =>
  wanted.source(source) && time >= wanted.since && time < wanted.until

/** How many lines of each source come before the last `tail` of both, in the order in which lines end. */
const linesBefore = async (reader: Reader, wanted: Wanted, tail: number): Promise<Record<Source, number>> => {
  const count: Record<Source, number> = { stdout: 0, stderr: 0 }
  const partial: Record<Source, boolean> = { stdout: false, stderr: false }
  // The sources of the last lines, as a ring.
  const last: Array<Source> = []
  let lines = 0
  const line = (source: Source) => {
    count[source]++
    if (tail > 0) last[lines % tail] = source
    lines++
  }
  for (const segment of await reader.next("all")) {
    if (!passes(wanted, segment)) continue
    for (let from = segment.from; from < segment.to;) {
      const bytes = await reader.read({ ...segment, from })
      if (bytes.length === 0) break
      from += bytes.length
      for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) line(segment.source)
      partial[segment.source] = bytes.at(-1) !== NEWLINE
    }
  }
  for (const source of sources) if (partial[source]) line(source)
  for (const source of last) count[source]--
  return count
}

/** Leaves out the first lines of a source. */
const skipping = (skip: Record<Source, number>) => (source: Source, bytes: Uint8Array): Uint8Array => {
  let from = 0
  while (skip[source] > 0) {
    const at = bytes.indexOf(NEWLINE, from)
    if (at === -1) return bytes.subarray(bytes.length)
    from = at + 1
    skip[source]--
  }
  return from === 0 ? bytes : bytes.subarray(from)
}

/** Tells that there may be more to read, without missing what comes while nobody waits. */
const signal = (follow: Follow) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        let isRaised = false
        let wake: (() => void) | undefined
        const undo = follow.subscribe(() => {
          isRaised = true
          wake?.()
        })
        return {
          undo,
          lower: () => {
            isRaised = false
          },
          raised: Effect.callback<void>((resume) => {
            if (isRaised) return resume(Effect.void)
            wake = () => resume(Effect.void)
            return Effect.sync(() => {
              wake = undefined
            })
          })
        }
      }),
      ({ undo }) => Effect.sync(undo)
    ),
    ({ lower, raised }) => ({ lower, raised })
  )

const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, Errors.Reason> =>
  Effect.tryPromise({ try: run, catch: (cause) => fromCause(operation, cause) })

const framesOf = Effect.fnUntraced(function*(
  reader: Reader,
  options: LogsOptions,
  follow: Follow | undefined,
  skip: Record<Source, number>
) {
  const wanted = wantedOf(options)
  const cut = skipping(skip)
  const more = follow === undefined ? undefined : yield* signal(follow)
  let segments: ReadonlyArray<Segment> = []
  const next = Effect.gen(function*() {
    for (;;) {
      const [first, ...others] = segments
      if (first !== undefined) {
        const bytes = yield* attempt(() => reader.read(first))
        const from = first.from + bytes.length
        segments = bytes.length === 0 || from >= first.to ? others : [{ ...first, from }, ...others]
        const rest = cut(first.source, bytes)
        if (rest.length === 0) continue
        const { source, time } = first
        const timestamp = options.timestamps === true ? BigInt(Math.round(time * 1000)) * 1000n : undefined
        const frame: Frame = timestamp === undefined ? { source, bytes: rest } : { source, bytes: rest, timestamp }
        return Arr.of(frame)
      }
      more?.lower()
      const isOver = follow === undefined || follow.isOver() || reader.isEnded
      const found = yield* attempt(() => reader.next(isOver ? "all" : "old"))
      segments = found.filter((segment) => passes(wanted, segment))
      for (const { lost, source } of reader.takeLost()) {
        yield* Effect.logWarning(`${lost} bytes of a container's ${source} are lost: its log could not be written`)
      }
      if (found.length > 0) continue
      if (isOver) return yield* Cause.done()
      // Learnt just now: what nobody has seen grow is still to be read.
      if (reader.isEnded) continue
      if (more !== undefined) yield* more.raised
    }
  })
  return Stream.fromPull(Effect.succeed(next))
})

/** What a log has and, with `follow`, what comes to it. */
export const read = (
  log: Log,
  options: LogsOptions,
  follow: Follow | undefined
): Stream.Stream<Frame, Errors.Reason> =>
  Stream.unwrap(Effect.gen(function*() {
    const reader = yield* openReader(log)
    let skip: Record<Source, number> = { stdout: 0, stderr: 0 }
    if (options.tail !== undefined) {
      const { tail } = options
      const counter = yield* openReader(log)
      skip = yield* attempt(() => linesBefore(counter, wantedOf(options), tail))
    }
    return yield* framesOf(reader, options, follow, skip)
  }))
