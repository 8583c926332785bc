import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Scope, Stream } from "effect"
import * as Errors from "effect-containers/Errors"
import * as Logs from "effect-containers/Logs"
import type * as Output from "effect-containers/Output"
import * as fc from "fast-check"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"

const utf8 = (text: string) => new TextEncoder().encode(text)
const frame = (source: Output.Source, text: string, timestamp?: bigint): Logs.Frame => ({
  source,
  bytes: utf8(text),
  ...(timestamp === undefined ? {} : { timestamp })
})
const out = (text: string) => frame("stdout", text)
const err = (text: string) => frame("stderr", text)

const concat = (pieces: ReadonlyArray<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat(pieces))
const header = (stream: number, size: number): Uint8Array => {
  const bytes = new Uint8Array(8)
  bytes[0] = stream
  new DataView(bytes.buffer).setUint32(4, size)
  return bytes
}

/** Neighbours of one source and time as one, empty ones left out: what does not depend on how bytes were cut. */
const merged = (frames: ReadonlyArray<Logs.Frame>) => {
  const all: Array<{ source: Output.Source; timestamp: bigint | undefined; hex: string }> = []
  for (const { bytes, source, timestamp } of frames) {
    if (bytes.length === 0) continue
    const last = all.at(-1)
    const hex = Buffer.from(bytes).toString("hex")
    if (last !== undefined && last.source === source && last.timestamp === timestamp) last.hex += hex
    else all.push({ source, timestamp, hex })
  }
  return all
}

const split = (bytes: Uint8Array, cuts: ReadonlyArray<number>): Array<Uint8Array> => {
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length))
}

const decodeAll = (chunks: ReadonlyArray<Uint8Array>, options?: Logs.DecodeOptions) => {
  const decoder = new Logs.Decoder(options)
  const frames: Array<Logs.Frame> = []
  for (const chunk of chunks) {
    const failure = decoder.push(chunk, frames)
    if (failure !== undefined) return { frames, failure }
  }
  return { frames, failure: decoder.end() }
}

const source = fc.constantFrom<Output.Source>("stdout", "stderr")
const anyFrame: fc.Arbitrary<Logs.Frame> = fc.record({ source, bytes: fc.uint8Array({ maxLength: 40 }) })
const timedFrame: fc.Arbitrary<Logs.Frame> = fc.record({
  source,
  bytes: fc.uint8Array({ maxLength: 40 }),
  timestamp: fc.bigInt({ min: -62_167_219_200_000_000_000n, max: 253_402_300_799_999_999_999n })
})
const cuts = fc.array(fc.nat(), { maxLength: 30 })

/** What the stream delivered, and how it ended. */
const observe = <A, E>(stream: Stream.Stream<A, E>) =>
  Effect.gen(function*() {
    const seen: Array<A> = []
    const exit = yield* Effect.exit(Stream.runForEach(stream, (value) => Effect.sync(() => seen.push(value))))
    return { seen, exit, error: Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined }
  })

const textOf = <E, R>(stream: Stream.Stream<Uint8Array, E, R>) => Stream.mkString(Stream.decodeText(stream))

// properties and real files: slow where many tests run at once
/** Any character; no half of one. */
const character = fc.nat(0x10ffff).filter((code) => code < 0xd800 || code > 0xdfff).map((code) =>
  String.fromCodePoint(code)
)

describe("Logs", { timeout: 60_000 }, () => {
  describe("Decoder", () => {
    it("gives the same frames for any split", () => {
      fc.assert(fc.property(fc.array(anyFrame), cuts, (frames, cuts) => {
        const { failure, frames: read } = decodeAll(split(concat(frames.map(Logs.encode)), cuts))
        assert.isUndefined(failure)
        assert.deepStrictEqual(merged(read), merged(frames))
      }))
    })

    it("gives the same frames and times for any split", () => {
      fc.assert(fc.property(fc.array(timedFrame), cuts, (frames, cuts) => {
        const { failure, frames: read } = decodeAll(split(concat(frames.map(Logs.encode)), cuts), { timestamps: true })
        assert.isUndefined(failure)
        assert.deepStrictEqual(merged(read), merged(frames))
      }))
    })

    it("says of every input cut short that it is", () => {
      const bytes = concat([Logs.encode(out("hello")), Logs.encode(err("you"))])
      for (let length = 0; length < bytes.length; length++) {
        const { failure, frames } = decodeAll([bytes.subarray(0, length)])
        if (length === 0 || length === 13) assert.isUndefined(failure)
        else assert.instanceOf(failure, Errors.Protocol)
        assert.strictEqual(
          concat(frames.map((frame) => frame.bytes)).length,
          Math.max(0, Math.min(5, length - 8)) + Math.max(0, length - 21)
        )
      }
    })

    it("is total: any bytes give frames or a typed failure, the same for any split", () => {
      fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), cuts, fc.boolean(), (bytes, cuts, timestamps) => {
        const whole = decodeAll([bytes], { timestamps })
        const parts = decodeAll(split(bytes, cuts), { timestamps })
        assert.deepStrictEqual(merged(parts.frames), merged(whole.frames))
        assert.strictEqual(parts.failure?.message, whole.failure?.message)
      }))
    })

    it("reads stream 0 as standard output and refuses what is no header", () => {
      assert.deepStrictEqual(decodeAll([header(0, 1), utf8("x")]).frames, [out("x")])
      for (const bad of [header(4, 1), Uint8Array.of(1, 0, 1, 0, 0, 0, 0, 0), utf8("plain text")]) {
        const { failure } = decodeAll([bad])
        assert.instanceOf(failure, Errors.Protocol)
        assert.include(failure.message, "is not the header of a frame")
      }
    })

    it("fails with the engine's own error, whole or cut, after what came before", () => {
      const bytes = concat([Logs.encode(out("a")), header(3, 9), utf8("disk lost"), Logs.encode(out("never"))])
      for (let cut = 0; cut <= bytes.length; cut++) {
        const { failure, frames } = decodeAll(split(bytes, [cut]))
        assert.instanceOf(failure, Errors.Internal)
        assert.strictEqual(failure.message, "disk lost")
        assert.deepStrictEqual(merged(frames), merged([out("a")]))
      }
      assert.strictEqual(decodeAll([header(3, 9), utf8("disk")]).failure?.message, "disk")
      assert.instanceOf(decodeAll([header(3, 0)]).failure, Errors.Internal)
    })

    it("believes no frame over the limit, and stays failed", () => {
      const decoder = new Logs.Decoder({ maxFrame: 10 })
      const frames: Array<Logs.Frame> = []
      assert.isUndefined(decoder.push(concat([header(1, 10), new Uint8Array(10)]), frames))
      const failure = decoder.push(header(1, 11), frames)
      assert.instanceOf(failure, Errors.Protocol)
      assert.strictEqual(decoder.push(Logs.encode(out("x")), frames), failure)
      assert.strictEqual(decoder.end(), failure)
      assert.strictEqual(frames.length, 1)
      assert.instanceOf(decodeAll([header(2, 0xffffffff)]).failure, Errors.Protocol)
    })

    it("takes a chunk of 20,000 frames of one byte, and empty frames", () => {
      const one = Logs.encode(out("x"))
      const { failure, frames } = decodeAll([concat(Array.from({ length: 20_000 }, () => one))])
      assert.isUndefined(failure)
      assert.strictEqual(frames.length, 20_000)
      assert.deepStrictEqual(decodeAll([header(1, 0), header(2, 0), header(1, 0)]), { frames: [], failure: undefined })
    })

    it("copies nothing", () => {
      const chunk = Logs.encode(out("hello"))
      assert.strictEqual(decodeAll([chunk]).frames[0]?.bytes.buffer, chunk.buffer)
    })
  })

  describe("timestamps", () => {
    const read = (text: string) => {
      const bytes = utf8(text)
      return decodeAll([header(1, bytes.length), bytes], { timestamps: true })
    }

    it("reads what engines write, to the nanosecond", () => {
      for (
        const [text, expected] of [
          ["1970-01-01T00:00:00Z x", 0n],
          ["2024-02-29T23:59:59.123456789Z x", 1_709_251_199_123_456_789n],
          ["2024-02-29T23:59:59.5Z x", 1_709_251_199_500_000_000n],
          ["2024-03-01T01:59:59.123456789+02:00 x", 1_709_251_199_123_456_789n],
          ["1969-12-31T23:59:59.999999999Z x", -1n]
        ] as const
      ) assert.deepStrictEqual(read(text).frames, [frame("stdout", "x", expected)])
      assert.deepStrictEqual(read("1970-01-01T00:00:00Z ").frames, [frame("stdout", "", 0n)])
    })

    it("agrees with Date on every day", () => {
      fc.assert(fc.property(fc.date({ min: new Date("0000-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59Z") }), (
        date
      ) => {
        if (Number.isNaN(date.getTime())) return
        assert.strictEqual(
          read(`${date.toISOString()} x`).frames[0]?.timestamp,
          BigInt(date.getTime()) * 1_000_000n
        )
      }))
    })

    it("refuses what is none", () => {
      for (
        const text of [
          "hello world",
          "2024-02-30T00:00:00Z x",
          "2023-02-29T00:00:00Z x",
          "2024-13-01T00:00:00Z x",
          "2024-01-01T24:00:00Z x",
          "2024-01-01T00:00:00 x",
          "2024-01-01T00:00:00.Z x",
          "2024-01-01T00:00:00.1234567890Z x",
          "2024-01-01T00:00:00Z",
          "2024-01-01T00:00:00+0200 x",
          "x".repeat(100)
        ]
      ) assert.instanceOf(read(text).failure, Errors.Protocol, text)
    })

    it.effect("of a TTY stand before each line, wherever it is cut", () =>
      Effect.gen(function*() {
        const bytes = utf8(
          "1970-01-01T00:00:01Z one\r\n1970-01-01T00:00:02.5Z \n1970-01-01T00:00:03Z three, without end"
        )
        for (let size = 1; size <= bytes.length; size++) {
          const chunks = Array.from(
            { length: Math.ceil(bytes.length / size) },
            (_, i) => bytes.subarray(i * size, (i + 1) * size)
          )
          const raw = Logs.decodeRaw(Stream.fromIterable(chunks), { timestamps: true })
          assert.deepStrictEqual(
            merged(yield* Stream.runCollect(raw)),
            merged([
              frame("stdout", "one\r\n", 1_000_000_000n),
              frame("stdout", "\n", 2_500_000_000n),
              frame("stdout", "three, without end", 3_000_000_000n)
            ])
          )
          assert.deepStrictEqual(yield* Stream.runCollect(Logs.lines(raw)), [
            { source: "stdout", text: "one", timestamp: 1_000_000_000n },
            { source: "stdout", text: "", timestamp: 2_500_000_000n },
            { source: "stdout", text: "three, without end", timestamp: 3_000_000_000n }
          ])
        }
        const bad = yield* observe(
          Stream.make(utf8("1970-01-01T00:00:01Z one\nno")).pipe(Logs.decodeRaw({ timestamps: true }))
        )
        assert.instanceOf(bad.error, Errors.Protocol)
        assert.strictEqual(bad.seen.length, 1)
      }))
  })

  describe("encode", () => {
    it("writes a frame without bytes, and moves times that RFC 3339 does not have", () => {
      assert.deepStrictEqual(Logs.encode(out("")), header(1, 0))
      for (const timestamp of [10n ** 40n, -(10n ** 40n)]) {
        assert.isUndefined(decodeAll([Logs.encode(frame("stderr", "x", timestamp))], { timestamps: true }).failure)
      }
    })

    it("cuts what no frame can hold", () => {
      const bytes = new Uint8Array(64 * 1024 * 1024 + 1)
      const { failure, frames } = decodeAll([Logs.encode({ source: "stdout", bytes })])
      assert.isUndefined(failure)
      assert.deepStrictEqual(frames.map((frame) => frame.bytes.length), [64 * 1024 * 1024, 1])
    })
  })

  describe("decode", () => {
    it.effect("delivers what came before a failure, its own or the source's", () =>
      Effect.gen(function*() {
        const good = Logs.encode(out("kept"))
        const bad = yield* observe(Logs.decode(Stream.make(concat([good, utf8("not a header")]))))
        assert.deepStrictEqual(bad.seen, [out("kept")])
        assert.instanceOf(bad.error, Errors.Protocol)
        const short = yield* observe(Logs.decode(Stream.make(good.subarray(0, 10))))
        assert.deepStrictEqual(short.seen, [out("ke")])
        assert.instanceOf(short.error, Errors.Protocol)
        // a source that fails is not also accused of having ended inside a frame
        const failed = yield* observe(
          Stream.make(good.subarray(0, 10)).pipe(Stream.concat(Stream.fail("gone")), Logs.decode)
        )
        assert.deepStrictEqual(failed.seen, [out("ke")])
        assert.strictEqual(failed.error, "gone")
      }))

    it.effect("can be run twice", () =>
      Effect.gen(function*() {
        const stream = Logs.decode(Stream.make(...split(Logs.encode(out("hello")), [3])))
        for (let i = 0; i < 2; i++) assert.deepStrictEqual(yield* Stream.runCollect(stream), [out("hello")])
      }))

    it.effect("without framing, everything is standard output", () =>
      Effect.gen(function*() {
        const raw = Stream.make(utf8("a"), utf8(""), utf8("b")).pipe(Logs.decodeRaw)
        assert.deepStrictEqual(yield* Stream.runCollect(raw), [out("a"), out("b")])
      }))
  })

  describe("filters", () => {
    it.effect("take one side, or both in order", () =>
      Effect.gen(function*() {
        const frames = Stream.make(out("a"), err("b"), out(""), out("c")).pipe(Stream.rechunk(1))
        assert.strictEqual(yield* textOf(Logs.stdout(frames)), "ac")
        assert.strictEqual(yield* textOf(Logs.stderr(frames)), "b")
        assert.strictEqual(yield* textOf(Logs.combined(frames)), "abc")
      }))
  })

  describe("text and lines", () => {
    const piece = fc.tuple(source, fc.uint8Array({ maxLength: 30 }))
    const string = fc.string({ unit: character, maxLength: 40 })

    it.effect("text is right however characters are cut", () =>
      Effect.promise(() =>
        fc.assert(fc.asyncProperty(string, cuts, fc.integer({ min: 1, max: 4 }), async (text, cuts, chunk) => {
          const bytes = utf8(text)
          const frames = split(bytes, cuts).flatMap((bytes) => [{ source: "stdout" as const, bytes }, err("")])
          const read = Stream.fromIterable(frames, { chunkSize: chunk }).pipe(Logs.text, Stream.mkString)
          assert.strictEqual(await Effect.runPromise(read), new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes))
        }))
      ))

    it.effect("lines are those of the whole text of a source, whatever the bytes and cuts", () =>
      Effect.promise(() =>
        fc.assert(fc.asyncProperty(fc.array(piece), fc.integer({ min: 1, max: 4 }), async (pieces, chunkSize) => {
          const frames = pieces.map(([source, bytes]) => ({ source, bytes: bytes.map((b) => b < 40 ? 10 : b) }))
          const stream = Stream.fromIterable(frames, { chunkSize })
          const lines = await Effect.runPromise(Stream.runCollect(Logs.lines(stream)))
          for (const source of ["stdout", "stderr"] as const) {
            const mine = frames.filter((frame) => frame.source === source).map((frame) => frame.bytes)
            const whole = new TextDecoder("utf-8", { ignoreBOM: true }).decode(concat(mine)).split(/\r?\n/)
            if (whole.at(-1) === "") whole.pop()
            assert.deepStrictEqual(lines.filter((line) => line.source === source).map((line) => line.text), whole)
          }
        }))
      ))

    it.effect("a return and a newline that are cut apart are one end", () =>
      Effect.gen(function*() {
        const frames = Stream.make(out("a\r"), err("b\r\n"), out("\nc\rd\n\r\n"), out("e\r"))
        const lines = yield* Stream.runCollect(Logs.lines(frames))
        assert.deepStrictEqual(lines.map((line) => line.text), ["b", "a", "c\rd", "", "e\r"])
      }))

    it.effect("a line of 4 MiB is one line, and one over the limit comes in pieces", () =>
      Effect.gen(function*() {
        const part = "é".repeat(4096)
        const long = Stream.fromIterable(Array.from({ length: 512 }, () => out(part)), { chunkSize: 7 }).pipe(
          Stream.concat(Stream.make(out("\nnext\n")))
        )
        const whole = yield* Stream.runCollect(Logs.lines(long))
        assert.deepStrictEqual(whole.map((line) => line.text.length), [512 * 4096, 4])
        assert.isUndefined(whole[0]?.partial)
        const pieces = yield* Stream.runCollect(Logs.lines(long, { maxLength: 1_000_000 }))
        assert.deepStrictEqual(pieces.map((line) => line.partial ?? false), [true, true, false, false])
        assert.strictEqual(pieces.slice(0, -1).map((line) => line.text).join(""), part.repeat(512))
      }))

    it.effect("the unfinished line comes before the failure", () =>
      Effect.gen(function*() {
        const { error, seen } = yield* observe(
          Stream.make(out("one\ntwo")).pipe(Stream.concat(Stream.fail("gone")), Logs.lines)
        )
        assert.deepStrictEqual(seen.map((line) => line.text), ["one", "two"])
        assert.strictEqual(error, "gone")
      }))
  })

  it.effect("what is made of a large array is given in small ones", () =>
    Effect.gen(function*() {
      const pieces = Array.from(
        { length: 100 },
        () => concat(Array.from({ length: 60 }, () => Logs.encode(out("a\n"))))
      )
      const sizes: Array<number> = []
      yield* Stream.runForEachArray(
        Logs.decode(Stream.fromArray(pieces)).pipe(Logs.lines),
        (lines) => Effect.sync(() => sizes.push(lines.length))
      )
      assert.strictEqual(sizes.reduce((sum, size) => sum + size, 0), 6000)
      assert.isBelow(Math.max(...sizes), 400)
    }))

  describe("collect", () => {
    it.effect("keeps the last bytes and counts the others", () =>
      Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(
            fc.array(fc.record({ source, bytes: fc.uint8Array({ maxLength: 9000 }) }), { maxLength: 12 }),
            fc.option(fc.oneof(fc.nat(20), fc.nat(30_000)), { nil: undefined }),
            fc.integer({ min: 1, max: 12 }),
            async (frames, limit, chunkSize) => {
              const arriving = Stream.fromIterable(frames, { chunkSize })
              const output = await Effect.runPromise(Logs.collect(arriving, { limit }))
              const whole = concat(frames.map((frame) => frame.bytes))
              const kept = limit === undefined ? whole : whole.subarray(Math.max(0, whole.length - limit))
              assert.deepStrictEqual(output.combined, new Uint8Array(kept))
              assert.strictEqual(output.dropped + kept.length, whole.length)
              assert.isTrue(output.pieces.every((piece, i) => piece.source !== output.pieces[i - 1]?.source))
              const sources = frames.flatMap((frame) => Array.from(frame.bytes, () => frame.source))
              const keptSources = output.pieces.flatMap((piece) => Array.from(piece.bytes, () => piece.source))
              assert.deepStrictEqual(keptSources, sources.slice(sources.length - keptSources.length))
            }
          ),
          { numRuns: 120 }
        )
      ))

    it("does not take more memory than its limit and a quarter more, whatever comes", () => {
      const allocated: Array<number> = []
      const original = globalThis.Uint8Array
      globalThis.Uint8Array = new Proxy(original, {
        construct: (target, given: [number]) => {
          allocated.push(given[0])
          return Reflect.construct(target, given)
        }
      })
      try {
        const collector = new Logs.Collector({ limit: 65_536 })
        for (const size of [1, 80, 4096, 32_768, 65_536, 100_000]) {
          const frame = { source: "stdout" as const, bytes: new original(size) }
          for (let i = 0; i < 200; i++) collector.pushAll([frame, frame, frame])
        }
      } finally {
        globalThis.Uint8Array = original
      }
      assert.isAtMost(allocated.reduce((sum, size) => sum + size, 0), 65_536 * 1.25)
    })

    it("keeps no chunk alive and is not changed by what comes later", () => {
      const chunk = new Uint8Array(65_536).fill(97)
      const collector = new Logs.Collector()
      collector.push({ source: "stdout", bytes: chunk.subarray(0, 1) })
      const before = collector.output()
      chunk.fill(98)
      collector.push({ source: "stdout", bytes: chunk.subarray(0, 1) })
      assert.strictEqual(before.text, "a")
      assert.strictEqual(collector.output().text, "ab")
    })

    it("forgets with a limit of 0, and goes on after it forgot everything", () => {
      const collector = new Logs.Collector({ limit: 0 })
      for (let i = 0; i < 5000; i++) collector.push(i % 2 === 0 ? out("ab") : err("c"))
      assert.deepStrictEqual(collector.output().pieces, [])
      assert.strictEqual(collector.output().dropped, 7500)
      const two = new Logs.Collector({ limit: 2 })
      for (let i = 0; i < 5000; i++) two.push(i % 2 === 0 ? out("abc") : err("d"))
      assert.strictEqual(two.output().text, "cd")
    })
  })

  describe("separated", () => {
    const large = (n: number): Array<Logs.Frame> =>
      Array.from({ length: n }, (_, i) => ({
        source: i % 3 === 0 ? "stderr" as const : "stdout" as const,
        bytes: new Uint8Array(50_000).fill(i)
      }))
    const side = (frames: ReadonlyArray<Logs.Frame>, source: Output.Source) =>
      concat(frames.filter((frame) => frame.source === source).map((frame) => frame.bytes))

    for (const order of ["stdout first", "stderr first", "both at once"] as const) {
      for (const memoryLimit of [0, 200_000, undefined]) {
        it.live(
          `gives both sides whole, ${order}, memory ${memoryLimit ?? "by default"}`,
          () =>
            Effect.gen(function*() {
              const frames = large(60)
              const { stderr, stdout } = yield* Logs.separated(Stream.fromIterable(frames, { chunkSize: 5 }), {
                memoryLimit
              })
              const all = <E>(stream: Stream.Stream<Uint8Array, E>) => Effect.map(Stream.runCollect(stream), concat)
              const [o, e] = order === "both at once"
                ? yield* Effect.all([all(stdout), all(stderr)], { concurrency: 2 })
                : order === "stdout first"
                ? [yield* all(stdout), yield* all(stderr)]
                : yield* Effect.map(
                  Effect.flatMap(all(stderr), (e) => Effect.map(all(stdout), (o) => [o, e] as const)),
                  (pair) => pair
                )
              assert.isTrue(Buffer.from(side(frames, "stdout")).equals(o))
              assert.isTrue(Buffer.from(side(frames, "stderr")).equals(e))
            }),
          60_000
        )
      }
    }

    it.live("switches between memory and file any number of times", () =>
      Effect.gen(function*() {
        const frames = Array.from({ length: 100 }, (_, i) => [err(`${i},`), out("x")]).flat()
        const { stderr, stdout } = yield* Logs.separated(Stream.fromIterable(frames, { chunkSize: 2 }), {
          memoryLimit: 16
        })
        const slow = Stream.rechunk(stdout, 1).pipe(Stream.mapEffect((bytes) => Effect.as(Effect.yieldNow, bytes)))
        const erratic = Stream.rechunk(stderr, 1).pipe(
          Stream.mapEffect((bytes) =>
            bytes.length % 3 === 0 ? Effect.as(Effect.sleep(2), bytes) : Effect.succeed(bytes)
          )
        )
        const [o, e] = yield* Effect.all([textOf(slow), textOf(erratic)], { concurrency: 2 })
        assert.strictEqual(o, "x".repeat(100))
        assert.strictEqual(e, frames.filter((f) => f.source === "stderr").map((_, i) => `${i},`).join(""))
      }))

    it.live("keeps a file that only its owner can open, and leaves none behind", () =>
      Effect.gen(function*() {
        const directory = yield* Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "separated-")))
        const scope = yield* Scope.make()
        const { stdout } = yield* Logs.separated(Stream.fromIterable(large(100)), { memoryLimit: 1000, directory })
          .pipe(Scope.provide(scope))
        assert.strictEqual(
          concat(yield* Stream.runCollect(stdout)).length,
          side(large(100), "stdout").length
        )
        const open = yield* Effect.promise(() => Fs.readdir(directory))
        if (process.platform !== "win32") assert.deepStrictEqual(open, [])
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(yield* Effect.promise(() => Fs.readdir(directory)), [])
        yield* Effect.promise(() => Fs.rmdir(directory))
      }))

    it.live(
      "fails the side that cannot be kept, after what could, and the other goes on",
      () =>
        Effect.gen(function*() {
          const frames = [err("kept"), out("1"), err("lost".repeat(10)), out("2"), err("late"), out("3")]
          const { stderr, stdout } = yield* Logs.separated(Stream.fromIterable(frames, { chunkSize: 1 }), {
            memoryLimit: 10,
            directory: "/nonexistent/directory"
          })
          assert.strictEqual(yield* textOf(stdout), "123")
          const { error, seen } = yield* observe(stderr)
          assert.strictEqual(Buffer.concat(seen).toString(), "kept")
          assert.instanceOf(error, Errors.ResourceExhausted)
          assert.strictEqual(error.code, "ENOENT")
        }),
      60_000
    )

    it.effect("gives the source's failure to both sides, after what came before", () =>
      Effect.gen(function*() {
        const { stderr, stdout } = yield* Stream.make(out("a"), err("b")).pipe(
          Stream.concat(Stream.fail("gone")),
          Logs.separated
        )
        for (const [stream, text] of [[stdout, "a"], [stderr, "b"]] as const) {
          const { error, seen } = yield* observe(stream)
          assert.strictEqual(Buffer.concat(seen).toString(), text)
          assert.strictEqual(error, "gone")
        }
      }))

    it.effect("needs nobody to read the other side, and forgets a side that was stopped", () =>
      Effect.gen(function*() {
        const { stderr, stdout } = yield* Logs.separated(
          Stream.fromIterable(large(300), { chunkSize: 1 }),
          { memoryLimit: 0, directory: "/nonexistent/directory" }
        )
        assert.strictEqual((yield* Stream.runCollect(Stream.take(stderr, 1))).length, 1)
        // had standard error been kept, it could not have been
        assert.strictEqual((yield* Stream.runCollect(stdout)).length, 200)
      }))

    it.effect("reads nothing before it is asked", () =>
      Effect.gen(function*() {
        let pulled = 0
        const source = Stream.fromIterable([out("a"), out("b")], { chunkSize: 1 }).pipe(
          Stream.tap(() => Effect.sync(() => pulled++))
        )
        const { stdout } = yield* Logs.separated(source)
        yield* Effect.yieldNow
        assert.strictEqual(pulled, 0)
        yield* Stream.runDrain(stdout)
        assert.strictEqual(pulled, 2)
      }))

    it.effect("lets each side be run once", () =>
      Effect.gen(function*() {
        const { stdout } = yield* Logs.separated(Stream.make(out("a")))
        assert.strictEqual(yield* textOf(stdout), "a")
        assert.instanceOf(yield* Effect.flip(Stream.runDrain(stdout)), Errors.Conflict)
      }))

    it.effect("stops with its scope: the source is closed and nobody waits for ever", () =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const closed = yield* Deferred.make<void>()
        const source = Stream.make(out("a")).pipe(
          Stream.concat(Stream.never),
          Stream.ensuring(Deferred.succeed(closed, undefined))
        )
        const { stderr } = yield* Logs.separated(source).pipe(Scope.provide(scope))
        const reader = yield* Effect.forkChild(Stream.runDrain(stderr), { startImmediately: true })
        yield* Effect.yieldNow
        yield* Scope.close(scope, Exit.void)
        yield* Deferred.await(closed)
        const exit = yield* Fiber.await(reader)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
      }))

    it.effect("a reader that is interrupted takes nothing from the other", () =>
      Effect.gen(function*() {
        const go = yield* Deferred.make<void>()
        const source = Stream.fromEffect(Deferred.await(go)).pipe(
          Stream.flatMap(() => Stream.make(out("a"), err("b"), out("c")))
        )
        const { stderr, stdout } = yield* Logs.separated(source)
        const reader = yield* Effect.forkChild(Stream.runDrain(stderr), { startImmediately: true })
        yield* Effect.yieldNow
        yield* Fiber.interrupt(reader)
        yield* Deferred.succeed(go, undefined)
        assert.strictEqual(yield* textOf(stdout), "ac")
      }))
  })
})
