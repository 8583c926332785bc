import { fromBinary } from "@bufbuild/protobuf"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { Usage } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import type { Channel } from "./channel.ts"
import { reason } from "./errors.ts"
import { type Metrics as First, MetricsSchema as FirstSchema } from "./protocol/metrics-v1_pb.ts"
import { type Metrics as Second, MetricsSchema as SecondSchema } from "./protocol/metrics-v2_pb.ts"
import { Tasks } from "./protocol/tasks_pb.ts"

/** What the control group of a container counts. */
export type Counted =
  | { readonly version: 1; readonly metrics: First }
  | { readonly version: 2; readonly metrics: Second }

export const read = (channel: Channel, operation: string, id: string): Effect.Effect<Counted, Errors.Reason> =>
  Effect.flatMap(
    channel.unary(Tasks.method.metrics, { filters: [`id==${id}`] }, { operation }),
    ({ metrics }): Effect.Effect<Counted, Errors.Reason> => {
      const data = metrics[0]?.data
      return Effect.try({
        try: (): Counted | undefined =>
          data?.typeUrl.endsWith("io.containerd.cgroups.v1.Metrics") === true
            ? { version: 1, metrics: fromBinary(FirstSchema, data.value) }
            : data?.typeUrl.endsWith("io.containerd.cgroups.v2.Metrics") === true
            ? { version: 2, metrics: fromBinary(SecondSchema, data.value) }
            : undefined,
        catch: (cause) => reason("Protocol", { operation, message: "the counters cannot be read", cause })
      }).pipe(
        Effect.filterOrFail(
          (counted) => counted !== undefined,
          () => reason("NotFound", { operation, message: `nothing is counted of container ${id}` })
        )
      )
    }
  )

const sum = <A>(entries: ReadonlyArray<A>, value: (entry: A) => bigint): number =>
  entries.reduce((sum, entry) => sum + Number(value(entry)), 0)

/** More than any machine has: what the kernel says where there is no limit. */
const unlimited = 2 ** 62

const usageOf = (counted: Counted): Omit<Usage, "time"> => {
  const memory = counted.version === 1 ? counted.metrics.memory?.usage?.usage : counted.metrics.memory?.usage
  const limit = counted.version === 1 ? counted.metrics.memory?.usage?.limit : counted.metrics.memory?.usageLimit
  const cache = counted.version === 1
    ? counted.metrics.memory?.totalInactiveFile
    : counted.metrics.memory?.inactiveFile
  const used = Number(memory ?? 0n)
  const rest = {
    memory: Math.max(0, used - Number(cache ?? 0n)),
    ...(limit === undefined || Number(limit) >= unlimited ? {} : { memoryLimit: Number(limit) }),
    pids: Number(counted.metrics.pids?.current ?? 0n)
  }
  if (counted.version === 1) {
    const { blkio, cpu } = counted.metrics
    const entries = blkio?.ioServiceBytesRecursive ?? []
    return {
      ...rest,
      cpuTime: cpu?.usage?.total ?? 0n,
      blockRead: sum(entries, ({ op, value }) => op === "Read" ? value : 0n),
      blockWritten: sum(entries, ({ op, value }) => op === "Write" ? value : 0n)
    }
  }
  const entries = counted.metrics.io?.usage ?? []
  return {
    ...rest,
    cpuTime: (counted.metrics.cpu?.usageUsec ?? 0n) * 1000n,
    blockRead: sum(entries, ({ rbytes }) => rbytes),
    blockWritten: sum(entries, ({ wbytes }) => wbytes)
  }
}

/** What a container uses now. */
export const usage = (channel: Channel, id: string): Effect.Effect<Usage, Errors.Reason> =>
  Effect.map(
    Effect.all([read(channel, "usage", id), DateTime.now]),
    ([counted, time]) => ({ time, ...usageOf(counted) })
  )

/** How many processes were killed for want of memory. 0 where nobody counts, or does not say it any more. */
export const oomKills = (channel: Channel, id: string): Effect.Effect<number> =>
  read(channel, "wait", id).pipe(
    Effect.map((counted) =>
      Number(
        counted.version === 1
          ? counted.metrics.memoryOomControl?.oomKill ?? 0n
          : counted.metrics.memoryEvents?.oomKill ?? 0n
      )
    ),
    Effect.catchTag("NotFound", () => Effect.succeed(0)),
    // That it was killed is known, and worth more than why.
    Effect.catch((error) =>
      Effect.as(Effect.logWarning(`whether memory killed container ${id} cannot be told: ${error.message}`), 0)
    )
  )
