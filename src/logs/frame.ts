import type * as Output from "../Output.ts"

/**
 * A piece of what a container wrote, in order of arrival. A frame is whatever one read delivered: it may hold half a line
 * or many.
 *
 * `bytes` is a view of the chunk that it came in and keeps that chunk alive: copy what is to be kept. `timestamp` is in
 * nanoseconds since the epoch and is there only when timestamps were asked for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Frame {
  readonly source: Output.Source
  readonly bytes: Uint8Array
  readonly timestamp?: bigint | undefined
}

/** The header of a stdcopy frame: `[stream, 0, 0, 0, length, length, length, length]`, the length big-endian. */
export const HEADER = 8

/** Longer than any RFC 3339 timestamp with nanoseconds and offset (35 bytes). */
const LONGEST_TIMESTAMP = 40

export const SPACE = 0x20
export const NEWLINE = 0x0a

const number = (bytes: Uint8Array, from: number, digits: number): number => {
  let value = 0
  for (let i = from; i < from + digits; i++) {
    const digit = bytes[i]! - 48
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    value = value * 10 + digit
  }
  return value
}

/** Days since 1970-01-01 in the proleptic Gregorian calendar, with years that begin in March. */
const days = (year: number, month: number, day: number): number => {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const ofEra = y - era * 400
  const ofYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  return era * 146_097 + ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear - 719_468
}

const daysInMonth = (year: number, month: number): number =>
  month === 2
    ? (year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28)
    : month === 4 || month === 6 || month === 9 || month === 11
    ? 30
    : 31

const within = (value: number, low: number, high: number): boolean => value >= low && value <= high

/** Reads `[from, to)` as an RFC 3339 timestamp: nanoseconds since the epoch, `undefined` when it is not one. */
export const parseTimestamp = (b: Uint8Array, from: number, to: number): bigint | undefined => {
  if (to - from < 20 || to - from > LONGEST_TIMESTAMP) return undefined
  if (
    b[from + 4] !== 45 || b[from + 7] !== 45 || b[from + 10] !== 84 || b[from + 13] !== 58 || b[from + 16] !== 58
  ) return undefined
  const year = number(b, from, 4)
  const month = number(b, from + 5, 2)
  const day = number(b, from + 8, 2)
  const hour = number(b, from + 11, 2)
  const minute = number(b, from + 14, 2)
  const second = number(b, from + 17, 2)
  if (
    !within(year, 0, 9999) || !within(month, 1, 12) || !within(day, 1, daysInMonth(year, month)) ||
    !within(hour, 0, 23) || !within(minute, 0, 59) || !within(second, 0, 59)
  ) return undefined
  let at = from + 19
  let nanos = 0
  if (b[at] === 46) {
    const start = ++at
    while (at < to && b[at]! >= 48 && b[at]! <= 57) at++
    const digits = at - start
    if (digits < 1 || digits > 9) return undefined
    nanos = number(b, start, digits) * 10 ** (9 - digits)
  }
  let offset = 0
  if (b[at] === 90) {
    if (at + 1 !== to) return undefined
  } else {
    const sign = b[at] === 43 ? 1 : b[at] === 45 ? -1 : 0
    if (sign === 0 || at + 6 !== to || b[at + 3] !== 58) return undefined
    const hours = number(b, at + 1, 2)
    const minutes = number(b, at + 4, 2)
    if (!within(hours, 0, 23) || !within(minutes, 0, 59)) return undefined
    offset = sign * (hours * 3600 + minutes * 60)
  }
  const seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanos)
}

const FIRST_SECOND = -62_167_219_200n
const LAST_SECOND = 253_402_300_799n

/** The way in which the engines write it: always nine digits, always UTC. Years outside 0 to 9999 are moved to the nearest one inside. */
export const formatTimestamp = (nanoseconds: bigint): string => {
  let seconds = nanoseconds / 1_000_000_000n
  let nanos = nanoseconds % 1_000_000_000n
  if (nanos < 0n) {
    nanos += 1_000_000_000n
    seconds -= 1n
  }
  if (seconds < FIRST_SECOND) seconds = FIRST_SECOND
  if (seconds > LAST_SECOND) seconds = LAST_SECOND
  const date = new Date(Number(seconds) * 1000).toISOString().slice(0, 19)
  return `${date}.${nanos.toString().padStart(9, "0")}Z`
}

/** Reads the timestamp that stands before a line or frame, wherever chunks may cut it. */
export class TimestampReader {
  readonly #held = new Uint8Array(LONGEST_TIMESTAMP + 1)
  #have = 0
  /** The timestamp that was read last. */
  value: bigint | undefined = undefined

  /** Whether a timestamp has begun and not ended. */
  get cut(): boolean {
    return this.#have > 0
  }

  /**
   * Reads on from `from`. The index after the space that ends the timestamp; -1 when `to` came first; -2 when this is no
   * timestamp.
   */
  read(chunk: Uint8Array, from: number, to: number): number {
    if (this.#have === 0) {
      const end = Math.min(to, from + LONGEST_TIMESTAMP + 1)
      let i = from + 19
      while (i < end && chunk[i] !== SPACE) i++
      if (i < end) {
        this.value = parseTimestamp(chunk, from, i)
        return this.value === undefined ? -2 : i + 1
      }
    }
    for (let i = from; i < to; i++) {
      if (chunk[i] === SPACE) {
        this.value = parseTimestamp(this.#held, 0, this.#have)
        this.#have = 0
        return this.value === undefined ? -2 : i + 1
      }
      if (this.#have === LONGEST_TIMESTAMP) return -2
      this.#held[this.#have++] = chunk[i]!
    }
    return -1
  }
}

/** The most that {@link encode} puts into one frame; what the decoder takes by default. */
export const MAX_FRAME = 64 * 1024 * 1024

/**
 * Writes a frame as engines send it (stdcopy): an 8-byte header, `[1 or 2, 0, 0, 0, length as 32 bit big-endian]`, then
 * the bytes. A frame with a `timestamp` gets it in front of its bytes, as RFC 3339 with nanoseconds and a space; decode
 * it with `timestamps: true`. What is longer than 64 MiB is written as several frames.
 *
 * **Example** (A frame of standard error)
 *
 * ```ts import.meta.vitest
 * import { Logs } from "effect-containers"
 *
 * const bytes = new TextEncoder().encode("hi")
 * Array.from(Logs.encode({ source: "stderr", bytes })) // => [2, 0, 0, 0, 0, 0, 0, 2, 104, 105]
 * ```
 *
 * @category codecs
 * @since 0.1.0
 */
export const encode = (frame: Frame): Uint8Array => {
  const prefix = frame.timestamp === undefined
    ? new Uint8Array(0)
    : new TextEncoder().encode(`${formatTimestamp(frame.timestamp)} `)
  const most = MAX_FRAME - prefix.length
  const pieces = Math.max(1, Math.ceil(frame.bytes.length / most))
  const out = new Uint8Array(frame.bytes.length + pieces * (HEADER + prefix.length))
  const view = new DataView(out.buffer)
  let at = 0
  for (let piece = 0; piece < pieces; piece++) {
    const bytes = frame.bytes.subarray(piece * most, (piece + 1) * most)
    out[at] = frame.source === "stdout" ? 1 : 2
    view.setUint32(at + 4, prefix.length + bytes.length)
    out.set(prefix, at + HEADER)
    out.set(bytes, at + HEADER + prefix.length)
    at += HEADER + prefix.length + bytes.length
  }
  return out
}
