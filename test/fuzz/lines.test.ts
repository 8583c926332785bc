import { assert, describe, it } from "@effect/vitest"
import { Logs } from "effect-containers"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import { bytes, check, cuts, split, text } from "./fuzz.ts"

const source = fc.constantFrom<Logs.Frame["source"]>("stdout", "stderr")

const content = fc.oneof(
  { weight: 4, arbitrary: text("\n\r\r\né🐋", 12).map((text) => new TextEncoder().encode(text)) },
  { weight: 1, arbitrary: bytes(8) }
)

const written = fc.array(fc.tuple(source, content), { maxLength: 6 })

type Written = ReadonlyArray<readonly [Logs.Frame["source"], Uint8Array]>

/** In chunks of any length, as a connection gives them. */
const frames = (written: Written, at: ReadonlyArray<number>, chunkSize: number): Stream.Stream<Logs.Frame> =>
  Stream.fromIterable(
    written.flatMap(([source, whole]) => split(whole, at).map((bytes): Logs.Frame => ({ source, bytes }))),
    { chunkSize }
  )

const collect = <A>(stream: Stream.Stream<A>): ReadonlyArray<A> => Effect.runSync(Stream.runCollect(stream))

/** The pieces of a line that is too long are one again. */
const lines = (stream: Stream.Stream<Logs.Frame>, maxLength: number | undefined) => {
  const open: Record<string, string> = { stdout: "", stderr: "" }
  const out: Array<readonly [string, string]> = []
  for (const { partial, source, text } of collect(Logs.lines(stream, { maxLength }))) {
    open[source] += text
    if (partial === true) continue
    out.push([source, open[source] ?? ""])
    open[source] = ""
  }
  return { out, open }
}

describe("fuzz, lines and text of output", () => {
  it("any split gives the same lines", () =>
    check(
      fc.tuple(
        written,
        cuts,
        fc.integer({ min: 1, max: 5 }),
        fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined })
      ),
      ([written, at, chunkSize, maxLength]) => {
        const { open, out } = lines(frames(written, at, chunkSize), maxLength)
        for (const source of ["stdout", "stderr"] as const) {
          const of = ([name]: readonly [string, string]) => name === source
          // A line of which a piece was told, and no more came, has no end.
          const got = [...out.filter(of).map(([, text]) => text), ...open[source] === "" ? [] : [open[source]]]
          const whole = Buffer.concat(written.filter(([name]) => name === source).map(([, bytes]) => bytes))
          const all = new TextDecoder("utf-8", { ignoreBOM: true }).decode(whole).split("\n")
          const ended = all.slice(0, -1).map((line) => line.endsWith("\r") ? line.slice(0, -1) : line)
          assert.deepStrictEqual(got, [...ended, ...all.at(-1) === "" ? [] : [all.at(-1)]])
        }
      },
      { corpus: "lines", runs: 8000 }
    ))

  it("any split gives the same text", () =>
    check(fc.tuple(written, cuts, fc.integer({ min: 1, max: 5 })), ([written, at, chunkSize]) => {
      const one = written.map(([, bytes]) => ["stdout", bytes] as const)
      const got = collect(Logs.text(frames(one, at, chunkSize))).join("")
      const whole = Buffer.concat(one.map(([, bytes]) => bytes))
      assert.strictEqual(got, new TextDecoder("utf-8", { ignoreBOM: true }).decode(whole))
    }, { corpus: "text", runs: 4000 }))
})
