import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Container from "../../Container.ts"
import * as Logs from "../../Logs.ts"
import * as Output from "../../Output.ts"
import { type Case, group, inTurn, job, tracked, willBeGone } from "../case.ts"
import { equal, equalBytes, fails, holds, isFailure } from "../expect.ts"
import { Fixture } from "../fixture.ts"

const it = group("output")

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

const output = (script: string) => Effect.map(Effect.flatMap(job(script), Container.run), ({ logs }) => logs)

const merged = (frames: ReadonlyArray<Logs.Frame>): ReadonlyArray<readonly [string, string]> => {
  const out: Array<[string, string]> = []
  for (const { bytes, source } of frames) {
    const last = out.at(-1)
    if (last?.[0] === source) last[1] += text(bytes)
    else if (bytes.length > 0) out.push([source, text(bytes)])
  }
  return out
}

const numbers = (last: number): string => {
  let out = ""
  for (let n = 1; n <= last; n++) out += `${n}\n`
  return out
}

const everyByte = Uint8Array.from({ length: 256 }, (_, value) => value)
const printEveryByte = `printf '${[...everyByte].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("")}'`

export const cases: ReadonlyArray<Case> = [
  it(
    "what goes to stdout",
    Effect.gen(function*() {
      const logs = yield* output("echo out")
      yield* equal("stdout and stderr", [logs.stdoutText, logs.stderrText], ["out\n", ""])
    })
  ),
  it(
    "what goes to stderr",
    Effect.gen(function*() {
      const logs = yield* output("echo err >&2")
      yield* equal("stdout and stderr", [logs.stdoutText, logs.stderrText], ["", "err\n"])
    })
  ),
  it(
    "both, in the order in which they were written",
    Effect.gen(function*() {
      const { next, self } = yield* inTurn("echo 1", "echo 2 >&2", "echo 3", "echo 4 >&2")
      const { logs } = yield* Container.run(self, { onOutput: () => next })
      yield* equal("pieces", logs.pieces.map(({ bytes, source }) => [source, text(bytes)]), [
        ["stdout", "1\n"],
        ["stderr", "2\n"],
        ["stdout", "3\n"],
        ["stderr", "4\n"]
      ])
    })
  ),
  it(
    "none",
    Effect.gen(function*() {
      const logs = yield* output("true")
      yield* equal("the output", { ...logs }, { ...Output.empty })
    })
  ),
  it(
    "without a newline at its end",
    Effect.gen(function*() {
      const logs = yield* output("printf 'no newline'")
      yield* equal("stdout", logs.stdoutText, "no newline")
    })
  ),
  it(
    "200,000 lines",
    Effect.gen(function*() {
      const logs = yield* output("seq 200000")
      yield* equalBytes("stdout", logs.stdout, new TextEncoder().encode(numbers(200_000)))
    })
  ),
  it(
    "much of both",
    Effect.gen(function*() {
      const logs = yield* output("seq 30000; seq 20000 >&2; seq 10000")
      yield* equalBytes("stdout", logs.stdout, new TextEncoder().encode(numbers(30_000) + numbers(10_000)))
      yield* equalBytes("stderr", logs.stderr, new TextEncoder().encode(numbers(20_000)))
    })
  ),
  it(
    "a line of 4 MiB",
    Effect.gen(function*() {
      const logs = yield* output("head -c 4194304 /dev/zero | tr '\\0' x")
      yield* equalBytes("stdout", logs.stdout, new Uint8Array(4_194_304).fill(120))
    })
  ),
  it(
    "bytes of every value",
    Effect.gen(function*() {
      const logs = yield* output(`${printEveryByte}; ${printEveryByte} >&2`)
      yield* equalBytes("stdout", logs.stdout, everyByte)
      yield* equalBytes("stderr", logs.stderr, everyByte)
    })
  ),
  it(
    "100,000 NUL bytes",
    Effect.gen(function*() {
      const logs = yield* output("head -c 100000 /dev/zero")
      yield* equalBytes("stdout", logs.stdout, new Uint8Array(100_000))
    })
  ),
  it(
    "a character that comes in two pieces",
    Effect.gen(function*() {
      const { next, self } = yield* inTurn("printf '\\303'", "printf '\\251\\n'")
      const lines = yield* Stream.runCollect(Logs.lines(Stream.tap(Container.stream(self), () => next)))
      yield* equal("lines", lines.map(({ source, text }) => [source, text]), [["stdout", "é"]])
    })
  ),
  it(
    "onOutput sees what is kept",
    Effect.gen(function*() {
      const seen = yield* Ref.make<ReadonlyArray<Logs.Frame>>([])
      const { next, self } = yield* inTurn("echo 1", "echo 2 >&2", "seq 1000")
      const done = yield* Container.run(self, {
        onOutput: (frames) => Effect.andThen(Ref.update(seen, (before) => [...before, ...frames]), next)
      })
      yield* equal("frames", merged(yield* Ref.get(seen)), [
        ["stdout", "1\n"],
        ["stderr", "2\n"],
        ["stdout", numbers(1000)]
      ])
      yield* equal("what is kept", done.logs.text, `1\n2\n${numbers(1000)}`)
    })
  ),
  it(
    "outputLimit keeps the end and counts the rest",
    Effect.gen(function*() {
      const { logs } = yield* Effect.flatMap(job("seq 1000"), (self) => Container.run(Container.outputLimit(self, 100)))
      const all = numbers(1000)
      yield* equal("kept and dropped", [logs.text, logs.dropped], [all.slice(-100), all.length - 100])
    })
  ),
  it(
    "string and lines",
    Effect.gen(function*() {
      const self = yield* job("echo a; echo b; echo c >&2")
      const sorted = (lines: ReadonlyArray<string>) => lines.toSorted().join(" ").trim()
      yield* equal("string", yield* Container.string(self), "a\nb\n")
      const both = yield* Container.string(self, { includeStderr: true })
      yield* equal("string with stderr", sorted(both.split("\n")), "a b c")
      yield* equal("lines", yield* Container.lines(self), ["a", "b"])
      yield* equal("lines with stderr", sorted(yield* Container.lines(self, { includeStderr: true })), "a b c")
    })
  ),
  it(
    "stream gives frames as they come",
    Effect.gen(function*() {
      const { next, self } = yield* inTurn("echo a", "echo b >&2", "printf c")
      const frames = yield* Stream.runCollect(Stream.tap(Container.stream(self), () => next))
      yield* equal("frames", merged(frames), [["stdout", "a\n"], ["stderr", "b\n"], ["stdout", "c"]])
    })
  ),
  it(
    "streamLines gives lines with their source",
    Effect.gen(function*() {
      const { next, self } = yield* inTurn("printf 'a\\nb'", "echo e >&2", "echo c")
      const lines = yield* Stream.runCollect(Stream.tap(Container.streamLines(self), () => next))
      yield* equal("lines", lines.map(({ source, text }) => [source, text]), [
        ["stdout", "a"],
        ["stderr", "e"],
        ["stdout", "bc"]
      ])
    })
  ),
  it(
    "a stream that is left early kills its container",
    Effect.gen(function*() {
      const { container, found } = yield* Effect.flatMap(job("while :; do echo x; sleep 0.05; done"), tracked)
      const first = yield* Container.stream(container).pipe(Stream.take(1), Stream.runCollect)
      yield* equal("how many frames", first.length, 1)
      yield* willBeGone(found)
    })
  ),
  it(
    "a stream fails after all output",
    Effect.gen(function*() {
      const self = yield* job("echo out; exit 3")
      const seen: Array<Logs.Frame> = []
      const error = yield* fails(
        Container.stream(self).pipe(Stream.runForEachArray((frames) => Effect.sync(() => seen.push(...frames)))),
        { tag: "ExitCode", image: (yield* Fixture).image, names: ["exit-code 3", "out"] }
      )
      yield* equal("frames", merged(seen), [["stdout", "out\n"]])
      yield* holds(
        "the error has the code and the output",
        error._tag === "ExitCode" && error.code === 3 && error.logs.text === "out\n",
        error
      )
    })
  ),
  it(
    "streamLines of a failing run gives its lines first",
    Effect.gen(function*() {
      const self = yield* job("echo a; printf b; exit 1")
      const seen: Array<string> = []
      const result = yield* Effect.result(
        Stream.runForEach(Container.streamLines(self), ({ text }) => Effect.sync(() => seen.push(text)))
      )
      yield* equal("lines", seen, ["a", "b"])
      yield* Result.isFailure(result)
        ? isFailure(result.failure, { tag: "ExitCode", names: ["exit-code 1"] })
        : holds("the stream fails", false, result)
    })
  )
]
