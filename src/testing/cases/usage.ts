import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Container from "../../Container.ts"
import { type Case, group, job, needs, part, until } from "../case.ts"
import { equal, fails, holds } from "../expect.ts"
import { Fixture } from "../fixture.ts"

const it = group("pause and usage")

const ticking = Effect.flatMap(job("while :; do echo tick; sleep 0.05; done"), Container.start)

/** How much it has written. */
const size = (id: string) =>
  Effect.map(
    Stream.runCollect(Container.logs(id)),
    (frames) => frames.reduce((size, { bytes }) => size + bytes.length, 0)
  )

export const cases: ReadonlyArray<Case> = [
  it(
    "a paused container stands still, and goes on",
    part(
      "pause",
      Container.pause("efc-no-such-container"),
      Effect.gen(function*() {
        const { id } = yield* ticking
        yield* until(size(id), (bytes) => bytes > 0)
        yield* Container.pause(id)
        yield* equal("state", (yield* Container.inspect(id)).state, "paused")
        yield* fails(Container.pause(id), { tag: "ContainerPause", reason: "Conflict", id })
        // What it wrote before may still be on its way.
        yield* Effect.sleep("500 millis")
        const before = yield* size(id)
        yield* Effect.sleep("500 millis")
        yield* equal("what it has written", yield* size(id), before)
        yield* Container.unpause(id)
        yield* equal("state", (yield* Container.inspect(id)).state, "running")
        yield* until(size(id), (bytes) => bytes > before)
        yield* fails(Container.unpause(id), { tag: "ContainerPause", reason: "Conflict", id })
      })
    )
  ),
  it(
    "a paused container can be removed by force",
    part(
      "pause",
      Container.pause("efc-no-such-container"),
      Effect.gen(function*() {
        const { id } = yield* ticking
        yield* Container.pause(id)
        yield* Container.remove(id, { force: true })
        yield* fails(Container.inspect(id), { tag: "ContainerInspect", reason: "NotFound", id })
      })
    )
  ),
  it(
    "pause what does not run, or is not there",
    part(
      "pause",
      Container.pause("efc-no-such-container"),
      Effect.gen(function*() {
        const { id } = yield* Effect.flatMap(job(["true"]), Container.create)
        yield* fails(Container.pause(id), { tag: "ContainerPause", reason: "Conflict", id })
        yield* fails(Container.pause("efc-no-such-container"), {
          tag: "ContainerPause",
          reason: "NotFound",
          id: "efc-no-such-container"
        })
      })
    )
  ),
  it(
    "what a container uses",
    part(
      "usage",
      Container.usage("efc-no-such-container"),
      Effect.gen(function*() {
        const self = Container.memory(yield* job("while :; do :; done"), "64 MiB")
        const { id } = yield* Container.start(self)
        const first = yield* until(Container.usage(id), ({ cpuTime }) => cpuTime > 0n)
        yield* holds("memory", first.memory > 0 && first.memory < 64 * 1024 * 1024, first.memory)
        yield* equal("memoryLimit", first.memoryLimit, 64 * 1024 * 1024)
        yield* holds("pids", first.pids >= 1, first.pids)
        yield* until(Container.usage(id), ({ cpuTime }) => cpuTime > first.cpuTime)
      })
    )
  ),
  it(
    "what one uses that does not run, or is not there",
    part(
      "usage",
      Container.usage("efc-no-such-container"),
      Effect.gen(function*() {
        const { id } = yield* Effect.flatMap(job(["true"]), Container.create)
        yield* fails(Container.usage(id), { tag: "ContainerStats", reason: "Conflict", id })
        yield* fails(Container.usage("efc-no-such-container"), {
          tag: "ContainerStats",
          reason: "NotFound",
          id: "efc-no-such-container"
        })
      })
    )
  ),
  it(
    "what one uses over time, until it ends",
    part(
      "usage",
      Container.usage("efc-no-such-container"),
      Effect.gen(function*() {
        const container = yield* Effect.flatMap(
          Effect.map(job("while :; do :; done"), Container.memory("64 MiB")),
          Container.start
        )
        const collected = yield* Container.stats(container, { every: "200 millis" }).pipe(
          Stream.tap(({ cpuPercent }) => cpuPercent > 0 ? container.kill({ killSignal: "SIGKILL" }) : Effect.void),
          Stream.runCollect
        )
        const { cpuPercent = 0, memoryPercent = 0 } = collected.at(-1) ?? {}
        yield* holds("cpuPercent", cpuPercent > 0, cpuPercent)
        yield* holds("memoryPercent", memoryPercent > 0 && memoryPercent < 100, memoryPercent)
        yield* fails(Stream.runDrain(Container.stats("efc-no-such-container")), {
          tag: "ContainerStats",
          reason: "NotFound",
          id: "efc-no-such-container"
        })
      })
    )
  ),
  it(
    "what one receives and sends",
    part(
      "usage",
      Container.usage("efc-no-such-container"),
      Effect.gen(function*() {
        const alone = Container.network(yield* job("while :; do sleep 1; done"), "none")
        yield* needs("noNetwork", alone, (alone) =>
          Effect.gen(function*() {
            const { id } = yield* Container.start(alone)
            const { networkReceived, networkSent } = yield* Container.usage(id)
            const { ways = [] } = yield* Fixture
            const none = ways.includes("what has no network has received and sent nothing") ? 0 : undefined
            yield* equal("without a network", [networkReceived, networkSent], [none, none])
          }))
      })
    )
  )
]
