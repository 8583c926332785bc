import { join } from "node:path"
import type { Source } from "../../../Output.ts"

/**
 * How the output of a container is kept. A container's logger imports this: whatever this imports takes memory of every
 * container that has one.
 */

export const sources: readonly [Source, Source] = ["stdout", "stderr"]

/**
 * The kept output of a container: two files that grow, and a third one that says in which order and when they did.
 * Standard output and standard error are appended to by the container's shim, and what writes down order and times is
 * whoever started it, as long as that lives; of a container that is to outlive it, its logger does both. What grew unseen
 * comes at the end, standard output first.
 */
export interface Log {
  /** Of a terminal this is all. */
  readonly stdout: string
  readonly stderr: string
  readonly order: string
  readonly folder: string
}

export const paths = (folder: string): Log => ({
  stdout: join(folder, "log", "stdout"),
  stderr: join(folder, "log", "stderr"),
  // Not among those that are watched: writing it would wake who writes it.
  order: join(folder, "order"),
  folder: join(folder, "log")
})

/** Until which byte a file had grown at a time, in milliseconds since the epoch. */
export interface Entry {
  readonly source: Source
  readonly time: number
  readonly size: number
}

/** How many bytes of a source could not be written between what came before and what comes after. */
export interface Lost {
  readonly source: Source
  readonly lost: number
}

/** The length of each: bytes. */
export const entryLength = 17

/** Added to that of a source. */
const lost = 2
const begun = 254
const end = 255

/** The last time that a `Date` can be. */
const latest = 8.64e15

const entry = (code: number, time: number, size: number): Uint8Array => {
  const bytes = new Uint8Array(entryLength)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, code)
  view.setFloat64(1, time)
  view.setFloat64(9, size)
  return bytes
}

/** `"begun"`: a logger of the container's own keeps this; `"end"`: nothing comes any more. */
export const encode = (source: Source | "begun" | "end", time: number, size: number): Uint8Array =>
  entry(source === "end" ? end : source === "begun" ? begun : sources.indexOf(source), time, size)

export const encodeLost = (source: Source, time: number, bytes: number): Uint8Array =>
  entry(lost + sources.indexOf(source), time, bytes)

/** `undefined`: what nobody has written, after a crash of the machine for one. */
export const decode = (bytes: Uint8Array, at: number): Entry | Lost | "begun" | "end" | undefined => {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, entryLength)
  const code = view.getUint8(0)
  if (code === end) return "end"
  if (code === begun) return "begun"
  const time = view.getFloat64(1)
  const size = view.getFloat64(9)
  const isSound = time >= 0 && time <= latest && Number.isSafeInteger(size)
  const source = sources[code]
  if (source !== undefined) return isSound ? { source, time, size } : undefined
  const less = sources[code - lost]
  return less !== undefined && isSound && size > 0 ? { source: less, lost: size } : undefined
}

let origin = performance.timeOrigin

/** Milliseconds since the epoch, to the microsecond; it follows when the clock is set. */
export const now = (): number => {
  const time = origin + performance.now()
  const off = Date.now() - time
  if (Math.abs(off) < 50) return time
  origin += off
  return time + off
}
