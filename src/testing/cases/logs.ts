import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Backend } from "../../Backend.ts"
import * as Container from "../../Container.ts"
import * as Logs from "../../Logs.ts"
import { type Case, group, inTurn, job, until } from "../case.ts"
import { equal, equalBytes, fails, holds } from "../expect.ts"
import { Fixture } from "../fixture.ts"

const it = group("logs")

const text = (frames: ReadonlyArray<Logs.Frame>): string =>
  new TextDecoder().decode(Buffer.concat(frames.map(({ bytes }) => bytes)))

const started = (script: string) => Effect.flatMap(job(script), Container.start)

const ended = Effect.fnUntraced(function*(script: string) {
  const handle = yield* started(script)
  yield* handle.exitCode
  return handle
})

/**
 * Writes `a`, `b` to standard error, `c`, each when the one before has been seen in the log, and not sooner than after a
 * number of seconds.
 */
const abc = Effect.fnUntraced(function*(seconds = 0) {
  const { next, self } = yield* inTurn("echo a", `sleep ${seconds}; echo b >&2`, `sleep ${seconds}; echo c`)
  const handle = yield* Container.start(self)
  // Ends with the scope; what it fails to see the case finds missing.
  yield* Effect.forkScoped(Effect.ignore(Stream.runForEach(handle.logs(), () => next)))
  return handle
})

const abcEnded = Effect.tap(abc(), ({ exitCode }) => exitCode)

const lines = (count: number, from = 1): Uint8Array =>
  new TextEncoder().encode(Array.from({ length: count }, (_, n) => `${n + from}\n`).join(""))

const much = "seq 20000; seq 20001 40000 >&2"

const separated = Effect.fnUntraced(function*(script: string) {
  const handle = yield* started(script)
  return yield* Logs.separated(handle.logs())
})

const bytes = <E>(stream: Stream.Stream<Uint8Array, E>) =>
  Effect.map(Stream.runCollect(stream), (chunks) => Buffer.concat(chunks))

/** The millisecond of a frame's timestamp. */
const millisecond = (frame: Logs.Frame | undefined) =>
  DateTime.makeUnsafe(Number((frame?.timestamp ?? 0n) / 1_000_000n))

export const cases: ReadonlyArray<Case> = [
  it(
    "of one that has ended: all, with sources, as often as one likes",
    Effect.gen(function*() {
      const handle = yield* abcEnded
      for (let round = 0; round < 2; round++) {
        const frames = yield* Stream.runCollect(Container.logs(handle.id))
        yield* equal("frames", frames.map((frame) => [frame.source, text([frame])]), [
          ["stdout", "a\n"],
          ["stderr", "b\n"],
          ["stdout", "c\n"]
        ])
        yield* equal("no timestamps", frames.map(({ timestamp }) => timestamp), [undefined, undefined, undefined])
      }
    })
  ),
  it(
    "of one that runs: what is there now",
    Effect.gen(function*() {
      const handle = yield* started("echo a; sleep 600")
      const now = Effect.map(Stream.runCollect(handle.logs({ follow: false })), text)
      yield* until(now, (text) => text !== "")
      yield* equal("text", yield* now, "a\n")
    })
  ),
  it(
    "follow ends when the container does",
    Effect.gen(function*() {
      const handle = yield* abc()
      yield* equal("text", text(yield* Stream.runCollect(handle.logs({ follow: true }))), "a\nb\nc\n")
      yield* equal("isRunning", yield* handle.isRunning, false)
    })
  ),
  it(
    "follow of one that has ended",
    Effect.gen(function*() {
      const handle = yield* abcEnded
      yield* equal("text", text(yield* Stream.runCollect(handle.logs({ follow: true }))), "a\nb\nc\n")
    })
  ),
  it(
    "a handle's stdout, stderr and all, at once and again",
    Effect.gen(function*() {
      const handle = yield* abc()
      const [stdout, stderr, all] = yield* Effect.all([bytes(handle.stdout), bytes(handle.stderr), bytes(handle.all)], {
        concurrency: "unbounded"
      })
      yield* equal("texts", [stdout, stderr, all].map(String), ["a\nc\n", "b\n", "a\nb\nc\n"])
      yield* equal("again", String(yield* bytes(handle.stdout)), "a\nc\n")
    })
  ),
  it(
    "only one source",
    Effect.gen(function*() {
      const { id } = yield* abcEnded
      yield* equal("stdout", text(yield* Stream.runCollect(Container.logs(id, { stderr: false }))), "a\nc\n")
      yield* equal("stderr", text(yield* Stream.runCollect(Container.logs(id, { stdout: false }))), "b\n")
      yield* equal("neither", yield* Stream.runCollect(Container.logs(id, { stdout: false, stderr: false })), [])
    })
  ),
  it(
    "tail",
    Effect.gen(function*() {
      const { id } = yield* ended("seq 10")
      const tail = (tail: number) => Effect.map(Stream.runCollect(Container.logs(id, { tail })), text)
      yield* equal("2", yield* tail(2), "9\n10\n")
      yield* equal("0", yield* tail(0), "")
      yield* equal("more than there is", yield* tail(1000), "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n")
    })
  ),
  it(
    "tail, then follow",
    Effect.gen(function*() {
      const { capabilities: { stdin } } = yield* Backend
      const self = yield* job(`seq 10; ${stdin ? "read line" : "sleep 5"}; echo end`)
      const handle = yield* Container.start(self, { stdin })
      yield* until(Effect.map(Stream.runCollect(handle.logs({ follow: false })), text), (text) => text.endsWith("10\n"))
      let seen = ""
      yield* Stream.runForEach(handle.logs({ tail: 1, follow: true }), (frame) => {
        const isFirst = seen === ""
        seen += text([frame])
        return isFirst && stdin ? Stream.run(Stream.make(Uint8Array.of(10)), handle.stdin) : Effect.void
      })
      yield* equal("text", seen, "10\nend\n")
    })
  ),
  ...[-1, 1.5, Number.NaN].map((tail) =>
    it(
      `tail of ${tail} lines`,
      fails(Stream.runDrain(Container.logs("efc-no-such-container", { tail })), {
        tag: "ContainerLogs",
        reason: "InvalidArgument",
        id: "efc-no-such-container",
        names: [`tail is ${tail}`]
      })
    )
  ),
  it(
    "timestamps, since and until",
    Effect.gen(function*() {
      const { ways = [] } = yield* Fixture
      const { exitCode, id } = yield* abc(ways.includes("its times of output are whole seconds") ? 1.1 : 0)
      yield* exitCode
      const frames = yield* Stream.runCollect(Container.logs(id, { timestamps: true }))
      yield* equal("text without the timestamps", text(frames), "a\nb\nc\n")
      const times = frames.map(({ timestamp }) => timestamp ?? 0n)
      const near = Math.abs(Number(times[0]! / 1_000_000n) - Date.now()) < 3_600_000
      yield* holds("times of today, one after the other", near && times[0]! < times[1]! && times[1]! < times[2]!, times)
      const since = millisecond(frames[1])
      const until = millisecond(frames[2])
      const read = (options: Parameters<typeof Container.logs>[1]) =>
        Effect.map(Stream.runCollect(Container.logs(id, options)), text)
      yield* equal("since", yield* read({ since }), "b\nc\n")
      yield* equal("until", yield* read({ until }), "a\nb\n")
      yield* equal("since and until", yield* read({ since, until }), "b\n")
    })
  ),
  it(
    "50,000 lines",
    Effect.gen(function*() {
      const handle = yield* ended("seq 50000")
      yield* equalBytes("stdout", yield* bytes(handle.stdout), lines(50_000))
    })
  ),
  it(
    "a line of 1 MiB",
    Effect.gen(function*() {
      const handle = yield* ended("head -c 1048576 /dev/zero | tr '\\0' x; echo")
      const { ways = [] } = yield* Fixture
      const end = ways.includes("a line of whole blocks loses its end") ? 0 : 1
      const expected = new Uint8Array(1_048_576 + end).fill(120)
      if (end > 0) expected[1_048_576] = 10
      yield* equalBytes("stdout", yield* bytes(handle.stdout), expected)
    })
  ),
  it(
    "separated: stdout first",
    Effect.gen(function*() {
      const { stderr, stdout } = yield* separated(much)
      yield* equalBytes("stdout", yield* bytes(stdout), lines(20_000))
      yield* equalBytes("stderr", yield* bytes(stderr), lines(20_000, 20_001))
    })
  ),
  it(
    "separated: stderr first",
    Effect.gen(function*() {
      const { stderr, stdout } = yield* separated(much)
      yield* equalBytes("stderr", yield* bytes(stderr), lines(20_000, 20_001))
      yield* equalBytes("stdout", yield* bytes(stdout), lines(20_000))
    })
  ),
  it(
    "separated: one side never",
    Effect.gen(function*() {
      const { stderr } = yield* separated(much)
      yield* equalBytes("stderr", yield* bytes(stderr), lines(20_000, 20_001))
    })
  ),
  it(
    "separated: both at once",
    Effect.gen(function*() {
      const { stderr, stdout } = yield* separated(much)
      const [err, out] = yield* Effect.all([bytes(stderr), bytes(stdout)], { concurrency: "unbounded" })
      yield* equalBytes("stdout", out, lines(20_000))
      yield* equalBytes("stderr", err, lines(20_000, 20_001))
    })
  ),
  it(
    "separated of a stream that runs",
    Effect.gen(function*() {
      const self = yield* job("echo a; echo b >&2; echo c")
      const { stderr, stdout } = yield* Logs.separated(Container.stream(self))
      yield* equal("stdout", String(yield* bytes(stdout)), "a\nc\n")
      yield* equal("stderr", String(yield* bytes(stderr)), "b\n")
    })
  ),
  it(
    "combined",
    Effect.gen(function*() {
      const handle = yield* abc()
      yield* equal("text", String(yield* bytes(Logs.combined(handle.logs()))), "a\nb\nc\n")
    })
  )
]
