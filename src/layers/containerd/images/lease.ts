import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { randomUUID } from "node:crypto"
import type * as Errors from "../../../Errors.ts"
import type { Channel } from "../channel.ts"
import { Leases } from "../protocol/leases_pb.ts"

/** Who finds a lease sees whose it is. */
export const prefix = "effect-containers-"

/** After this the engine drops a lease that a program has left behind: milliseconds. */
const lifetime = 24 * 60 * 60 * 1000

/** Leases that an engine was not there to delete, by the connection to it. */
const lost = new WeakMap<Channel, Set<string>>()

const drop = (channel: Channel, operation: string, id: string): Effect.Effect<void> =>
  channel.unary(Leases.method.delete, { id, sync: false }, { operation }).pipe(
    Effect.matchEffect({
      onSuccess: () => Effect.sync(() => lost.get(channel)?.delete(id)),
      onFailure: (error) =>
        Effect.sync(() => {
          const ids = lost.get(channel) ?? new Set()
          lost.set(channel, ids)
          if (error._tag === "NotFound") ids.delete(id)
          else ids.add(id)
        })
    }),
    Effect.asVoid
  )

/**
 * What is made under the lease, whose id this gives, is not collected while the scope is open. What nothing else refers
 * to by then goes when it closes.
 */
export const make = Effect.fnUntraced(function*(
  channel: Channel,
  operation: string
): Effect.fn.Return<string, Errors.Reason, Scope.Scope> {
  const id = prefix + randomUUID()
  const now = yield* Clock.currentTimeMillis
  // First: it may have been made although its creation failed. One that cannot be deleted expires.
  yield* Effect.addFinalizer(() => drop(channel, operation, id))
  yield* Effect.forEach([...lost.get(channel) ?? []], (one) => drop(channel, operation, one), { discard: true })
  yield* Effect.uninterruptible(
    channel.unary(Leases.method.create, {
      id,
      labels: { "containerd.io/gc.expire": new Date(now + lifetime).toISOString() }
    }, { operation })
  )
  return id
})
