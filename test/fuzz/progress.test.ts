import { assert, describe, it } from "@effect/vitest"
import { Progress } from "effect-containers"
import { statusOf } from "effect-containers/layers/dockerApi/build"
import { values } from "effect-containers/layers/dockerApi/ndjson"
import * as Schemas from "effect-containers/layers/dockerApi/schemas"
import { failureOf, statuses } from "effect-containers/layers/dockerApi/transfer"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import { bytes, check, concat, cuts, isReason, split, text } from "./fuzz.ts"

const odd = "{}[]\",:\n\r\\ \0é🐋Step 1/2"

const value = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom("Downloading", "Step 1/2 : RUN x\n", "Pulling fs layer", "Pull complete", "a")
  },
  { weight: 2, arbitrary: text(odd, 12) },
  { weight: 1, arbitrary: fc.constantFrom(null, true, 1, 1.5, -1, 1e308, [], {}, ["a"], { message: "x" }) }
)

const number = fc.oneof(fc.integer(), fc.constantFrom(null, "1", 1e300, 0.1))

const optional = <A>(arbitrary: fc.Arbitrary<A>) => fc.option(arbitrary, { nil: undefined, freq: 3 })

const message = fc.record({
  status: optional(value),
  id: optional(value),
  stream: optional(value),
  error: fc.option(value, { nil: undefined, freq: 1 }).map((error) => error === undefined ? undefined : error),
  progressDetail: optional(
    fc.record({ current: number, total: number, units: fc.constantFrom(null, "", "s") }, { requiredKeys: [] })
  ),
  errorDetail: fc.constantFrom(undefined, undefined, undefined, undefined, undefined, null, {}, { message: "no" }),
  aux: fc.constantFrom(undefined, undefined, null, { ID: "sha256:a" }, { ID: 3 }, "x")
})

const good = fc.record({
  status: fc.constantFrom("Downloading", "Extracting", "Waiting"),
  id: text("abc", 3),
  progressDetail: fc.record({ current: fc.nat(), total: fc.nat() })
})

const line = fc.oneof(
  { weight: 10, arbitrary: good.map((json) => JSON.stringify(json)) },
  { weight: 3, arbitrary: message.map((json) => JSON.stringify(json)) },
  { weight: 1, arbitrary: text(odd) },
  { weight: 1, arbitrary: fc.constantFrom("", " ", "\r", "null", "[]", "3", "\uFEFF{}") }
)

const body = fc.oneof(
  { weight: 9, arbitrary: fc.array(line, { maxLength: 8 }).map((lines) => new TextEncoder().encode(lines.join("\n"))) },
  { weight: 1, arbitrary: bytes(60) }
)

/** What a stream gives and how it ends; that is never a defect. */
const read = <A>(stream: Stream.Stream<A, unknown>): readonly [ReadonlyArray<A>, string | undefined] => {
  const out: Array<A> = []
  const exit = Effect.runSyncExit(Stream.runForEach(stream, (status) => Effect.sync(() => out.push(status))))
  if (Exit.isSuccess(exit)) return [out, undefined]
  const error = Exit.findErrorOption(exit)
  assert.isTrue(error._tag === "Some" && isReason(error.value), String(exit))
  return [out, error._tag === "Some" ? String(error.value) : ""]
}

const source = (pieces: ReadonlyArray<Uint8Array>) => Stream.fromIterable(pieces, { chunkSize: 1 })

const builds = (pieces: ReadonlyArray<Uint8Array>) =>
  values(source(pieces), "build", Schemas.message, (message, out: Array<Progress.BuildStatus>) => {
    const failure = failureOf("build", message)
    if (failure !== undefined) return failure
    const status = statusOf(message)
    if (status !== undefined) out.push(status)
    return undefined
  })

describe("fuzz, progress", () => {
  it("any split of a pull's answer gives the same statuses, and what they fold to can be drawn", () =>
    check(fc.tuple(body, cuts, fc.integer({ min: 1, max: 80 })), ([whole, at, width]) => {
      const [got, end] = read(statuses(source(split(whole, at)), "pull"))
      assert.deepStrictEqual([got, end], read(statuses(source([whole]), "pull")))
      const state = got.reduce((state, status, now) => Progress.fold(state, status, { now }), Progress.initial)
      for (const line of Progress.format(state, { width })) assert.notMatch(line, /[\n\r]/)
    }, { corpus: "pull-answer", runs: 4000 }))
  it("any split of a build's answer gives the same statuses, and what they fold to can be drawn", () =>
    check(fc.tuple(body, cuts, fc.integer({ min: 1, max: 80 })), ([whole, at, width]) => {
      const [got, end] = read(builds(split(whole, at)))
      assert.deepStrictEqual([got, end], read(builds([whole])))
      const state = got.reduce(
        (state, status, now) => Progress.foldBuild(state, status, { now }),
        Progress.initialBuild
      )
      for (const line of Progress.formatBuild(state, { width })) assert.notMatch(line, /[\n\r]/)
    }, { corpus: "build-answer", runs: 4000 }))
  it("bytes that are no text are no defect", () =>
    check(fc.tuple(fc.array(bytes(40), { maxLength: 4 }).map(concat), cuts), ([whole, at]) => {
      assert.deepStrictEqual(read(statuses(source(split(whole, at)), "pull")), read(statuses(source([whole]), "pull")))
    }, { corpus: "answer-bytes", runs: 2000 }))
})
