import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Stream from "effect/Stream"
import * as Output from "../Output.ts"
import type { Frame } from "./frame.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface CollectOptions {
  /** Keep only this many bytes, the last ones. Default: everything. */
  readonly limit?: number | undefined
}

const SMALLEST_BLOCK = 4 * 1024
const LARGEST_BLOCK = 1024 * 1024

/**
 * Gathers frames into an `Output`, one by one: what {@link collect} is made of, for those who want the output so far at
 * any time, also after an interruption.
 *
 * Frames are copied, so no chunk is kept alive. With `limit`, the last `limit` bytes are kept, and the memory used is
 * that and a quarter more (4 KiB at least).
 *
 * **Example** (The last bytes only)
 *
 * ```ts import.meta.vitest
 * import { Logs } from "effect-containers"
 *
 * const collector = new Logs.Collector({ limit: 4 })
 * collector.push({ source: "stdout", bytes: new TextEncoder().encode("hello") })
 * collector.push({ source: "stderr", bytes: new TextEncoder().encode("!") })
 * collector.output().text // => "llo!"
 * collector.output().dropped // => 2
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export class Collector {
  readonly #limit: number
  readonly #largest: number
  #blocks: Array<Uint8Array> = []
  /** Blocks whose bytes are forgotten. */
  readonly #spare: Array<Uint8Array> = []
  /** Bytes used in the last block. */
  #used = 0
  #capacity = 0
  /** Runs of one source; those before `#first` are forgotten. */
  #runs: Array<{ readonly source: Output.Source; length: number }> = []
  #first = 0
  /** Bytes in the blocks. */
  #size = 0
  #dropped = 0

  constructor(options?: CollectOptions) {
    const limit = options?.limit ?? Number.POSITIVE_INFINITY
    this.#limit = limit > 0 ? Math.floor(limit) : 0
    this.#largest = Math.min(LARGEST_BLOCK, Math.max(SMALLEST_BLOCK, Math.ceil(this.#limit / 8)))
  }

  /** Adds a frame. */
  push(frame: Frame): void {
    const { bytes, source } = frame
    if (bytes.length === 0) return
    const skipped = bytes.length - this.#limit
    if (skipped > 0) {
      // all that was here is older than what is kept of this frame
      this.#clear(skipped)
      this.#add(source, bytes.subarray(skipped))
    } else this.#add(source, bytes)
  }

  /** Adds frames, in their order. Those that the later ones push out again are only counted. */
  pushAll(frames: ReadonlyArray<Frame>): void {
    let first = 0
    if (this.#limit < Number.POSITIVE_INFINITY) {
      first = frames.length
      for (let bytes = 0; first > 0 && bytes < this.#limit;) bytes += frames[--first]!.bytes.length
    }
    if (first > 0) {
      let skipped = 0
      for (let i = 0; i < first; i++) skipped += frames[i]!.bytes.length
      this.#clear(skipped)
    }
    for (let i = first; i < frames.length; i++) this.push(frames[i]!)
  }

  /** What was kept so far. Copies it, so that later frames do not change it. */
  output(): Output.Output {
    const excess = Math.max(0, this.#size - this.#limit)
    const all = new Uint8Array(this.#size - excess)
    let at = -excess
    for (let i = 0; i < this.#blocks.length; i++) {
      const block = this.#blocks[i]!
      const used = i === this.#blocks.length - 1 ? this.#used : block.length
      const skipped = Math.max(0, -at)
      if (skipped < used) all.set(block.subarray(skipped, used), at + skipped)
      at += used
    }
    const pieces: Array<{ readonly source: Output.Source; readonly bytes: Uint8Array }> = []
    let end = -excess
    for (let i = this.#first; i < this.#runs.length; i++) {
      const run = this.#runs[i]!
      const start = Math.max(0, end)
      end += run.length
      if (end > start) pieces.push({ source: run.source, bytes: all.subarray(start, end) })
    }
    return Output.Output.makeUnsafe(pieces, this.#dropped + excess)
  }

  #add(source: Output.Source, bytes: Uint8Array): void {
    if (bytes.length === 0) return
    const last = this.#runs.at(-1)
    if (last !== undefined && last.source === source) last.length += bytes.length
    else this.#runs.push({ source, length: bytes.length })
    this.#size += bytes.length
    let whole = 0
    while (
      whole < this.#blocks.length - 1 && this.#size - this.#blocks[whole]!.length >= this.#limit
    ) this.#forget(this.#blocks[whole++]!.length)
    if (whole > 0) this.#spare.push(...this.#blocks.splice(0, whole))
    let from = 0
    while (from < bytes.length) {
      if (this.#used === this.#capacity) this.#grow()
      const to = Math.min(bytes.length, from + this.#capacity - this.#used)
      this.#blocks.at(-1)!.set(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to), this.#used)
      this.#used += to - from
      from = to
    }
  }

  /** A block more: one whose bytes are forgotten, if there is one. */
  #grow(): void {
    const block = this.#spare.pop() ??
      new Uint8Array(Math.min(this.#largest, Math.max(SMALLEST_BLOCK, this.#capacity * 2)))
    this.#blocks.push(block)
    this.#capacity = block.length
    this.#used = 0
  }

  /** Forgets all that is here, and counts that more as dropped. */
  #clear(skipped: number): void {
    this.#dropped += this.#size + skipped
    this.#size = 0
    this.#runs = []
    this.#first = 0
    this.#spare.push(...this.#blocks)
    this.#blocks = []
    this.#used = this.#capacity = 0
  }

  #forget(bytes: number): void {
    this.#dropped += bytes
    this.#size -= bytes
    let left = bytes
    while (left > 0) {
      const run = this.#runs[this.#first]!
      const part = Math.min(left, run.length)
      run.length -= part
      left -= part
      if (run.length > 0) break
      this.#first++
    }
    // a run that is forgotten must not grow again
    if (this.#first === this.#runs.length || (this.#first > 1024 && this.#first * 2 > this.#runs.length)) {
      this.#runs = this.#runs.slice(this.#first)
      this.#first = 0
    }
  }
}

/**
 * Reads all frames into one `Output`; with `limit`, only the last `limit` bytes of them, the rest being counted in
 * `dropped`. Fails with what the stream fails with: use a {@link Collector} to have what came before a failure.
 *
 * **Example** (Everything a container wrote)
 *
 * ```ts import.meta.vitest
 * import { Effect, Stream } from "effect"
 * import { Logs } from "effect-containers"
 *
 * const frame = (source: "stdout" | "stderr", text: string): Logs.Frame => ({
 *   source,
 *   bytes: new TextEncoder().encode(text)
 * })
 * const frames = Stream.make(frame("stdout", "a"), frame("stdout", "b"), frame("stderr", "c"))
 * const output = await Effect.runPromise(Logs.collect(frames))
 * output.stdoutText // => "ab"
 * output.pieces.length // => 2
 * ```
 *
 * @category destructors
 * @since 0.1.0
 */
export const collect: <
  Arg extends Stream.Stream<Frame, unknown, unknown> | CollectOptions | undefined = CollectOptions
>(
  selfOrOptions?: Arg,
  options?: CollectOptions
) => [Arg] extends [Stream.Stream<Frame, infer E, infer R>] ? Effect.Effect<Output.Output, E, R>
  : <E, R>(self: Stream.Stream<Frame, E, R>) => Effect.Effect<Output.Output, E, R> = dual(
    (args) => Stream.isStream(args[0]),
    <E, R>(self: Stream.Stream<Frame, E, R>, options?: CollectOptions): Effect.Effect<Output.Output, E, R> =>
      Effect.suspend(() => {
        const collector = new Collector(options)
        return Effect.as(
          Stream.runForEachArray(self, (frames) => Effect.sync(() => collector.pushAll(frames))),
          collector
        )
      }).pipe(Effect.map((collector) => collector.output()))
  )
