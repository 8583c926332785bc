import { assert, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import type { Logs } from "effect-containers"
import { Position } from "effect-containers/layers/swarm/position"
import { last } from "effect-containers/layers/swarm/tail"
import * as fc from "fast-check"

const encoder = new TextEncoder()
const decoder = new TextDecoder()

const second = 1_000_000_000n

const frame = (source: Logs.Frame["source"], timestamp: bigint, text: string): Logs.Frame => ({
  source,
  timestamp,
  bytes: encoder.encode(text)
})

const show = (frames: ReadonlyArray<Logs.Frame>, source?: Logs.Frame["source"]): string =>
  frames.filter((one) => source === undefined || one.source === source).map(({ bytes }) => decoder.decode(bytes)).join(
    ""
  )

/** What a node gives of a log when it is asked for what is not older. */
const since = (log: ReadonlyArray<Logs.Frame>, time: bigint | undefined): Stream.Stream<Logs.Frame> =>
  Stream.fromIterable(time === undefined ? log : log.filter(({ timestamp = 0n }) => timestamp >= time))

/** A log whose lines may have the same time, and be in another order than that of their times, within a moment. */
const logs = fc.array(
  fc.record({
    source: fc.constantFrom("stdout" as const, "stderr" as const),
    step: fc.constantFrom(0n, 0n, 1n, 1000n, 20n * second),
    text: fc.string({ minLength: 1, maxLength: 5 })
  }),
  { maxLength: 30 }
).map((lines) => {
  let now = 1_000n * second
  return lines.map(({ source, step, text }) => frame(source, now += step, text))
})

it.effect("what was read and what is read again are the log, wherever the first reading was cut off", () =>
  Effect.promise(() =>
    fc.assert(fc.asyncProperty(logs, fc.nat(200), async (log, cut) => {
      const position = new Position()
      const read: Array<Logs.Frame> = []
      let left = cut
      for (const one of log) {
        const bytes = one.bytes.subarray(0, left)
        left -= bytes.length
        if (bytes.length === 0) break
        const piece = { ...one, bytes }
        position.take(piece)
        read.push(piece)
      }
      const rest = await Effect.runPromise(Stream.runCollect(position.rest(since(log, position.since))))
      for (const source of ["stdout", "stderr"] as const) {
        assert.strictEqual(show([...read, ...rest], source), show(log, source))
      }
    }))
  ))

it.effect("a clock that was set back has the log read from its beginning, and nothing twice", () =>
  Effect.gen(function*() {
    const log = [
      frame("stdout", 900n * second, "a\n"),
      frame("stdout", 100n * second, "b\n"),
      frame("stdout", 101n * second, "c\n")
    ]
    const position = new Position()
    for (const one of log.slice(0, 2)) position.take(one)
    assert.strictEqual(position.since, undefined)
    assert.strictEqual(show(yield* Stream.runCollect(position.rest(since(log, position.since)))), "c\n")
  }))

it.effect("the last lines", () =>
  Effect.gen(function*() {
    const texts = ["1\n2\n", "3", "\n4\n", "5\n"]
    const all = Stream.fromIterable(texts.map((text, n) => frame("stdout", BigInt(n), text)))
    for (
      const [tail, expected] of [[0, ""], [1, "5\n"], [2, "4\n5\n"], [3, "3\n4\n5\n"], [9, texts.join("")]] as const
    ) {
      assert.strictEqual(show(yield* Stream.runCollect(last(all, tail))), expected, String(tail))
    }
    const open = Stream.make(frame("stdout", 0n, "1\n2\n3"))
    assert.strictEqual(show(yield* Stream.runCollect(last(open, 2))), "2\n3")
  }))
