import * as Effect from "effect/Effect"
import type * as Errors from "../../../Errors.ts"
import type { Channel } from "../channel.ts"
import { Containers } from "../protocol/containers_pb.ts"
import { time } from "../task.ts"

const operation = "connect"

/**
 * Removes what the engine remembers of containers that are older than itself: their processes and files went with its
 * last users, who had no time to remove them. Their snapshots go with them.
 */
export const forget = Effect.fnUntraced(function*(
  channel: Channel,
  started: number
): Effect.fn.Return<void, Errors.Reason> {
  const { containers } = yield* channel.unary(Containers.method.list, { filters: [] }, { operation })
  const old = containers.filter(({ createdAt }) => (time(createdAt) ?? 0) < started)
  yield* Effect.forEach(
    old,
    ({ id }) =>
      channel.unary(Containers.method.delete, { id }, { operation }).pipe(
        Effect.catchTag("NotFound", () => Effect.void)
      ),
    { concurrency: 8, discard: true }
  )
})
