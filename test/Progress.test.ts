import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Deferred, Effect, Exit, Fiber, Layer, Schema, Stream } from "effect"
import * as Progress from "effect-containers/Progress"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { stripVTControlCharacters } from "node:util"

const status = (id: string, phase: Progress.Phase, current?: number, total?: number) =>
  Progress.PullStatus.makeUnsafe({ id, phase, status: phase, current, total })
const message = (text: string) => Progress.PullStatus.makeUnsafe({ phase: "Message", status: text })
const foldAll = (statuses: ReadonlyArray<Progress.PullStatus>) =>
  statuses.reduce((state, status) => Progress.fold(state, status), Progress.initial)
const build = Progress.BuildStatus.makeUnsafe
const foldBuilds = (statuses: ReadonlyArray<Progress.BuildStatus>) =>
  statuses.reduce((state, status) => Progress.foldBuild(state, status), Progress.initialBuild)

/** Any character; no half of one. */
const character = fc.nat(0x10ffff).filter((code) => code < 0xd800 || code > 0xdfff).map((code) =>
  String.fromCodePoint(code)
)

const anyStatus: fc.Arbitrary<Progress.PullStatus> = fc.record({
  id: fc.option(fc.constantFrom("a", "b", "c", "9f3a4b1c2d3e", "層", ""), { nil: undefined }),
  phase: fc.constantFrom(...Progress.Phase.literals),
  status: fc.string({ unit: character, maxLength: 60 }),
  current: fc.option(fc.double({ noNaN: false }), { nil: undefined }),
  total: fc.option(fc.double({ noNaN: false }), { nil: undefined })
}).map(Progress.PullStatus.makeUnsafe)

/** A terminal that remembers: enough of one to know what stands on its screen. */
class Fake implements Progress.Terminal {
  isTTY = true
  columns = 80
  rows = 24
  readonly written: Array<string> = []
  write(text: string) {
    this.written.push(text)
  }
  get all(): string {
    return this.written.join("")
  }
  get screen(): Array<string> {
    const lines: Array<string> = [""]
    let row = 0
    let column = 0
    const type = (text: string) => {
      for (const character of text) {
        if (character === "\n") {
          row++
          column = 0
          lines[row] ??= ""
        } else if (character === "\r") column = 0
        else {
          const line = lines[row] ?? ""
          lines[row] = line.slice(0, column) + character + line.slice(column + 1)
          column++
        }
      }
    }
    const [first = "", ...rest] = this.all.split("\u001b[")
    type(first)
    for (const part of rest) {
      const [, count = "", command, text = ""] = /^([\d;]*)([A-Za-z])(.*)$/s.exec(part) ?? []
      if (command === "A") row = Math.max(0, row - Number(count))
      else if (command === "K") lines[row] = (lines[row] ?? "").slice(0, column)
      else if (command === "J") lines.splice(row, lines.length, (lines[row] ?? "").slice(0, column))
      else assert.strictEqual(command, "m")
      type(text)
    }
    return lines.slice(0, -1)
  }
}

const env = (variables: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromUnknown(variables))

// properties and real files: slow where many tests run at once
describe("Progress", { timeout: 60_000 }, () => {
  describe("statuses", () => {
    it("are the same however they are made", () => {
      const fields = { id: "a", phase: "Downloading", status: "Downloading", current: 1, total: 2 } as const
      const made = Progress.PullStatus.makeUnsafe(fields)
      assert.deepStrictEqual(made, new Progress.PullStatus(fields))
      assert.instanceOf(made, Progress.PullStatus)
      assert.deepStrictEqual(Schema.decodeUnknownSync(Progress.PullStatus)(JSON.parse(JSON.stringify(made))), made)
      assert.deepStrictEqual(Schema.encodeSync(Progress.PullStatus)(made), fields)
      assert.deepStrictEqual(
        Progress.PullStatus.makeUnsafe({ phase: "Message", status: "x", id: undefined }),
        new Progress.PullStatus({ phase: "Message", status: "x" })
      )
      const step = { number: 1, total: 2, instruction: "FROM scratch" }
      assert.deepStrictEqual(build({ stream: "x", step }), new Progress.BuildStatus({ stream: "x", step }))
    })

    it("have a phase for the words of every engine", () => {
      for (
        const [words, phase] of [
          ["Pulling fs layer", "Waiting"],
          ["Waiting", "Waiting"],
          ["Retrying in 5 seconds", "Waiting"],
          ["Downloading", "Downloading"],
          ["downloading", "Downloading"],
          ["Verifying Checksum", "Verifying"],
          ["Download complete", "Downloaded"],
          ["Extracting", "Extracting"],
          ["Pull complete", "Complete"],
          ["Pushed", "Complete"],
          ["already exists", "Exists"],
          ["Layer already exists", "Exists"],
          ["Mounted from library/gcc", "Exists"],
          ["Pushing", "Pushing"],
          ["Pulling from library/gcc", "Message"],
          ["Digest: sha256:00", "Message"]
        ] as const
      ) assert.strictEqual(Progress.phaseOf(words), phase, words)
    })
  })

  describe("fold", () => {
    it("adds up a pull as Docker reports it", () => {
      const state = foldAll([
        Progress.PullStatus.makeUnsafe({ id: "14", phase: "Message", status: "Pulling from library/gcc" }),
        status("a", "Waiting"),
        status("b", "Waiting"),
        status("c", "Exists"),
        status("a", "Downloading", 50, 100),
        status("b", "Downloading", 300, 300),
        status("b", "Downloaded"),
        status("b", "Extracting", 150, 300)
      ])
      assert.deepStrictEqual(state.layers.map((layer) => [layer.id, layer.phase, layer.current, layer.total]), [
        ["a", "Downloading", 50, 100],
        ["b", "Extracting", 300, 300],
        ["c", "Exists", 0, undefined]
      ])
      assert.deepStrictEqual([state.current, state.total, state.isTotalKnown, state.complete], [350, 400, true, 1])
      assert.strictEqual(state.fraction, (50 * 0.75 + 300 * 0.75 + 150 * 0.25) / 400)
      assert.deepStrictEqual(state.messages, ["14: Pulling from library/gcc"])
      const done = [status("a", "Complete"), status("b", "Complete")].reduce((s, x) => Progress.fold(s, x), state)
      assert.deepStrictEqual([done.current, done.total, done.complete, done.fraction], [400, 400, 3, 1])
      assert.strictEqual(state.complete, 1)
    })

    it("does not know the total while a layer's size is unknown", () => {
      const state = foldAll([status("a", "Waiting"), status("b", "Downloading", 10, 100)])
      assert.isFalse(state.isTotalKnown)
      assert.closeTo(state.fraction, (10 * 0.75) / 200, 1e-9)
      // what is there already comes first and says nothing about the rest
      const exists = foldAll([status("a", "Exists"), status("b", "Exists")])
      assert.strictEqual(exists.fraction, 0)
      assert.strictEqual(Progress.format(exists, { width: 40 })[0], "pulling  100%")
      const more = Progress.fold(exists, status("c", "Downloading", 1, 3))
      assert.closeTo(more.fraction, 0.25, 1e-9)
      assert.strictEqual(foldAll([status("a", "Complete")]).fraction, 1)
    })

    it("counts a push by its transfer", () => {
      assert.strictEqual(foldAll([status("a", "Pushing", 30, 60)]).fraction, 0.5)
    })

    it("never goes backwards, whatever engines say", () => {
      fc.assert(fc.property(fc.array(anyStatus, { maxLength: 60 }), (statuses) => {
        let state = Progress.initial
        for (const next of statuses) {
          const before = state
          const frozen = JSON.stringify(before)
          state = Progress.fold(before, next)
          assert.strictEqual(JSON.stringify(before), frozen)
          assert.isTrue(state.fraction >= before.fraction && state.fraction <= 1)
          assert.isTrue(state.current >= before.current && state.total >= before.total)
          assert.isTrue(state.current <= state.total || state.layers.some((layer) => layer.total === undefined))
          assert.isTrue(state.layers.length >= before.layers.length)
          assert.isTrue(state.messages.length <= 50)
        }
      }))
    })

    it("is dual", () => {
      const next = status("a", "Downloading", 1, 2)
      assert.deepStrictEqual(Progress.fold(next)(Progress.initial), Progress.fold(Progress.initial, next))
    })

    it("knows speed and remaining time, and they fade", () => {
      let state = Progress.fold(Progress.initial, status("a", "Downloading", 0, 100_000), { now: 0 })
      assert.isUndefined(Progress.rate(state, 0))
      assert.isUndefined(Progress.remaining(state, 0))
      for (let t = 1; t <= 30; t++) {
        state = Progress.fold(state, status("a", "Downloading", t * 1000, 100_000), { now: t * 1000 })
      }
      assert.closeTo(Progress.rate(state, 30_000) ?? 0, 1000, 1)
      // 70 s of download, and the quarter that is extraction at the same pace
      assert.closeTo(Progress.remaining(state, 30_000) ?? 0, 103_333, 50)
      assert.isBelow(Progress.rate(state, 40_000) ?? 0, 100)
      // a clock that went back is not believed
      const back = Progress.fold(state, status("a", "Downloading", 31_000, 100_000), { now: 0 })
      assert.strictEqual(back.updatedAt, 30_000)
      assert.closeTo(Progress.rate(back, 30_000) ?? 0, 1000, 1)
      assert.strictEqual(Progress.remaining(Progress.fold(state, status("a", "Complete")), 30_000), 0)
    })
  })

  describe("format", () => {
    const some = foldAll([
      status("9f3a4b1c2d3e", "Exists"),
      status("1f3a4b1c2d3e", "Downloading", 12_300_000, 45_600_000),
      status("sha256:2f3a4b1c2d3e4f5a6b7c", "Waiting")
    ])

    it("has sizes, bars and phases", () => {
      assert.deepStrictEqual(Progress.format(some, { width: 72, title: "pulling gcc:14", unicode: true }), [
        "pulling gcc:14  12.3 MB / 45.6 MB+  20%",
        "✔ 9f3a4b1c2d3e  Exists",
        "  1f3a4b1c2d3e  Downloading  █████▉░░░░░░░░░░░░░░░░  12.3 MB / 45.6 MB",
        "  2f3a4b1c2d3e  Waiting"
      ])
    })

    it("says how fast and how long, and drops what does not fit", () => {
      const first = Progress.fold(Progress.initial, status("a", "Downloading", 0, 45_600_000), { now: 0 })
      const state = Progress.fold(first, status("a", "Downloading", 12_300_000, 45_600_000), { now: 1000 })
      const header = (width: number) => Progress.format(state, { width, title: "pulling gcc:14" })[0]
      assert.strictEqual(header(80), "pulling gcc:14  12.3 MB / 45.6 MB  20%  12.3 MB/s  ETA 4s")
      assert.strictEqual(header(50), "pulling gcc:14  12.3 MB / 45.6 MB  20%  ETA 4s")
      assert.strictEqual(header(40), "pulling gcc:14  12.3 MB / 45.6 MB  20%")
      assert.strictEqual(header(20), "pulling gcc:14  20%")
      assert.strictEqual(header(10), "pulling g~")
    })

    it("collapses what is finished, then what waits, to fit the height", () => {
      const ids = Array.from({ length: 9 }, (_, i) => `${i}`.repeat(12))
      const state = foldAll(
        ids.map((id, i) =>
          i < 4 ? status(id, "Complete") : i < 6 ? status(id, "Downloading", 1, 2) : status(id, "Waiting")
        )
      )
      const lines = (height: number) => Progress.format(state, { width: 30, height }).slice(1)
      assert.strictEqual(lines(10).length, 9)
      assert.deepStrictEqual(lines(8).at(-1), "* 4 layers complete")
      assert.strictEqual(lines(8).length, 6)
      assert.deepStrictEqual(lines(5), [
        "  444444444444 50%",
        "  555555555555 50%",
        "* 4 layers complete",
        "  3 layers waiting"
      ])
      assert.deepStrictEqual(lines(4), ["* 4 layers complete", "  3 layers waiting", "  and 2 more"])
      assert.deepStrictEqual(lines(1), [])
    })

    it("is never wider than told, nor higher, nor has control characters", () => {
      const wide = (text: string) =>
        [...text].reduce((n, c) => n + (/\p{M}|\p{Cf}/u.test(c) ? 0 : /[\u4e00-\u9fff]/u.test(c) ? 2 : 1), 0)
      fc.assert(fc.property(
        fc.array(anyStatus, { maxLength: 30 }),
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 12 }),
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom(undefined, "pulling 映像", "a\u001b[2Jb\nc"),
        (statuses, width, height, unicode, color, title) => {
          const lines = Progress.format(foldAll(statuses), { width, height, unicode, color, title })
          assert.isAtMost(lines.length, height)
          for (const line of lines) {
            const bare = color ? stripVTControlCharacters(line) : line
            assert.isAtMost(wide(bare), width)
            assert.notMatch(bare, /\p{Cc}/u)
          }
        }
      ))
    })
  })

  describe("builds", () => {
    const statuses = [
      build({ step: { number: 1, total: 3, instruction: "FROM gcc:14" }, stream: "Step 1/3 : FROM gcc:14\n" }),
      build({ id: "9f3a4b1c2d3e", status: "Downloading", current: 1000, total: 4000 }),
      build({ step: { number: 2, total: 3, instruction: "RUN make" }, stream: "Step 2/3 : RUN make\n" }),
      build({ stream: "10%\r50%\r\u001b[32m100%\u001b[0m\nlin" }),
      build({ stream: "king\n" })
    ]

    it("show steps, the base image's pull and the end of the log", () => {
      assert.deepStrictEqual(
        Progress.formatBuild(foldBuilds(statuses.slice(0, 2)), { width: 40 }),
        [
          "  [1/3] FROM gcc:14",
          "    pulling  1.0 kB / 4.0 kB  18%",
          "      9f3a4b1c2d3e  Downloading   25%"
        ]
      )
      const state = foldBuilds(statuses)
      assert.deepStrictEqual(state.log, ["100%", "linking"])
      assert.deepStrictEqual(Progress.formatBuild(state, { width: 40 }), [
        "* [1/3] FROM gcc:14",
        "  [2/3] RUN make",
        "    100%",
        "    linking"
      ])
      const last = Progress.foldBuild(state, build({ step: { number: 3, total: 3, instruction: "RUN ls" } }))
      assert.deepStrictEqual(Progress.formatBuild(last, { width: 16, height: 2 }), [
        "* 2 steps compl~",
        "  [3/3] RUN ls"
      ])
    })

    it("are never wider or higher than told, and keep 100 lines", () => {
      fc.assert(fc.property(
        fc.array(fc.oneof(fc.string({ unit: character, maxLength: 50 }), fc.constant("\n"), fc.nat(9))),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 10 }),
        (parts, width, height) => {
          const state = foldBuilds(parts.map((part) =>
            typeof part === "string"
              ? build({ stream: part })
              : build({ step: { number: part, total: 9, instruction: "RUN 命令\n\u0007" } })
          ))
          const lines = Progress.formatBuild(state, { width, height })
          assert.isAtMost(lines.length, height)
          for (const line of lines) {
            assert.isAtMost([...line.replaceAll(/[\p{M}\p{Cf}]/gu, "")].length, width)
            assert.notMatch(line, /\p{Cc}/u)
          }
        }
      ))
      assert.strictEqual(foldBuilds([build({ stream: "x\n".repeat(1000) })]).log.length, 100)
    })

    it.effect("print steps and log where there is no terminal", () =>
      Effect.gen(function*() {
        const output = new Fake()
        output.isTTY = false
        const seen = yield* Stream.runCollect(
          Progress.renderBuild(Stream.fromIterable(statuses), { output, title: "building app" })
        )
        assert.deepStrictEqual(seen, statuses)
        assert.strictEqual(
          output.all,
          "[1/3] FROM gcc:14\n9f3a4b1c2d3e: Downloading 4.0 kB\n[2/3] RUN make\n100%\nlinking\n" +
            "* building app: done  0.0s\n"
        )
      }).pipe(Effect.provide(env({}))))

    it.effect("leave the log of the step that failed", () =>
      Effect.gen(function*() {
        const output = new Fake()
        const failing = Stream.fromIterable(statuses).pipe(Stream.concat(Stream.fail("exit 2")))
        const options = { output, title: "building app", color: false }
        assert.strictEqual(
          yield* Effect.flip(Stream.runDrain(failing.pipe(Progress.renderBuild(options)))),
          "exit 2"
        )
        assert.deepStrictEqual(output.screen, [
          "* [1/3] FROM gcc:14  0.0s",
          "x [2/3] RUN make  0.0s",
          "    100%",
          "    linking",
          "x building app: failed at step 2/3  0.0s"
        ])
      }).pipe(Effect.provide(env({}))))
  })

  describe("render", () => {
    const few = [status("a", "Waiting"), status("a", "Downloading", 1, 4), status("a", "Downloading", 3, 4)]
    /** A pull that goes on when the test says so. */
    const paced = (statuses: ReadonlyArray<Progress.PullStatus>) =>
      Stream.fromIterable(statuses, { chunkSize: 1 }).pipe(
        Stream.tap(() => Effect.sleep("50 millis"))
      )

    it.effect("draws over itself, ten times a second at most, and leaves one line", () =>
      Effect.gen(function*() {
        const output = new Fake()
        const many = Array.from({ length: 20 }, (_, i) => status("a", "Downloading", i * 1_000_000, 20_000_000))
        const statuses = [...many, status("a", "Complete")]
        const fiber = yield* Effect.forkChild(
          Stream.runCollect(Progress.render(paced(statuses), { output, title: "pulling x" })),
          { startImmediately: true }
        )
        yield* TestClock.adjust("475 millis")
        assert.deepStrictEqual(output.screen.length, 2)
        assert.match(output.screen[0] ?? "", /^pulling x {2}\d\.0 MB \/ 20\.0 MB {2}\d+%/)
        assert.match(output.screen[1] ?? "", /^ {2}a {5}Downloading {2}\[/)
        assert.isAtMost(output.written.length, 6)
        assert.isAtLeast(output.written.length, 3)
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* Fiber.join(fiber), statuses)
        assert.deepStrictEqual(output.screen, ["* pulling x: done  20.0 MB  1.0s  1 layer"])
        assert.isAtMost(output.written.length, 13)
        assert.notInclude(output.all, "\u001b[?25l")
      }).pipe(Effect.provide(env({ NO_COLOR: "1" }))))

    it.effect("ends with a line also when the stream fails, is interrupted or is left", () =>
      Effect.gen(function*() {
        const failed = new Fake()
        yield* Effect.exit(Stream.runDrain(
          Stream.fromIterable(few).pipe(Stream.concat(Stream.fail("gone")), Progress.render({ output: failed }))
        ))
        assert.deepStrictEqual(failed.screen.at(-1), "x pulling: failed at 56%  3 B / 4 B  0.0s  1 layer")
        assert.strictEqual(failed.screen.length, 2)

        const interrupted = new Fake()
        const started = yield* Deferred.make<void>()
        const fiber = yield* Effect.forkChild(Stream.runDrain(
          Stream.fromIterable(few).pipe(
            Stream.concat(Stream.fromEffectDrain(Effect.andThen(Deferred.succeed(started, undefined), Effect.never))),
            Progress.render({ output: interrupted })
          )
        ))
        yield* Deferred.await(started)
        yield* Fiber.interrupt(fiber)
        assert.match(interrupted.screen.at(-1) ?? "", /^x pulling: interrupted at 56%/)

        const stopped = new Fake()
        const one = yield* Effect.forkChild(
          Stream.runDrain(Stream.take(Progress.render(paced(few), { output: stopped }), 1)),
          { startImmediately: true }
        )
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(one)
        assert.match(stopped.screen.at(-1) ?? "", /^- pulling: stopped/)
      }).pipe(Effect.provide(env({}))))

    it.effect("writes plain lines, without control characters, where there is no terminal or a dumb one", () =>
      Effect.gen(function*() {
        for (const [isTTY, TERM] of [[false, "xterm"], [true, "dumb"]] as const) {
          const output = new Fake()
          output.isTTY = isTTY
          const statuses = [message("Pulling\u001b[31m from\nx"), ...few, status("a", "Complete")]
          yield* Stream.runDrain(
            Progress.render(Stream.fromIterable(statuses), { output, title: "pulling x", color: true })
          ).pipe(Effect.provide(env({ TERM, LANG: "en_US.UTF-8" }), { local: true }))
          assert.strictEqual(
            output.all,
            "Pulling from x\na: Waiting\na: Downloading 4 B\na: Complete\n✔ pulling x: done  4 B  0.0s  1 layer\n"
          )
        }
      }))

    it.effect("honours NO_COLOR", () =>
      Effect.gen(function*() {
        const drawn = (variables: Record<string, string>) =>
          Effect.gen(function*() {
            const output = new Fake()
            yield* Stream.runDrain(Progress.render(Stream.fromIterable(few), { output }))
            return output.all
          }).pipe(Effect.provide(Layer.fresh(env(variables))))
        assert.include(yield* drawn({ LANG: "C" }), "\u001b[1m")
        assert.notInclude(yield* drawn({ NO_COLOR: "1" }), "\u001b[1m")
        assert.include(yield* drawn({ NO_COLOR: "" }), "\u001b[1m")
      }))

    it.effect("goes up by the rows that its lines take after the terminal became narrow", () =>
      Effect.gen(function*() {
        const output = new Fake()
        const fiber = yield* Effect.forkChild(
          Stream.runDrain(Progress.render(paced([...few, ...few]), { output, title: "x".repeat(60) })),
          { startImmediately: true }
        )
        yield* TestClock.adjust("50 millis")
        const before = output.screen.map((line) => line.length)
        output.columns = 25
        output.written.length = 0
        yield* TestClock.adjust("100 millis")
        const rows = before.reduce((sum, length) => sum + Math.ceil(length / 25), 0)
        assert.isAbove(rows, before.length)
        assert.isTrue(output.all.startsWith(`\r\u001b[${rows}A\u001b[J`))
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(fiber)
        for (const line of output.screen) assert.isBelow(line.length, 25)
      }).pipe(Effect.provide(env({ NO_COLOR: "1" }))))

    it.effect("does not fail a pull that cannot be shown", () =>
      Effect.gen(function*() {
        let tried = 0
        const output: Progress.Terminal = {
          isTTY: true,
          write: () => {
            tried++
            throw new Error("EIO")
          }
        }
        const exit = yield* Effect.exit(Stream.runCollect(Progress.render(Stream.fromIterable(few), { output })))
        assert.deepStrictEqual(exit, Exit.succeed(few))
        assert.strictEqual(tried, 1)
      }).pipe(Effect.provide(env({}))))

    it.effect("says nothing of layers when there were no statuses", () =>
      Effect.gen(function*() {
        const output = new Fake()
        yield* Stream.runDrain(Progress.render(Stream.empty, { output, title: "pulling x", color: false }))
        assert.deepStrictEqual(output.screen, ["* pulling x: done"])
      }).pipe(Effect.provide(env({}))))
  })
})
