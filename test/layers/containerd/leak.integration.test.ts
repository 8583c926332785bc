/**
 * What is left of runs that were interrupted at any moment: nothing. `EFFECT_CONTAINERS_INTERRUPTIONS` (default 60) says
 * how many.
 */
import { describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, Random, Stream } from "effect"
import { Container, Image } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as Channel from "../../../src/layers/containerd/channel.ts"
import { Containers } from "../../../src/layers/containerd/protocol/containers_pb.ts"
import { Content } from "../../../src/layers/containerd/protocol/content_pb.ts"
import { Leases } from "../../../src/layers/containerd/protocol/leases_pb.ts"
import { Snapshots } from "../../../src/layers/containerd/protocol/snapshots_pb.ts"
import { Tasks } from "../../../src/layers/containerd/protocol/tasks_pb.ts"
import { type Engine, restartable, versions } from "./engine.ts"

const interruptions = Number(process.env["EFFECT_CONTAINERS_INTERRUPTIONS"] ?? 60)

const read = (path: string) => {
  try {
    return readFileSync(path, "utf8").replaceAll("\0", " ")
  } catch {
    return ""
  }
}

const files = (folder: string): ReadonlyArray<string> => {
  try {
    return readdirSync(folder, { recursive: true, encoding: "utf8" })
  } catch {
    return []
  }
}

/** All that the engine, the kernel and our folder hold. */
const holds = Effect.fnUntraced(function*({ config }: Engine) {
  const channel = yield* Channel.make({
    socket: config.address,
    namespace: config.namespace,
    requestTimeout: 10_000
  })
  const operation = "look"
  const snapshots = yield* Stream.runCollect(
    channel.stream(Snapshots.method.list, { snapshotter: "overlayfs", filters: [] }, { operation })
  )
  const { containers } = yield* channel.unary(Containers.method.list, { filters: [] }, { operation })
  const { tasks } = yield* channel.unary(Tasks.method.list, { filter: "" }, { operation })
  const { leases } = yield* channel.unary(Leases.method.list, { filters: [] }, { operation })
  const { statuses } = yield* channel.unary(Content.method.listStatuses, { filters: [] }, { operation })
  const folder = config.folder ?? ""
  return {
    snapshots: snapshots.flatMap(({ info }) => info.map(({ name }) => name)).toSorted(),
    containers: containers.map(({ id }) => id),
    tasks: tasks.map(({ id }) => id),
    leases: leases.map(({ id }) => id),
    ingests: statuses.map(({ ref }) => ref),
    shims: readdirSync("/proc").filter((pid) =>
      /^\d+$/.test(pid) && read(`/proc/${pid}/cmdline`).includes(` -address ${config.address}`)
    ),
    files: files(join(folder, config.namespace)),
    descriptors: readdirSync("/proc/self/fd").filter((fd) => fd !== "").length
  }
})

describe.each(versions)("%s", (name) => {
  it.live(`${interruptions} interrupted runs leave nothing`, () =>
    Effect.scoped(Effect.gen(function*() {
      const engine = yield* restartable(name)
      const layer = Containerd.layer(engine.config)
      const job = Container.make("busybox:test").pipe(Container.pull("never"))
      const jobs = [
        Container.command(job, "while :; do echo x; done"),
        Container.command(job, ["sleep", "60"]),
        Container.command(job, "echo done"),
        job.pipe(Container.command(["cat"]), Container.stdin(Stream.never))
      ]
      yield* Effect.provide(
        Effect.andThen(Image.fromArchive(Stream.make(engine.image)), Container.run(Container.command(job, ["true"]))),
        layer
      )
      const before = yield* Effect.scoped(holds(engine))
      const interrupted = Effect.gen(function*() {
        const run = jobs[yield* Random.nextIntBetween(0, jobs.length)] ?? job
        const after = yield* Random.nextIntBetween(0, 400)
        yield* Effect.timeoutOption(Container.run(run), after)
      })
      yield* Effect.forEach(Array.from({ length: interruptions }), () => interrupted, {
        concurrency: 4,
        discard: true
      }).pipe(Effect.provide(layer))
      deepStrictEqual(yield* Effect.scoped(holds(engine)), before)
    })), 600_000)
})
