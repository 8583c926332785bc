import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Container from "../../Container.ts"
import { type Case, group, job, needs } from "../case.ts"
import { equal, equalBytes, fails } from "../expect.ts"

const it = group("input and terminal")

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Bytes with no pattern that a lost or repeated piece would fit into. */
const noise = (size: number): Uint8Array => {
  const bytes = new Uint8Array(size)
  let state = 12345
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    bytes[i] = state >>> 16
  }
  return bytes
}

/** Runs a script with something to read. */
const reads = (
  script: string | ReadonlyArray<string>,
  input: string | Uint8Array | Stream.Stream<Uint8Array>,
  expected: string | Uint8Array
) =>
  Effect.gen(function*() {
    yield* needs("stdin", Container.stdin(yield* job(script), input), (self) =>
      Effect.flatMap(Container.run(self), ({ logs }) =>
        equalBytes("stdout", logs.stdout, typeof expected === "string" ? encode(expected) : expected)))
  })

const mebibyte = noise(1024 * 1024)
/** Ctrl-P and Ctrl-Q, by which one leaves a terminal of Docker's own client, and Ctrl-Space. */
const leaving = [0x10, 0x11, 0, 0x10, 0x11]
const everyByte = Uint8Array.from({ length: 256 }, (_, value) => value)

export const cases: ReadonlyArray<Case> = [
  it(
    "nothing to read when nothing is given",
    Effect.flatMap(
      job("cat; echo end"),
      (self) => Effect.flatMap(Container.string(self), (text) => equal("stdout", text, "end\n"))
    )
  ),
  it("text, and then its end", reads("cat; echo end", "a\nb", "a\nbend\n")),
  it("no text at all", reads("cat; echo end", "", "end\n")),
  it("bytes of every value", reads(["cat"], everyByte, everyByte)),
  it(
    "a stream in pieces",
    reads(["cat"], Stream.make(encode("a"), new Uint8Array(0), encode("bc"), encode("\n")), "abc\n")
  ),
  it("more than a pipe holds, to cat and back", reads(["cat"], mebibyte, mebibyte)),
  it("8 MiB, counted", reads("wc -c", Stream.repeat(Stream.make(mebibyte), Schedule.recurs(7)), "8388608\n")),
  it("input that nobody reads", reads("echo done", mebibyte, "done\n")),
  it("input of which a part is read", reads(["head", "-c", "3"], mebibyte, mebibyte.subarray(0, 3))),
  it(
    "input that does not end",
    reads(["head", "-c", "3"], Stream.concat(Stream.make(encode("abcdef")), Stream.never), "abc")
  ),
  it(
    "a handle's input: written, closed, and output goes on",
    Effect.gen(function*() {
      const self = yield* job("cat; echo end; cat; echo end")
      yield* needs("stdin", Container.stdin(self, ""), () =>
        Effect.gen(function*() {
          const handle = yield* Container.start(self, { stdin: true })
          yield* Stream.run(Stream.make(encode("one\n"), encode("two\n")), handle.stdin)
          const text = yield* Stream.mkString(Stream.decodeText(handle.stdout))
          yield* equal("stdout", text, "one\ntwo\nend\nend\n")
          yield* equal("exitCode", yield* handle.exitCode, 0)
        }))
    })
  ),
  it(
    "a handle's input that was not asked for",
    Effect.gen(function*() {
      const handle = yield* Effect.flatMap(job(["sleep", "600"]), Container.start)
      yield* fails(Stream.run(Stream.make(encode("x")), handle.stdin), {
        tag: "ContainerAttach",
        reason: "Unsupported",
        id: handle.id,
        names: ["stdin: true"]
      })
    })
  ),
  it(
    "no terminal when none is asked for",
    Effect.flatMap(
      job("test -t 0 || test -t 1 || echo none"),
      (self) => Effect.flatMap(Container.string(self), (text) => equal("stdout", text, "none\n"))
    )
  ),
  it(
    "a terminal: one source, lines end as on a terminal",
    Effect.gen(function*() {
      const self = Container.tty(yield* job("test -t 1 && echo terminal; echo err >&2"), true)
      yield* needs("tty", self, (self) =>
        Effect.gen(function*() {
          const { logs } = yield* Container.run(self)
          yield* equal("sources", logs.pieces.map(({ source }) => source), ["stdout"])
          yield* equal("text", logs.text, "terminal\r\nerr\r\n")
        }))
    })
  ),
  it(
    "a terminal: bytes that look like a frame's header are output",
    Effect.gen(function*() {
      const self = Container.tty(yield* job("printf '\\001\\000\\000\\000\\000\\000\\000\\003abc'"), true)
      yield* needs(
        "tty",
        self,
        (self) =>
          Effect.flatMap(
            Container.run(self),
            ({ logs }) => equalBytes("stdout", logs.stdout, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 3, 97, 98, 99))
          )
      )
    })
  ),
  it(
    "a terminal that was made raw: bytes of every value",
    Effect.gen(function*() {
      const ready = yield* Deferred.make<void>()
      // Before it is raw, some of them are for the terminal itself.
      const input = Stream.fromEffect(Effect.as(Deferred.await(ready), everyByte)).pipe(
        // Also as a person types them, one by one.
        Stream.concat(Stream.tap(Stream.make(...leaving.map((key) => Uint8Array.of(key))), () => Effect.sleep(50)))
      )
      const self = yield* job(`stty raw -echo; echo ready; head -c ${256 + leaving.length} | wc -c`)
      yield* needs(
        "tty",
        Container.tty(self, true),
        (self) =>
          needs("stdin", Container.stdin(self, input), (self) =>
            Effect.gen(function*() {
              const { logs } = yield* Container.run(self, { onOutput: () => Deferred.succeed(ready, undefined) })
              yield* equal("count", /\d+$/.exec(logs.text.trim())?.[0], `${256 + leaving.length}`)
            }))
      )
    })
  ),
  it(
    "a terminal's kept output",
    Effect.gen(function*() {
      const self = Container.tty(yield* job("echo a; echo b >&2"), true)
      yield* needs("tty", self, (self) =>
        Effect.gen(function*() {
          const handle = yield* Container.start(self)
          const frames = yield* Stream.runCollect(handle.logs())
          yield* equal("sources", [...new Set(frames.map(({ source }) => source))], ["stdout"])
          yield* equal("text", frames.map(({ bytes }) => new TextDecoder().decode(bytes)).join(""), "a\r\nb\r\n")
        }))
    })
  )
]
