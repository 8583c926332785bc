/**
 * Frames taken apart, by a loop that does no more than it must, by this library, and by the others. Each is given the same
 * pieces over and over, until enough processor time has passed to be told from nothing.
 */
import { demultiplexStream } from "@docker/node-sdk"
import Dockerode from "dockerode"
import { Logs } from "effect-containers"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { EventEmitter } from "node:events"
import { fragments, frames } from "../engine/frames.ts"
import { own } from "../measure/usage.ts"
import { Lines, Walker } from "./loop.ts"

type Pieces = ReadonlyArray<Uint8Array>

/** Takes all pieces apart and gives what it counted: so nothing can be left out. */
type Way = (pieces: Pieces) => number | Promise<number>

/** A sink that counts. Not a stream, where that is enough: the cheapest that there can be. */
const counting = () => {
  const count = { bytes: 0, write: (chunk: Uint8Array): boolean => (count.bytes += chunk.length, true) }
  return count
}

const batches = (pieces: Pieces, size: number): ReadonlyArray<Pieces> =>
  Array.from({ length: Math.ceil(pieces.length / size) }, (_, n) => pieces.slice(n * size, (n + 1) * size))

/** As they arrive: what has come since the last look, 256 KiB at most, as one array. A socket is one pull, too. */
const arriving = (pieces: Pieces): Stream.Stream<Uint8Array> =>
  Stream.fromPull(Effect.sync(() => {
    const left = batches(pieces, Math.max(1, Math.floor(262144 / (pieces[0]?.length ?? 1)))).values()
    return Effect.suspend(() => {
      const { value } = left.next()
      return value !== undefined && Arr.isReadonlyArrayNonEmpty(value) ? Effect.succeed(value) : Cause.done()
    })
  }))

/** What it asks of what it is given, which is less than a stream. */
interface Demux {
  demuxStream(from: EventEmitter, stdout: ReturnType<typeof counting>, stderr: ReturnType<typeof counting>): void
}

const modem = new Dockerode({ socketPath: "/" }).modem as object as Demux

export const ways: Readonly<Record<string, Way>> = {
  "demux: loop": (pieces) => {
    const walker = new Walker()
    let bytes = 0
    const take = (_: number, payload: Uint8Array) => {
      bytes += payload.length
    }
    for (const piece of pieces) walker.push(piece, take)
    return bytes
  },
  "demux: Logs.Decoder": (pieces) => {
    const decoder = new Logs.Decoder()
    let bytes = 0
    for (const piece of pieces) {
      const out: Array<Logs.Frame> = []
      decoder.push(piece, out)
      for (let n = 0; n < out.length; n++) bytes += out[n]!.bytes.length
    }
    return bytes
  },
  "demux: Logs.decode": (pieces) => {
    let bytes = 0
    return Effect.runPromise(Effect.map(
      Stream.runForEachArray(Logs.decode(arriving(pieces)), (out) => {
        for (let n = 0; n < out.length; n++) bytes += out[n]!.bytes.length
        return Effect.void
      }),
      () => bytes
    ))
  },
  "demux: dockerode": (pieces) => {
    const from = new EventEmitter()
    const [stdout, stderr] = [counting(), counting()]
    modem.demuxStream(from, stdout, stderr)
    for (const piece of pieces) from.emit("data", piece)
    return stdout.bytes + stderr.bytes
  },
  "demux: @docker/node-sdk": async (pieces) => {
    const [stdout, stderr] = [counting(), counting()]
    const to = demultiplexStream(stdout, stderr)
    for (const piece of pieces) to.write(piece)
    await new Promise<void>((done) => to.end(done))
    return stdout.bytes + stderr.bytes
  },
  "text: loop": (pieces) => {
    let count = 0
    const lines = new Lines((text) => {
      count += text.length
    })
    const walker = new Walker()
    for (const piece of pieces) walker.push(piece, (source, payload) => lines.push(source, payload))
    lines.end()
    return count
  },
  "text: Logs.lines": (pieces) => {
    let count = 0
    return Effect.runPromise(Effect.map(
      Stream.runForEachArray(Logs.lines(Logs.decode(arriving(pieces))), (lines) => {
        for (let n = 0; n < lines.length; n++) count += lines[n]!.text.length
        return Effect.void
      }),
      () => count
    ))
  }
}

export const make = () => ({
  /** MiB a second of processor time, and what one round of it counted. */
  rate: async (name: string, frame: number, chunk: number, total: number, least: number) => {
    const way = ways[name]
    if (way === undefined) throw new Error(`no way is called ${name}`)
    const pieces = fragments(frames(frame, total), chunk)
    const size = pieces.reduce((sum, piece) => sum + piece.length, 0)
    const counted = await way(pieces)
    const begun = own()
    let rounds = 0
    let used = 0
    while (used < least) {
      await way(pieces)
      rounds++
      used = own() - begun
    }
    return { rate: rounds * size / 1048576 / (used / 1000), counted }
  }
})
