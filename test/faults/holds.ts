import { Effect, Schedule, Stream } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as Channel from "../../src/layers/containerd/channel.ts"
import { Containers } from "../../src/layers/containerd/protocol/containers_pb.ts"
import { Content } from "../../src/layers/containerd/protocol/content_pb.ts"
import { Leases } from "../../src/layers/containerd/protocol/leases_pb.ts"
import { Snapshots } from "../../src/layers/containerd/protocol/snapshots_pb.ts"
import { Tasks } from "../../src/layers/containerd/protocol/tasks_pb.ts"
import type { Engine } from "./engine.ts"

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

/** All that a containerd, the kernel for it, and our folder hold. */
export const holds = Effect.fnUntraced(function*({ config }: Engine) {
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
  return {
    snapshots: snapshots.flatMap(({ info }) => info.map(({ name }) => name)).toSorted(),
    containers: containers.map(({ id }) => id),
    tasks: tasks.map(({ id }) => id),
    leases: leases.map(({ id }) => id),
    ingests: statuses.map(({ ref }) => ref),
    shims: readdirSync("/proc").filter((pid) => /^\d+$/.test(pid)).flatMap((pid) => {
      const command = read(`/proc/${pid}/cmdline`)
      return command.includes(` -address ${config.address}`) ? [`${pid} ${command}`] : []
    }),
    files: files(join(config.folder ?? "", config.namespace))
  }
})

/** What it holds when nothing runs. A shim's process ends shortly after its task is deleted. */
export const holdsAtRest = (engine: Engine) =>
  Effect.repeat(Effect.scoped(holds(engine)), {
    while: ({ shims }) => shims.length > 0,
    schedule: Schedule.upTo(Schedule.spaced("100 millis"), { times: 100 })
  })
