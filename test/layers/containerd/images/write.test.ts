import { assert, describe, it } from "@effect/vitest"
import { makeWrite, type WriteOptions } from "effect-containers/layers/containerd/images/write"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import { digestOf, FakeContent } from "./fake.ts"

const MiB = 1024 * 1024

const filled = (size: number, seed = 1) => {
  const bytes = Buffer.alloc(size)
  for (let i = 0; i < size; i += 97) bytes[i] = (i * seed) % 251
  return bytes
}

/** From `offset` on, in pieces. */
const pieces = (bytes: Uint8Array, offset: number, size: number) => {
  const out: Array<Uint8Array> = []
  for (let at = offset; at < bytes.length; at += size) out.push(bytes.subarray(at, Math.min(at + size, bytes.length)))
  return Stream.fromIterable(out)
}

const writing = (bytes: Buffer, options: Partial<WriteOptions<never>> = {}): WriteOptions<never> => ({
  operation: "test",
  lease: "lease",
  ref: `layer-${digestOf(bytes)}`,
  digest: digestOf(bytes),
  size: bytes.length,
  labels: { a: "1" },
  open: (offset) => pieces(bytes, offset, 65_521),
  ...options
})

describe("writing a blob", () => {
  it.live("whatever its size and its pieces, it is there as it was", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc.oneof(fc.nat(2000), fc.integer({ min: MiB - 2, max: MiB + 2 }), fc.integer({ min: 1, max: 7 * MiB })),
          fc.integer({ min: 1000, max: 2 * MiB }),
          fc.boolean(),
          async (size, piece, isKnown) => {
            const content = new FakeContent()
            const bytes = filled(size)
            const written = await Effect.runPromise(
              makeWrite(content.channel)(writing(bytes, {
                ...(isKnown ? {} : { digest: undefined }),
                open: (offset) => pieces(bytes, offset, piece)
              }))
            )
            assert.deepStrictEqual(written, { digest: digestOf(bytes), existed: false })
            const blob = content.blobs.get(digestOf(bytes))
            assert.isTrue(blob?.bytes.equals(bytes))
            assert.deepStrictEqual({ ...blob?.labels }, { a: "1" })
            assert.isAtMost(content.ahead, 4)
            assert.strictEqual(content.ingests.size, 0)
          }
        ),
        { numRuns: 8 }
      )
    ))

  it.live("what is there is not asked for", () =>
    Effect.gen(function*() {
      const content = new FakeContent()
      const write = makeWrite(content.channel)
      const bytes = filled(9 * MiB)
      yield* write(writing(bytes))
      const again = yield* write(writing(bytes, { open: () => Stream.die("asked for") }))
      assert.deepStrictEqual(again, { digest: digestOf(bytes), existed: true })
      const unknown = yield* write(writing(bytes, { ref: "other", digest: undefined }))
      assert.deepStrictEqual(unknown, { digest: digestOf(bytes), existed: true })
    }))

  it.live("goes on where another one has stopped", () =>
    Effect.gen(function*() {
      const content = new FakeContent()
      const bytes = filled(9 * MiB)
      const options = writing(bytes)
      content.ingests.set(options.ref, { bytes: bytes.subarray(0, 3 * MiB), isOpen: false, movedAt: 0 })
      const offsets: Array<number> = []
      yield* makeWrite(content.channel)({
        ...options,
        open: (offset) => {
          offsets.push(offset)
          return options.open(offset)
        }
      })
      assert.deepStrictEqual(offsets, [3 * MiB])
      assert.isTrue(content.blobs.get(digestOf(bytes))?.bytes.equals(bytes))
    }))

  it.live("begins again when that was something else", () =>
    Effect.gen(function*() {
      const content = new FakeContent()
      const bytes = filled(9 * MiB)
      for (const left of [filled(3 * MiB, 2), filled(10 * MiB, 2), filled(9 * MiB, 2)]) {
        const options = writing(bytes)
        content.blobs.clear()
        content.ingests.set(options.ref, { bytes: left, isOpen: false, movedAt: 0 })
        yield* makeWrite(content.channel)(options)
        assert.isTrue(content.blobs.get(digestOf(bytes))?.bytes.equals(bytes))
      }
    }))

  it.live("two at once share the work", () =>
    Effect.gen(function*() {
      const content = new FakeContent()
      content.delay = 10
      const bytes = filled(9 * MiB)
      let opened = 0
      const options = writing(bytes, {
        open: (offset) => {
          opened++
          return pieces(bytes, offset, MiB)
        }
      })
      // The one two in this process, the other in another.
      const write = makeWrite(content.channel)
      const ends = yield* Effect.all([write(options), write(options), makeWrite(content.channel)(options)], {
        concurrency: "unbounded"
      })
      assert.strictEqual(ends.filter(({ existed }) => existed).length, 2)
      assert.strictEqual(opened, 1)
    }), 20_000)

  it.live("who waits takes over when the other one leaves", () =>
    Effect.gen(function*() {
      const content = new FakeContent()
      const bytes = filled(9 * MiB)
      const write = makeWrite(content.channel)
      const stuck = yield* Effect.forkChild(
        write(writing(bytes, { open: () => Stream.concat(Stream.make(bytes.subarray(0, 2 * MiB)), Stream.never) }))
      )
      yield* Effect.sleep(100)
      const seen: Array<number> = []
      const waiting = yield* Effect.forkChild(write(writing(bytes, { onProgress: (current) => seen.push(current) })))
      yield* Effect.sleep(500)
      assert.strictEqual(waiting.pollUnsafe(), undefined)
      assert.deepStrictEqual([...new Set(seen)], [2 * MiB])
      yield* Fiber.interrupt(stuck)
      assert.strictEqual((yield* Fiber.join(waiting)).existed, false)
      assert.isTrue(content.blobs.get(digestOf(bytes))?.bytes.equals(bytes))
    }), 20_000)

  it.live("what is not what it is said to be is not kept", () =>
    Effect.gen(function*() {
      const content = new FakeContent()
      const write = makeWrite(content.channel)
      const bytes = filled(3 * MiB)
      const other = filled(3 * MiB, 2)
      const sources = [other, bytes.subarray(0, MiB), Buffer.concat([bytes, bytes])]
      for (const source of sources) {
        const error = yield* Effect.flip(write(writing(bytes, { open: (offset) => pieces(source, offset, MiB) })))
        assert.strictEqual(error._tag, "Protocol")
        assert.strictEqual(content.blobs.size + content.ingests.size, 0)
      }
    }))

  it.live("a failure of the source is the source's", () =>
    Effect.gen(function*() {
      const bytes = filled(3 * MiB)
      const failing = Stream.concat(
        Stream.make(bytes.subarray(0, MiB)),
        Stream.fail({ _tag: "AlreadyExists", mine: true })
      )
      const error = yield* Effect.flip(
        makeWrite(new FakeContent().channel)({ ...writing(bytes), open: () => failing })
      )
      assert.deepStrictEqual<unknown>(error, { _tag: "AlreadyExists", mine: true })
    }))
})
