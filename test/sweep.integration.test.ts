import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schedule, Stream } from "effect"
import { Container, Filter, Image, Owner } from "effect-containers"
import * as Docker from "effect-containers/layers/Docker"
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"

const host = process.env["EFFECT_CONTAINERS_TEST_DOCKER"]
const archive = process.env["EFFECT_CONTAINERS_TEST_IMAGE"]
const engine = Layer.unwrap(
  host === undefined
    ? Effect.die("EFFECT_CONTAINERS_TEST_DOCKER names no engine")
    : Effect.succeed(Docker.layer({ host, healthTimeout: 60_000, connectTimeout: 60_000 }))
)

/** The quickstart, in a process of its own, its job made so slow that it can be killed in the middle. */
const quickstart = Effect.acquireRelease(
  Effect.sync((): ChildProcess => {
    execFileSync("tsc", ["-b", "tsconfig.build.json"])
    return spawn(process.execPath, ["examples/quickstart.ts"], {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, DOCKER_HOST: host, QUICKSTART_IMAGE: "busybox:test", QUICKSTART_PAUSE: "600" }
    })
  }),
  (child) => Effect.sync(() => child.kill("SIGKILL"))
)

const runningOf = Effect.fnUntraced(function*(pid: number) {
  const all = yield* Container.list(Filter.label(Owner.labels.owner))
  return all.filter((one) => Owner.decode(one.labels[Owner.labels.owner]!)?.pid === pid && one.state === "running")
})

describe("what a killed program leaves behind", () => {
  it.live("is removed by sweep, and nothing else is", () =>
    Effect.gen(function*() {
      yield* Image.fromArchive(Stream.suspend(() => Stream.make(new Uint8Array(readFileSync(archive ?? "")))))
      const mine = yield* Container.start(
        Container.make("busybox:test").pipe(Container.command(["sleep", "600"]), Container.stopWith({ grace: 0 }))
      )
      const child = yield* quickstart
      const [orphan] = yield* runningOf(child.pid!).pipe(
        Effect.filterOrFail((running) => running.length === 1),
        Effect.retry(Schedule.spaced("200 millis"))
      )

      child.kill("SIGKILL")
      yield* Effect.promise(() => once(child, "exit"))
      assert.lengthOf(yield* runningOf(child.pid!), 1, "the engine goes on with what the program left")

      const { kept, removed } = yield* Container.sweep()
      assert.deepStrictEqual(kept, [])
      assert.include(removed.map((one) => one.id), orphan!.id)
      assert.notInclude(removed.map((one) => one.id), mine.id)
      assert.lengthOf(yield* runningOf(child.pid!), 0)
      assert.isTrue(yield* mine.isRunning)
    }).pipe(Effect.provide(engine)), 180_000)
})
