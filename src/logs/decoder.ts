import { dual } from "effect/Function"
import * as Stream from "effect/Stream"
import * as Errors from "../Errors.ts"
import type * as Output from "../Output.ts"
import { type Frame, HEADER, MAX_FRAME, NEWLINE, TimestampReader } from "./frame.ts"
import { type Stage, through } from "./stage.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface DecodeOptions {
  /** Whether each frame begins with its time, as RFC 3339 and a space. Default `false`. */
  readonly timestamps?: boolean | undefined
  /** The longest frame that is believed, in bytes. Default 64 MiB. */
  readonly maxFrame?: number | undefined
}

/**
 * @category options
 * @since 0.1.0
 */
export interface DecodeRawOptions {
  /** Whether each line begins with its time, as RFC 3339 and a space. Default `false`. */
  readonly timestamps?: boolean | undefined
}

const protocol = (message: string, hint?: string): Errors.Protocol =>
  new Errors.Protocol({ operation: "logs", message, ...(hint === undefined ? {} : { hint }) })

const EMPTY = new Uint8Array(0)

/** How much of an engine's own error message is kept. */
const MAX_MESSAGE = 64 * 1024

const length = (header: Uint8Array, at: number): number =>
  ((header[at + 4]! << 24) | (header[at + 5]! << 16) | (header[at + 6]! << 8) | header[at + 7]!) >>> 0

/**
 * The frames of standard output and error that are whole, from `i` on; gives where something else begins. Their bytes are
 * views that `subarray` would give too, after it has looked for the class to make: that takes half as long again.
 */
const wholeFrames = (chunk: Uint8Array, i: number, maxFrame: number, out: Array<Frame>): number => {
  const last = chunk.length - HEADER
  const { buffer, byteOffset } = chunk
  let at = i
  while (at <= last) {
    const stream = chunk[at]!
    if (stream > 2 || (chunk[at + 1]! | chunk[at + 2]! | chunk[at + 3]!) !== 0) return at
    const size = length(chunk, at)
    const end = at + HEADER + size
    if (size === 0 || size > maxFrame || end > chunk.length) return at
    out.push({
      source: stream === 2 ? "stderr" : "stdout",
      bytes: new Uint8Array(buffer, byteOffset + at + HEADER, size)
    })
    at = end
  }
  return at
}

/**
 * An incremental parser of the stdcopy framing in which the engines send the output of a container without a TTY
 * (the "Stream format" of the Docker Engine API's attach): a header of `[stream, 0, 0, 0, length as 32 bit big-endian]`,
 * then that many bytes.
 *
 * Chunks may cut headers and frames anywhere: a frame that is cut comes out as several. Nothing is copied. Streams 0
 * and 1 are standard output, 2 is standard error, 3 is an error of the engine itself. Empty frames are not delivered.
 *
 * `push` adds to `out` the frames of a chunk and returns a failure, `undefined` if there is none: `Protocol` for bytes
 * that are no header, for a frame longer than `maxFrame` and for a timestamp that is none, `Internal` with the engine's
 * text for a frame of stream 3. `out` then holds what came before it. `end` tells whether the input may end here. A
 * decoder that has failed stays failed.
 *
 * **Example** (A header cut in two)
 *
 * ```ts import.meta.vitest
 * import { Logs } from "effect-containers"
 *
 * const decoder = new Logs.Decoder()
 * const out: Array<Logs.Frame> = []
 * decoder.push(Uint8Array.of(1, 0, 0, 0), out) // => undefined
 * decoder.end()?.message // => "the output ended inside a frame's header, after 4 of 8 bytes"
 * const again = new Logs.Decoder()
 * again.push(Uint8Array.of(1, 0, 0, 0), out) // => undefined
 * again.push(Uint8Array.of(0, 0, 0, 2, 104, 105), out) // => undefined
 * again.end() // => undefined
 * out // => [{ source: "stdout", bytes: Uint8Array.of(104, 105) }]
 * ```
 *
 * @category codecs
 * @since 0.1.0
 */
export class Decoder {
  readonly #maxFrame: number
  readonly #reader: TimestampReader | undefined
  readonly #header = new Uint8Array(HEADER)
  /** How much of a header that a chunk has cut is here. */
  #have = 0
  #source: Output.Source = "stdout"
  /** Bytes of the current frame that are to come, its timestamp among them. */
  #left = 0
  /** Whether the timestamp of the current frame is still to come. */
  #untimed = false
  /** The engine's own message, while it is read. */
  #message: Array<Uint8Array> | undefined = undefined
  #kept = 0
  #failure: Errors.Protocol | Errors.Internal | undefined = undefined

  constructor(options?: DecodeOptions) {
    this.#maxFrame = options?.maxFrame ?? MAX_FRAME
    this.#reader = options?.timestamps === true ? new TimestampReader() : undefined
  }

  push(chunk: Uint8Array, out: Array<Frame>): Errors.Protocol | Errors.Internal | undefined {
    if (this.#failure !== undefined) return this.#failure
    const n = chunk.length
    const timed = this.#reader !== undefined
    let i = 0
    while (i < n) {
      // Most frames are whole: those need none of what is remembered between chunks.
      if (this.#left === 0 && this.#have === 0 && !timed) i = wholeFrames(chunk, i, this.#maxFrame, out)
      if (i === n) break
      if (this.#left > 0) {
        const end = Math.min(n, i + this.#left)
        if (this.#message !== undefined) {
          this.#keep(chunk.subarray(i, end))
          this.#left -= end - i
          i = end
          if (this.#left === 0) return this.#systemError()
        } else if (this.#untimed) {
          const after = this.#reader!.read(chunk, i, end)
          if (after === -2 || (after === -1 && end - i === this.#left)) {
            return this.#fail(protocol("a frame does not begin with a timestamp"))
          }
          const next = after === -1 ? end : after
          this.#left -= next - i
          i = next
          if (after !== -1) {
            this.#untimed = false
            if (this.#left === 0) out.push({ source: this.#source, bytes: EMPTY, timestamp: this.#reader!.value })
          }
        } else {
          const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset + i, end - i)
          out.push(
            timed
              ? { source: this.#source, bytes, timestamp: this.#reader!.value }
              : { source: this.#source, bytes }
          )
          this.#left -= end - i
          i = end
        }
      } else if (this.#have === 0 && n - i >= HEADER) {
        const failure = this.#open(chunk, i)
        if (failure !== undefined) return failure
        i += HEADER
      } else {
        this.#header[this.#have++] = chunk[i++]!
        if (this.#have < HEADER) continue
        this.#have = 0
        const failure = this.#open(this.#header, 0)
        if (failure !== undefined) return failure
      }
    }
    return undefined
  }

  end(): Errors.Protocol | Errors.Internal | undefined {
    if (this.#failure !== undefined) return this.#failure
    if (this.#message !== undefined) return this.#systemError()
    if (this.#have > 0) {
      return this.#fail(protocol(`the output ended inside a frame's header, after ${this.#have} of ${HEADER} bytes`))
    }
    if (this.#left > 0) return this.#fail(protocol(`the output ended ${this.#left} bytes before the end of a frame`))
    return undefined
  }

  #open(header: Uint8Array, at: number): Errors.Protocol | Errors.Internal | undefined {
    const stream = header[at]!
    if (stream > 3 || header[at + 1] !== 0 || header[at + 2] !== 0 || header[at + 3] !== 0) {
      const bytes = Array.from(header.subarray(at, at + HEADER), (b) => b.toString(16).padStart(2, "0")).join(" ")
      return this.#fail(
        protocol(`${bytes} is not the header of a frame`, "the output of a container with a TTY has no frames")
      )
    }
    const size = length(header, at)
    if (size > this.#maxFrame) {
      return this.#fail(protocol(`a frame of ${size} bytes is longer than the limit of ${this.#maxFrame} bytes`))
    }
    this.#left = size
    if (stream === 3) {
      this.#message = []
      return size === 0 ? this.#systemError() : undefined
    }
    this.#source = stream === 2 ? "stderr" : "stdout"
    this.#untimed = this.#reader !== undefined && size > 0
    return undefined
  }

  #keep(bytes: Uint8Array): void {
    const kept = bytes.slice(0, MAX_MESSAGE - this.#kept)
    this.#kept += kept.length
    if (kept.length > 0) this.#message!.push(kept)
  }

  #systemError(): Errors.Internal {
    const decoder = new TextDecoder()
    const text = this.#message!.map((bytes) => decoder.decode(bytes, { stream: true })).join("") + decoder.decode()
    const failure = new Errors.Internal({
      operation: "logs",
      message: text.trim() === "" ? "the engine reported an error without saying which" : text.trim()
    })
    this.#failure = failure
    return failure
  }

  #fail<Failure extends Errors.Protocol | Errors.Internal>(failure: Failure): Failure {
    this.#failure = failure
    return failure
  }
}

/** A container with a TTY: no framing, but each line may begin with its time. */
class TimedLines {
  readonly #reader = new TimestampReader()
  #untimed = true

  push(chunk: Uint8Array, out: Array<Frame>): Errors.Protocol | undefined {
    const n = chunk.length
    let i = 0
    while (i < n) {
      if (this.#untimed) {
        const after = this.#reader.read(chunk, i, n)
        if (after === -2) return protocol("a line does not begin with a timestamp")
        if (after === -1) return undefined
        this.#untimed = false
        i = after
        // the line's text may be in the next chunk
        if (i === n) return undefined
      }
      const newline = chunk.indexOf(NEWLINE, i)
      const end = newline < 0 ? n : newline + 1
      out.push({ source: "stdout", bytes: chunk.subarray(i, end), timestamp: this.#reader.value })
      this.#untimed = newline >= 0
      i = end
    }
    return undefined
  }

  end(): Errors.Protocol | undefined {
    return this.#reader.cut ? protocol("the output ended inside a timestamp") : undefined
  }
}

/**
 * Reads the frames of a container's output from the bytes that the engine sends (stdcopy), see {@link Decoder}. All
 * frames that came before a failure are delivered before it.
 *
 * Fails with `Protocol` when the bytes are not that framing or end inside a frame, with `Internal` when the engine
 * reports an error of its own in the stream.
 *
 * **Example** (Any split gives the same frames)
 *
 * ```ts import.meta.vitest
 * import { Effect, Stream } from "effect"
 * import { Logs } from "effect-containers"
 *
 * const bytes = Logs.encode({ source: "stdout", bytes: new TextEncoder().encode("hello") })
 * const output = Stream.make(bytes.subarray(0, 3), bytes.subarray(3, 10), bytes.subarray(10)).pipe(
 *   Logs.decode,
 *   Logs.collect
 * )
 * ;(await Effect.runPromise(output)).stdoutText // => "hello"
 * ```
 *
 * @category codecs
 * @since 0.1.0
 */
export const decode: <
  Arg extends Stream.Stream<Uint8Array, unknown, unknown> | DecodeOptions | undefined = DecodeOptions
>(
  selfOrOptions?: Arg,
  options?: DecodeOptions
) => [Arg] extends [Stream.Stream<Uint8Array, infer E, infer R>] ?
  Stream.Stream<Frame, E | Errors.Protocol | Errors.Internal, R>
  : <E, R>(self: Stream.Stream<Uint8Array, E, R>) => Stream.Stream<Frame, E | Errors.Protocol | Errors.Internal, R> =
    dual(
      (args) => Stream.isStream(args[0]),
      <E, R>(
        self: Stream.Stream<Uint8Array, E, R>,
        options?: DecodeOptions
      ): Stream.Stream<Frame, E | Errors.Protocol | Errors.Internal, R> => through(self, () => new Decoder(options))
    )

/**
 * Reads the output of a container that has a TTY: there is no framing, and everything is standard output. With
 * `timestamps`, each line begins with its time, and frames are lines (an incomplete line comes in several frames).
 *
 * Engines put a time also into the middle of a line that is longer than 16 KiB, which nobody can tell from the line's
 * own text: it stays there.
 *
 * Fails with `Protocol` when timestamps were asked for and a line has none.
 *
 * @category codecs
 * @since 0.1.0
 */
export const decodeRaw: <
  Arg extends Stream.Stream<Uint8Array, unknown, unknown> | DecodeRawOptions | undefined = DecodeRawOptions
>(
  selfOrOptions?: Arg,
  options?: DecodeRawOptions
) => [Arg] extends [Stream.Stream<Uint8Array, infer E, infer R>] ? Stream.Stream<Frame, E | Errors.Protocol, R>
  : <E, R>(self: Stream.Stream<Uint8Array, E, R>) => Stream.Stream<Frame, E | Errors.Protocol, R> = dual(
    (args) => Stream.isStream(args[0]),
    <E, R>(
      self: Stream.Stream<Uint8Array, E, R>,
      options?: DecodeRawOptions
    ): Stream.Stream<Frame, E | Errors.Protocol, R> =>
      through(self, (): Stage<Uint8Array, Frame, Errors.Protocol> =>
        options?.timestamps === true
          ? new TimedLines()
          : {
            push: (bytes, out) => {
              if (bytes.length > 0) out.push({ source: "stdout", bytes })
              return undefined
            },
            end: () => undefined
          })
  )
