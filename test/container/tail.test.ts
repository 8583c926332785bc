import { assert, describe, it } from "@effect/vitest"
import { Logs } from "effect-containers"
import { Tail } from "effect-containers/container/tail"
import * as fc from "fast-check"

const frame = fc.record({
  source: fc.constantFrom<Logs.Frame["source"]>("stdout", "stderr"),
  bytes: fc.uint8Array({ maxLength: 30 })
})

/** What is kept of it, as `Logs.Collector` would keep it. */
const expected = (arrays: ReadonlyArray<ReadonlyArray<Logs.Frame>>, limit: number) => {
  const collector = new Logs.Collector({ limit })
  for (const frames of arrays) for (const each of frames) collector.push(each)
  return collector.output()
}

describe("the end of an output", () => {
  it("is what the last frames said, however they came", () => {
    fc.assert(fc.property(
      fc.array(fc.array(frame, { minLength: 1, maxLength: 8 }), { maxLength: 20 }),
      fc.integer({ min: 1, max: 200 }),
      (arrays, limit) => {
        const tail = new Tail(limit)
        for (const frames of arrays) tail.push(frames)
        assert.deepStrictEqual(tail.output(), expected(arrays, limit))
      }
    ))
  })

  it("of many small frames keeps none of the chunks in which they came", () => {
    const tail = new Tail(65_536)
    const chunk = new Uint8Array(65_536).fill(97)
    for (let n = 0; n < 20_000; n++) {
      tail.push([{ source: n % 3 === 0 ? "stderr" : "stdout", bytes: chunk.subarray(n, n + 1) }])
    }
    // What is written over is still there: all but the last of it is a copy.
    chunk.fill(98)
    const { dropped, text } = tail.output()
    assert.strictEqual(dropped, 0)
    assert.strictEqual(text.length, 20_000)
    assert.isAtLeast(text.lastIndexOf("a"), 4000)
  })

  it("goes on after it was asked for", () => {
    const tail = new Tail(3)
    tail.push([{ source: "stdout", bytes: Uint8Array.of(97, 98) }])
    assert.strictEqual(tail.output().text, "ab")
    tail.push([{ source: "stdout", bytes: Uint8Array.of(99, 100) }])
    assert.strictEqual(tail.output().text, "bcd")
    assert.strictEqual(tail.output().dropped, 1)
  })
})
