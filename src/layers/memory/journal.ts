import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type { LogsOptions } from "../../Backend.ts"
import * as Errors from "../../Errors.ts"
import type { Frame } from "../../Logs.ts"
import type { Source } from "../../Output.ts"

/** A line, or a piece of a long one, with the time at which it was complete. */
interface Entry {
  readonly source: Source
  readonly bytes: Uint8Array
  readonly timestamp: bigint
  /** Whether a line ends here. */
  readonly ends: boolean
}

/** A line longer than this is kept in pieces: a follower need not wait for its end. Docker has the same limit. */
const longest = 16 * 1024

const newline = 0x0a

const concat = (pieces: ReadonlyArray<Uint8Array>, size: number): Uint8Array => {
  const out = new Uint8Array(size)
  let at = 0
  for (const piece of pieces) {
    out.set(piece, at)
    at += piece.length
  }
  return out
}

class Line {
  pieces: Array<Uint8Array> = []
  size = 0
}

const lost = () =>
  new Errors.Unavailable({
    operation: "logs",
    message: "the connection to the engine was lost in the middle of the output"
  })

/** Delivers at most so many bytes, then fails as a connection that breaks. */
class Cut {
  #left: number

  constructor(bytes: number) {
    this.#left = bytes
  }

  /** What passes of these frames; `true` when the connection breaks after it. */
  take(frames: ReadonlyArray<Frame>): readonly [passed: Array<Frame>, broken: boolean] {
    const passed: Array<Frame> = []
    for (const frame of frames) {
      if (frame.bytes.length > this.#left) {
        if (this.#left > 0) passed.push({ ...frame, bytes: frame.bytes.subarray(0, this.#left) })
        this.#left = 0
        return [passed, true]
      }
      this.#left -= frame.bytes.length
      passed.push(frame)
    }
    return [passed, false]
  }
}

/**
 * What a container writes, kept as an engine's log keeps it: line by line for who reads it later, frame by frame for who
 * is attached.
 */
export class Journal {
  readonly #entries: Array<Entry> = []
  readonly #lines: Record<Source, Line> = { stdout: new Line(), stderr: new Line() }
  readonly #attached = new Set<Array<Frame>>()
  readonly #waiting = new Set<() => void>()
  #ended = true
  #closed = false
  /** How often the engine went away under its readers, and why the last time. */
  #failures = 0
  #failure: Errors.Reason | undefined = undefined
  /** How often it has begun: who is attached sees the end of the run that it saw begin, or that came next. */
  #runs = 0

  #wake(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const resume of waiting) resume()
  }

  readonly #changed: Effect.Effect<void> = Effect.callback((resume) => {
    const wake = () => resume(Effect.void)
    this.#waiting.add(wake)
    return Effect.sync(() => this.#waiting.delete(wake))
  })

  /** Something has come. Who writes goes on until he waits: what he writes meanwhile is taken in one piece. */
  readonly #more: Effect.Effect<void> = Effect.andThen(this.#changed, Effect.yieldNow)

  /** A process begins to write. */
  begin(): void {
    this.#ended = false
    this.#runs++
  }

  write(source: Source, bytes: Uint8Array, timestamp: bigint): void {
    if (this.#ended || bytes.length === 0) return
    for (const queue of this.#attached) queue.push({ source, bytes })
    this.#keep(source, bytes, timestamp)
    this.#wake()
  }

  #keep(source: Source, bytes: Uint8Array, timestamp: bigint): void {
    let from = 0
    while (from < bytes.length) {
      const line = this.#lines[source]
      const found = bytes.indexOf(newline, from)
      const room = from + longest - line.size
      const to = Math.min(found < 0 ? bytes.length : found + 1, room)
      line.pieces.push(bytes.subarray(from, to))
      line.size += to - from
      from = to
      const ends = found >= 0 && to === found + 1
      if (ends || line.size === longest) this.#flush(source, timestamp, ends)
    }
  }

  #flush(source: Source, timestamp: bigint, ends: boolean): void {
    const { pieces, size } = this.#lines[source]
    if (size === 0) return
    this.#lines[source] = new Line()
    this.#entries.push({ source, bytes: pieces.length === 1 ? pieces[0]! : concat(pieces, size), timestamp, ends })
  }

  /** The process has ended: who follows comes to the end. */
  end(timestamp: bigint): void {
    this.#flush("stdout", timestamp, false)
    this.#flush("stderr", timestamp, false)
    this.#ended = true
    this.#wake()
  }

  /** The container is gone: nothing can come any more. */
  close(): void {
    this.#closed = true
    this.#wake()
  }

  /** The engine is gone: who reads now fails. */
  fail(reason: Errors.Reason): void {
    this.#failure = reason
    this.#failures++
    this.#wake()
  }

  /** All bytes that were kept, for a test that looks inside. */
  frames(): ReadonlyArray<Frame> {
    return [
      ...this.#entries,
      ...(["stdout", "stderr"] as const).flatMap((source) => {
        const { pieces, size } = this.#lines[source]
        return size === 0 ? [] : [{ source, bytes: concat(pieces, size) }]
      })
    ].map(({ bytes, source }) => ({ source, bytes }))
  }

  #stream(
    take: () => ReadonlyArray<Frame>,
    ended: () => boolean,
    cut: number | undefined
  ): Stream.Stream<Frame, Errors.Reason> {
    return Stream.suspend(() => {
      const limit = cut === undefined ? undefined : new Cut(cut)
      const failures = this.#failures
      let broken = false
      const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<Frame>, Errors.Reason> = Effect.suspend(() => {
        if (broken) return Effect.fail(lost())
        let frames = take()
        if (limit !== undefined) [frames, broken] = limit.take(frames)
        if (Arr.isReadonlyArrayNonEmpty(frames)) return Effect.succeed(frames)
        if (this.#failure !== undefined && this.#failures > failures) return Effect.fail(this.#failure)
        return broken || !(ended() || this.#closed)
          ? Effect.andThen(broken ? Effect.void : this.#more, pull)
          : Cause.done()
      })
      return Stream.fromPull(Effect.succeed(pull))
    })
  }

  /** All that is written from now on. `detach` forgets it. */
  attach(
    cut: number | undefined
  ): { readonly output: Stream.Stream<Frame, Errors.Reason>; readonly detach: () => void } {
    let queue: Array<Frame> = []
    this.#attached.add(queue)
    const from = this.#ended ? this.#runs : this.#runs - 1
    const take = () => {
      const frames = queue
      this.#attached.delete(frames)
      queue = []
      this.#attached.add(queue)
      return frames
    }
    return {
      output: this.#stream(take, () => this.#runs > from && this.#ended, cut),
      detach: () => this.#attached.delete(queue)
    }
  }

  /** What was kept, as `options` ask for it. */
  read(options: LogsOptions, cut: number | undefined): Stream.Stream<Frame, Errors.Reason> {
    const since = options.since === undefined ? undefined : nanoseconds(options.since)
    const until = options.until === undefined ? undefined : nanoseconds(options.until)
    const wanted = (entry: Entry): boolean =>
      (entry.source === "stdout" ? options.stdout !== false : options.stderr !== false) &&
      (since === undefined || entry.timestamp >= since) && (until === undefined || entry.timestamp < until)
    return Stream.suspend(() => {
      let at = options.tail === undefined ? 0 : this.#tail(options.tail, wanted)
      const last = options.follow === true ? Number.POSITIVE_INFINITY : this.#entries.length
      const take = () => {
        const frames: Array<Frame> = []
        for (const end = Math.min(this.#entries.length, last); at < end; at++) {
          const entry = this.#entries[at]!
          if (!wanted(entry)) continue
          frames.push(
            options.timestamps === true
              ? { source: entry.source, bytes: entry.bytes, timestamp: entry.timestamp }
              : { source: entry.source, bytes: entry.bytes }
          )
        }
        return frames
      }
      return this.#stream(take, () => options.follow !== true || this.#ended, cut)
    })
  }

  /** Where the last so many lines begin. */
  #tail(lines: number, wanted: (entry: Entry) => boolean): number {
    let left = lines
    let at = this.#entries.length
    let open: Entry | undefined
    for (let i = at - 1; i >= 0; i--) {
      const entry = this.#entries[i]!
      if (!wanted(entry)) continue
      // The end of a further line; or the last line, which has no end yet.
      if (entry.ends || open === undefined) {
        if (left === 0) return at
        left--
        open = entry
      }
      at = i
    }
    return left === lines && lines === 0 ? this.#entries.length : at
  }
}

/** Nanoseconds since the epoch. */
export const nanoseconds = (time: DateTime.Utc): bigint => BigInt(Math.round(DateTime.toEpochMillis(time))) * 1_000_000n
