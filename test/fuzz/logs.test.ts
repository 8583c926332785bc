import { assert, describe, it } from "@effect/vitest"
import { Logs } from "effect-containers"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import { bytes, check, concat, cuts, isReason, split } from "./fuzz.ts"

/** A header of any stream, with a length that is small, or any. */
const header = fc.tuple(
  fc.constantFrom(0, 1, 2, 3, 1, 2, 1, 2, 9, 255),
  fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }))
).map(([stream, length]) => {
  const out = new Uint8Array(8)
  out[0] = stream
  new DataView(out.buffer).setUint32(4, length)
  return out
})

const timestamp = fc.constantFrom(
  "2026-01-01T00:00:00.000000001Z ",
  "2026-01-01T00:00:00Z ",
  "2026-12-31T23:59:59.999999999+23:59 ",
  "2026-02-30T00:00:00Z ",
  "not a time ",
  ""
).map((text) => new TextEncoder().encode(text))

const frame = fc.tuple(fc.constantFrom("stdout", "stderr"), timestamp, bytes(30)).map(
  ([source, time, rest]) => Logs.encode({ source: source as "stdout" | "stderr", bytes: concat([time, rest]) })
)

const wire = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: frame },
    { weight: 2, arbitrary: header },
    { weight: 1, arbitrary: bytes(20) },
    { weight: 1, arbitrary: timestamp }
  ),
  { maxLength: 12 }
).map(concat)

interface Read {
  readonly frames: ReadonlyArray<string>
  readonly failure: string | undefined
}

/** Neighbours that a cut has made of one are one again. */
const told = (frames: ReadonlyArray<Logs.Frame>): ReadonlyArray<string> => {
  const out: Array<{ key: string; hex: string }> = []
  for (const { bytes, source, timestamp } of frames) {
    const key = `${source} ${timestamp}`
    const hex = Buffer.from(bytes).toString("hex")
    const last = out.at(-1)
    if (last?.key === key) last.hex += hex
    else out.push({ key, hex })
  }
  return out.map(({ hex, key }) => `${key} ${hex}`)
}

const read = (pieces: ReadonlyArray<Uint8Array>, options: Logs.DecodeOptions): Read => {
  const decoder = new Logs.Decoder(options)
  const out: Array<Logs.Frame> = []
  let failure: unknown
  for (const piece of pieces) {
    failure = decoder.push(piece, out)
    if (failure !== undefined) break
  }
  failure ??= decoder.end()
  if (failure !== undefined) assert.isTrue(isReason(failure))
  return { frames: told(out), failure: failure instanceof Error ? failure.message : undefined }
}

describe("fuzz, the frames of output", () => {
  for (const timestamps of [false, true]) {
    const options = { timestamps, maxFrame: 64 }
    it(`any split gives the same ${timestamps ? "with times" : "frames"}`, () =>
      check(
        fc.tuple(wire, cuts),
        ([whole, at]) => assert.deepStrictEqual(read(split(whole, at), options), read([whole], options)),
        { corpus: "frames", runs: 8000 }
      ))
    it(`any split gives the same ${timestamps ? "with times, of a terminal" : "of a terminal"}`, () =>
      check(fc.tuple(wire, cuts), ([whole, at]) => {
        const decoded = (pieces: ReadonlyArray<Uint8Array>): Read => {
          const out: Array<Logs.Frame> = []
          const exit = Effect.runSyncExit(Stream.runForEach(
            Logs.decodeRaw(Stream.fromIterable(pieces, { chunkSize: 1 }), { timestamps }),
            (frame) => Effect.sync(() => out.push(frame))
          ))
          const failure = Exit.isFailure(exit) ? Exit.findErrorOption(exit) : undefined
          if (failure !== undefined) assert.isTrue(failure._tag === "Some" && isReason(failure.value))
          return {
            frames: told(out),
            failure: failure?._tag === "Some" ? failure.value.message : undefined
          }
        }
        assert.deepStrictEqual(decoded(split(whole, at)), decoded([whole]))
      }, { corpus: "terminal", runs: 2000 }))
  }
  it("what was encoded comes back", () =>
    check(
      fc.tuple(
        fc.array(fc.tuple(fc.constantFrom("stdout", "stderr"), fc.uint8Array({ minLength: 1, maxLength: 40 }))),
        cuts
      ),
      ([frames, at]) => {
        const sent = frames.map(([source, bytes]) => ({ source: source as "stdout" | "stderr", bytes }))
        const { failure, frames: got } = read(split(concat(sent.map((frame) => Logs.encode(frame))), at), {})
        assert.isUndefined(failure)
        assert.deepStrictEqual(got, told(sent))
      },
      { corpus: "encoded-frames", runs: 5000 }
    ))
})
