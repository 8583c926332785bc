/**
 * Much work: many runs at once, many readers of one container, much output for a slow reader. `npm run test:load` alone
 * runs it. `EFFECT_CONTAINERS_LOAD` says how many runs, `EFFECT_CONTAINERS_LOAD_BYTES` how long the output is.
 */
import { assert } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { BuildContext, Container, Filter, Image, Logs } from "effect-containers"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { faults, job } from "../faults/case.ts"

const number = (name: string, otherwise: number) => Number(process.env[name] || otherwise)

const runs = number("EFFECT_CONTAINERS_LOAD", 1000)
const bytes = number("EFFECT_CONTAINERS_LOAD_BYTES", 2 * 1024 ** 3)
const builds = 300
const followers = 64
const lines = 2000

const mib = (size: number) => Math.round(size / 1024 ** 2)

const mean = (all: ReadonlyArray<number>) => all.reduce((sum, one) => sum + one, 0) / all.length

faults({ minutes: 30 }, ({ fault, kind }) => {
  fault(`${runs} runs, 32 at a time`, "all fine", (_engine, note) =>
    Effect.gen(function*() {
      const sizes: Array<number> = []
      // What is garbage says nothing: how much of it there is depends on when it is collected.
      setFlagsFromString("--expose-gc")
      const collect: unknown = runInNewContext("gc")
      const look = () => {
        if (typeof collect === "function" && sizes.length % 10 === 0) collect()
        sizes.push(process.memoryUsage.rss())
      }
      yield* Effect.forEach(
        Array.from({ length: runs }, (_, n) => n),
        (n) =>
          Container.string(job(`echo ${n}`)).pipe(Effect.map((text) => {
            assert.strictEqual(text, `${n}\n`)
            look()
          })),
        { concurrency: 32, discard: true }
      )
      const [first, last] = [mean(sizes.slice(0, 100)), mean(sizes.slice(-100))]
      note(`RSS of the first hundred ${mib(first)} MiB, of the last ${mib(last)} MiB`)
      assert.isBelow(last / first, 1.2)
      return "all fine"
    }))

  // A containerd by itself builds nothing.
  if (kind === "docker") {
    fault(`${builds} builds, 8 at a time, each removed while others go on`, "all fine", () =>
      Effect.gen(function*() {
        const build = Effect.fnUntraced(function*(n: number) {
          // Few of them differ: what one looks for in the cache, another removes.
          const text = `FROM busybox:test\nENV A=${n % 4}\nENV B=${n % 3}\nENV C=1\n`
          yield* Stream.runDrain(Image.build(`efc-load-${n}:1`, BuildContext.fromDockerfile(text)))
          yield* Image.remove(`efc-load-${n}:1`, { force: true })
        })
        yield* Effect.forEach(Array.from({ length: builds }, (_, n) => n), build, { concurrency: 8, discard: true })
        // What a build had made that came to nothing is the builder's cache: images without a name.
        yield* Image.clean({ olderThan: 0, filter: Filter.make("dangling", "true") })
        return "all fine"
      }))
  }

  fault(`${followers} followers of one container`, "all lines", (_engine, note) =>
    Effect.gen(function*() {
      const handle = yield* Container.start(
        job(`i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); echo "line $i"; done`)
      )
      const expected = Array.from({ length: lines }, (_, n) => `line ${n + 1}`)
      const read = yield* Effect.all(
        Array.from({ length: followers }, () =>
          Stream.runCollect(Stream.map(Logs.lines(handle.logs({ follow: true })), ({ text }) => text))),
        { concurrency: "unbounded" }
      )
      for (const one of read) {
        assert.deepStrictEqual([...one], expected)
      }
      note(`${followers} times ${lines} lines`)
      return "all lines"
    }))

  fault(`${mib(bytes)} MiB for a slow reader`, "all bytes", (_engine, note) =>
    Effect.gen(function*() {
      const before = process.memoryUsage.rss()
      let [peak, size, sinceRest] = [before, 0, 0]
      const output = Container.stream(job(["head", "-c", String(bytes), "/dev/zero"]))
      yield* Stream.runForEachArray(output, (frames) => {
        for (const frame of frames) {
          size += frame.bytes.length
          sinceRest += frame.bytes.length
        }
        peak = Math.max(peak, process.memoryUsage.rss())
        if (sinceRest < 16 * 1024 ** 2) return Effect.void
        sinceRest = 0
        return Effect.sleep("20 millis")
      })
      note(`peak RSS ${mib(peak - before)} MiB above the start`)
      assert.strictEqual(size, bytes)
      assert.isBelow(mib(peak - before), 250)
      return "all bytes"
    }))
})
