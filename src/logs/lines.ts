import { dual } from "effect/Function"
import * as Stream from "effect/Stream"
import type * as Output from "../Output.ts"
import type { Frame } from "./frame.ts"
import { type Stage, through } from "./stage.ts"
import { Utf8 } from "./utf8.ts"

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

/** The text of frames, in parts that are cheap to make: neighbours that have one source and, being one read, one timestamp. */
class Texts<B> {
  readonly #use: (text: string, source: Output.Source, timestamp: bigint | undefined, out: Array<B>) => void
  readonly #sides = { stdout: new Utf8(), stderr: new Utf8() }
  /** What frames that are waiting have written. */
  readonly #waiting = new Uint8Array(SCRATCH)
  #used = 0
  #source: Output.Source = "stdout"
  #timestamp: bigint | undefined = undefined

  constructor(use: (text: string, source: Output.Source, timestamp: bigint | undefined, out: Array<B>) => void) {
    this.#use = use
  }

  push({ bytes, source, timestamp }: Frame, out: Array<B>): void {
    if (
      this.#used > 0 &&
      (source !== this.#source || bytes.length >= DIRECT || this.#used + bytes.length > SCRATCH ||
        timestamp !== this.#timestamp)
    ) this.flush(out)
    this.#source = source
    this.#timestamp = timestamp
    if (bytes.length >= DIRECT) {
      this.#use(this.#sides[source].decode(bytes), source, timestamp, out)
    } else {
      this.#waiting.set(bytes, this.#used)
      this.#used += bytes.length
    }
  }

  flush(out: Array<B>): void {
    if (this.#used === 0) return
    const bytes = this.#waiting.subarray(0, this.#used)
    this.#used = 0
    this.#use(this.#sides[this.#source].decode(bytes), this.#source, this.#timestamp, out)
  }

  /** Of a source that has ended, what is left: a character that was cut. */
  end(source: Output.Source): string {
    return this.#sides[source].end()
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
    let all = ""
    const texts = new Texts<string>((text) => {
      all += text
    })
    const put = (out: Array<string>) => {
      if (all !== "") out.push(all)
      all = ""
    }
    return {
      push: (frame, out) => {
        texts.push(frame, out)
        return undefined
      },
      flush: (out) => {
        texts.flush(out)
        put(out)
      },
      end: (out) => {
        all = texts.end("stdout") + texts.end("stderr")
        put(out)
        return undefined
      }
    }
  })

class Splitter {
  readonly #source: Output.Source
  readonly #maxLength: number
  #carry = ""
  #timestamp: bigint | undefined = undefined

  constructor(source: Output.Source, maxLength: number) {
    this.#source = source
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

  end(text: string, out: Array<Line>): void {
    this.push(text, this.#timestamp, out)
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
        const longest = options?.maxLength ?? MAX_LENGTH
        const sides = { stdout: new Splitter("stdout", longest), stderr: new Splitter("stderr", longest) }
        const texts = new Texts<Line>((text, source, timestamp, out) => sides[source].push(text, timestamp, out))
        return {
          push: (frame, out) => {
            texts.push(frame, out)
            return undefined
          },
          flush: (out) => texts.flush(out),
          end: (out) => {
            sides.stdout.end(texts.end("stdout"), out)
            sides.stderr.end(texts.end("stderr"), out)
            return undefined
          }
        }
      })
  )
