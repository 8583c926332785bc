import { fromBinary } from "@bufbuild/protobuf"
import * as Effect from "effect/Effect"
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

/** How many processes were killed for want of memory. 0 where nobody counts. */
export const oomKills = (channel: Channel, id: string): Effect.Effect<number> =>
  read(channel, "wait", id).pipe(
    Effect.map((counted) =>
      Number(
        counted.version === 1
          ? counted.metrics.memoryOomControl?.oomKill ?? 0n
          : counted.metrics.memoryEvents?.oomKill ?? 0n
      )
    ),
    Effect.catch(() => Effect.succeed(0))
  )
