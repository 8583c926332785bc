import { dual } from "effect/Function"
import * as Stream from "effect/Stream"
import type * as Output from "../Output.ts"
import type { Frame } from "./frame.ts"
import { type Stage, through } from "./stage.ts"

/**
 * A line of what a container wrote, without its end.
 *
 * `timestamp` (nanoseconds since the epoch) is that of the frame in which the line began. `partial` is there on the
 * pieces of a line that is too long for one: all but the last.
 *
 * @category models
 * @since 0.1.0
 */
export interface Line {
  readonly source: Output.Source
  readonly text: string
  readonly timestamp?: bigint | undefined
  readonly partial?: true | undefined
}

/**
 * @category options
 * @since 0.1.0
 */
export interface LinesOptions {
  /** From how many characters (UTF-16) on a line that has not ended is delivered in pieces. Default 16 Mi. */
  readonly maxLength?: number | undefined
}

const MAX_LENGTH = 16 * 1024 * 1024
const SCRATCH = 64 * 1024
/** From how many bytes on decoding a frame by itself is cheaper than copying it next to its neighbours. */
const DIRECT = 4 * 1024

// a mark at the beginning is kept: it is a part of what the container wrote
const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

/** How many bytes at the end are the beginning of a character of UTF-8 that has not ended. */
const unfinished = (bytes: Uint8Array): number => {
  const n = bytes.length
  for (let back = 1; back <= 3 && back <= n; back++) {
    const byte = bytes[n - back]!
    if (byte < 0x80) return 0
    if (byte >= 0xc0) {
      const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return size > back ? back : 0
    }
  }
  return 0
}

/** Decodes the bytes of one source, which may cut characters. `TextDecoder`'s own streaming mode is several times slower. */
class Utf8 {
  readonly #scratch: Uint8Array
  #held = new Uint8Array(0)

  /** The scratch space is shared by the sources of one stream. */
  constructor(scratch: Uint8Array) {
    this.#scratch = scratch
  }

  /** Gives the text of the frames `[from, to)`, which are of this source, in parts that are cheap to make. */
  decode(frames: ReadonlyArray<Frame>, from: number, to: number, use: (text: string) => void): void {
    if (to - from === 1) return use(this.#push(frames[from]!.bytes))
    let used = 0
    for (let i = from; i < to; i++) {
      const bytes = frames[i]!.bytes
      if (used > 0 && (bytes.length >= DIRECT || used + bytes.length > SCRATCH)) {
        use(this.#push(this.#scratch.subarray(0, used)))
        used = 0
      }
      if (bytes.length >= DIRECT) {
        use(this.#push(bytes))
      } else {
        this.#scratch.set(bytes, used)
        used += bytes.length
      }
    }
    if (used > 0) use(this.#push(this.#scratch.subarray(0, used)))
  }

  end(): string {
    const held = this.#held
    this.#held = new Uint8Array(0)
    return decoder.decode(held)
  }

  #push(bytes: Uint8Array): string {
    let all = bytes
    if (this.#held.length > 0) {
      all = new Uint8Array(this.#held.length + bytes.length)
      all.set(this.#held)
      all.set(bytes, this.#held.length)
      this.#held = new Uint8Array(0)
    }
    const open = unfinished(all)
    if (open === 0) return decoder.decode(all)
    this.#held = all.slice(all.length - open)
    return decoder.decode(all.subarray(0, all.length - open))
  }
}

/** Calls `use` for each run of neighbours that have one source and, being one read, one timestamp. */
const runs = (frames: ReadonlyArray<Frame>, use: (frame: Frame, from: number, to: number) => void): void => {
  for (let i = 0; i < frames.length;) {
    const frame = frames[i]!
    let j = i + 1
    while (j < frames.length && frames[j]!.source === frame.source && frames[j]!.timestamp === frame.timestamp) j++
    use(frame, i, j)
    i = j
  }
}

/**
 * The text of both sources in order of arrival, as UTF-8. A character whose bytes are cut is put together for each source
 * by itself; what is not UTF-8 becomes U+FFFD.
 *
 * **Example** (A character cut in two)
 *
 * ```ts import.meta.vitest
 * import { Effect, Stream } from "effect"
 * import { Logs } from "effect-containers"
 *
 * const frames = Stream.make<Array<Logs.Frame>>(
 *   { source: "stdout", bytes: Uint8Array.of(0xc3) },
 *   { source: "stderr", bytes: Uint8Array.of(0x21) },
 *   { source: "stdout", bytes: Uint8Array.of(0xa9) }
 * )
 * await Effect.runPromise(Stream.mkString(Logs.text(frames))) // => "!é"
 * ```
 *
 * @category destructors
 * @since 0.1.0
 */
export const text = <E, R>(self: Stream.Stream<Frame, E, R>): Stream.Stream<string, E, R> =>
  through(self, (): Stage<Frame, string, never> => {
    const scratch = new Uint8Array(SCRATCH)
    const sides = { stdout: new Utf8(scratch), stderr: new Utf8(scratch) }
    const put = (text: string, out: Array<string>) => {
      if (text !== "") out.push(text)
    }
    return {
      push: (frames, out) => {
        let all = ""
        runs(frames, (frame, from, to) => {
          sides[frame.source].decode(frames, from, to, (text) => {
            all += text
          })
        })
        put(all, out)
        return undefined
      },
      end: (out) => {
        put(sides.stdout.end() + sides.stderr.end(), out)
        return undefined
      }
    }
  })

class Splitter {
  readonly utf8: Utf8
  readonly #source: Output.Source
  readonly #maxLength: number
  #carry = ""
  #timestamp: bigint | undefined = undefined

  constructor(source: Output.Source, scratch: Uint8Array, maxLength: number) {
    this.#source = source
    this.utf8 = new Utf8(scratch)
    this.#maxLength = maxLength
  }

  push(text: string, timestamp: bigint | undefined, out: Array<Line>): void {
    const source = this.#source
    let start = 0
    if (this.#carry === "" && timestamp === undefined && !text.includes("\r")) {
      for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", start)) {
        out.push({ source, text: text.slice(start, at) })
        start = at + 1
      }
    }
    for (let at = text.indexOf("\n", start); at >= 0; at = text.indexOf("\n", start)) {
      if (this.#carry === "") {
        const line = text.slice(start, at > start && text.charCodeAt(at - 1) === 13 ? at - 1 : at)
        out.push(timestamp === undefined ? { source, text: line } : { source, text: line, timestamp })
      } else {
        const line = this.#carry + text.slice(start, at)
        this.#emit(line.charCodeAt(line.length - 1) === 13 ? line.slice(0, -1) : line, out)
      }
      start = at + 1
    }
    if (start === text.length) return
    if (this.#carry === "") this.#timestamp = timestamp
    this.#carry += start === 0 ? text : text.slice(start)
    if (this.#carry.length <= this.#maxLength) return
    // With what comes next it may be the end of the line.
    const held = this.#carry.charCodeAt(this.#carry.length - 1) === 13 ? "\r" : ""
    if (held !== "" && this.#carry.length === 1) return
    this.#emit(this.#carry.slice(0, this.#carry.length - held.length), out, true)
    this.#carry = held
  }

  end(out: Array<Line>): void {
    this.push(this.utf8.end(), this.#timestamp, out)
    if (this.#carry !== "") this.#emit(this.#carry, out)
  }

  #emit(text: string, out: Array<Line>, partial = false): void {
    out.push({
      source: this.#source,
      text,
      ...(this.#timestamp === undefined ? {} : { timestamp: this.#timestamp }),
      ...(partial ? { partial } : {})
    })
    this.#carry = ""
  }
}

/**
 * The lines of both sources, each put together by itself, in the order in which they were completed. `\n` and `\r\n` end
 * a line; a last line that does not end is delivered when the output ends or fails. A line of more than `maxLength`
 * characters comes in pieces, all but the last marked `partial`.
 *
 * **Example** (Lines cut over frames)
 *
 * ```ts import.meta.vitest
 * import { Effect, Stream } from "effect"
 * import { Logs } from "effect-containers"
 *
 * const frame = (source: "stdout" | "stderr", text: string): Logs.Frame => ({
 *   source,
 *   bytes: new TextEncoder().encode(text)
 * })
 * const frames = Stream.make(frame("stdout", "one\ntw"), frame("stderr", "oops\r\n"), frame("stdout", "o"))
 * const lines = await Effect.runPromise(Stream.runCollect(Logs.lines(frames)))
 * lines.map((line) => `${line.source} ${line.text}`) // => ["stdout one", "stderr oops", "stdout two"]
 * ```
 *
 * @category destructors
 * @since 0.1.0
 */
export const lines: <
  Arg extends Stream.Stream<Frame, unknown, unknown> | LinesOptions | undefined = LinesOptions
>(
  selfOrOptions?: Arg,
  options?: LinesOptions
) => [Arg] extends [Stream.Stream<Frame, infer E, infer R>] ? Stream.Stream<Line, E, R>
  : <E, R>(self: Stream.Stream<Frame, E, R>) => Stream.Stream<Line, E, R> = dual(
    (args) => Stream.isStream(args[0]),
    <E, R>(self: Stream.Stream<Frame, E, R>, options?: LinesOptions): Stream.Stream<Line, E, R> =>
      through(self, (): Stage<Frame, Line, never> => {
        const scratch = new Uint8Array(SCRATCH)
        const longest = options?.maxLength ?? MAX_LENGTH
        const sides = {
          stdout: new Splitter("stdout", scratch, longest),
          stderr: new Splitter("stderr", scratch, longest)
        }
        return {
          push: (frames, out) => {
            runs(frames, (frame, from, to) => {
              const side = sides[frame.source]
              side.utf8.decode(frames, from, to, (text) => side.push(text, frame.timestamp, out))
            })
            return undefined
          },
          end: (out) => {
            sides.stdout.end(out)
            sides.stderr.end(out)
            return undefined
          }
        }
      })
  )
