/**
 * What containers write, as streams of frames: reading and writing the engines' framing, and taking the frames apart
 * into bytes, text, lines or two streams.
 *
 * Everything here works on the arrays in which frames arrive. Nothing holds more than it says, and nothing fails
 * silently: what came before a failure is delivered before it.
 *
 * **Example** (Lines of an engine's response)
 *
 * ```ts import.meta.vitest
 * import { Effect, Stream } from "effect"
 * import { Logs } from "effect-containers"
 *
 * const response = Stream.make(
 *   Logs.encode({ source: "stdout", bytes: new TextEncoder().encode("made app\n") }),
 *   Logs.encode({ source: "stderr", bytes: new TextEncoder().encode("1 warning\n") })
 * )
 * const lines = response.pipe(Logs.decode, Logs.lines, Stream.map((line) => line.text))
 * await Effect.runPromise(Stream.runCollect(lines)) // => ["made app", "1 warning"]
 * ```
 *
 * @since 0.1.0
 */
import type * as Stream from "effect/Stream"
import type { Frame } from "./logs/frame.ts"
import { type Stage, through } from "./logs/stage.ts"
import type * as Output from "./Output.ts"

export { collect, type CollectOptions, Collector } from "./logs/collector.ts"
export { decode, type DecodeOptions, Decoder, decodeRaw, type DecodeRawOptions } from "./logs/decoder.ts"
export { encode, type Frame } from "./logs/frame.ts"
export { type Line, lines, type LinesOptions, text } from "./logs/lines.ts"
export { type Separated, separated, type SeparatedOptions } from "./logs/separated.ts"

const bytesOf = <E, R>(
  self: Stream.Stream<Frame, E, R>,
  source: Output.Source | undefined
): Stream.Stream<Uint8Array, E, R> =>
  through(self, (): Stage<Frame, Uint8Array, never> => ({
    push: (frame, out) => {
      if ((source === undefined || frame.source === source) && frame.bytes.length > 0) out.push(frame.bytes)
      return undefined
    },
    end: () => undefined
  }))

/**
 * The bytes of both sources, in order of arrival.
 *
 * **Example** (As a terminal would show it)
 *
 * ```ts import.meta.vitest
 * import { Effect, Stream } from "effect"
 * import { Logs } from "effect-containers"
 *
 * const frames = Stream.make<Array<Logs.Frame>>(
 *   { source: "stdout", bytes: Uint8Array.of(1, 2) },
 *   { source: "stderr", bytes: Uint8Array.of(3) }
 * )
 * await Effect.runPromise(Stream.runCollect(Logs.combined(frames))) // => [Uint8Array.of(1, 2), Uint8Array.of(3)]
 * ```
 *
 * @category destructors
 * @since 0.1.0
 */
export const combined = <E, R>(self: Stream.Stream<Frame, E, R>): Stream.Stream<Uint8Array, E, R> =>
  bytesOf(self, undefined)

/**
 * The bytes of standard output only. Standard error is read and dropped: use {@link separated} to have both.
 *
 * @category destructors
 * @since 0.1.0
 */
export const stdout = <E, R>(self: Stream.Stream<Frame, E, R>): Stream.Stream<Uint8Array, E, R> =>
  bytesOf(self, "stdout")

/**
 * The bytes of standard error only. Standard output is read and dropped: use {@link separated} to have both.
 *
 * @category destructors
 * @since 0.1.0
 */
export const stderr = <E, R>(self: Stream.Stream<Frame, E, R>): Stream.Stream<Uint8Array, E, R> =>
  bytesOf(self, "stderr")
