import type * as Stream from "effect/Stream"
import type { Frame } from "../../Logs.ts"
import { type Stage, through } from "../../logs/stage.ts"

/** How far one of the two outputs was read. */
interface Mark {
  /** Of the last frame. */
  readonly time: bigint
  /** Bytes of frames of this very time. */
  readonly size: number
  /** Bytes since the beginning. */
  readonly total: number
}

/** Two outputs' lines may be stored in another order than that of their times, within so many nanoseconds. */
const margin = 10_000_000_000n

/**
 * How far a log was read that is to be read on by another request. The frames of each output are in the order of their
 * times, unless the clock of their machine was set back: then the log is read again from its beginning.
 */
export class Position {
  readonly #marks = new Map<Frame["source"], Mark>()
  #isOrdered = true

  take({ bytes, source, timestamp = 0n }: Frame): void {
    const mark = this.#marks.get(source) ?? { time: timestamp, size: 0, total: 0 }
    if (timestamp < mark.time) this.#isOrdered = false
    this.#marks.set(source, {
      time: timestamp,
      size: (mark.time === timestamp ? mark.size : 0) + bytes.length,
      total: mark.total + bytes.length
    })
  }

  /** From when on it has to be read again, in nanoseconds; `undefined`: from its beginning. */
  get since(): bigint | undefined {
    const [first, ...others] = [...this.#marks.values()].map(({ time }) => time)
    if (first === undefined || !this.#isOrdered) return undefined
    return others.reduce((a, b) => a > b ? a : b, first) - margin
  }

  /** Of frames from {@link since} on, what was not taken yet. */
  rest<E>(frames: Stream.Stream<Frame, E>): Stream.Stream<Frame, E> {
    return through(frames, (): Stage<Frame, Frame, never> => {
      const isOrdered = this.#isOrdered
      const marks = new Map(this.#marks)
      const left = new Map([...marks].map(([source, { size, total }]) => [source, isOrdered ? size : total] as const))
      const untaken = (frame: Frame): Frame | undefined => {
        const { bytes, source, timestamp = 0n } = frame
        const mark = marks.get(source)
        if (mark === undefined || isOrdered && timestamp > mark.time) return frame
        if (isOrdered && timestamp < mark.time) return undefined
        const skipped = Math.min(left.get(source) ?? 0, bytes.length)
        left.set(source, (left.get(source) ?? 0) - skipped)
        return skipped === bytes.length ? undefined : { ...frame, bytes: bytes.subarray(skipped) }
      }
      return {
        push: (frame, out) => {
          const rest = untaken(frame)
          if (rest !== undefined) out.push(rest)
          return undefined
        },
        end: () => undefined
      }
    })
  }
}
