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

/** Whether it is gone. */
const drop = (channel: Channel, operation: string, id: string): Effect.Effect<boolean> =>
  channel.unary(Leases.method.delete, { id, sync: false }, { operation }).pipe(
    Effect.as(true),
    Effect.catch((error) => Effect.succeed(error._tag === "NotFound")),
    Effect.tap((isGone) =>
      Effect.sync(() => {
        const ids = lost.get(channel) ?? new Set()
        lost.set(channel, ids)
        if (isGone) ids.delete(id)
        else ids.add(id)
      })
    )
  )

const dropLost = (channel: Channel, operation: string): Effect.Effect<void> =>
  Effect.suspend(() =>
    Effect.forEach([...lost.get(channel) ?? []], (id) => drop(channel, operation, id), { discard: true })
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
  yield* Effect.addFinalizer(() =>
    Effect.flatMap(
      drop(channel, operation, id),
      // One may have been lost meanwhile, and nobody may make another.
      (isGone) => isGone ? dropLost(channel, operation) : Effect.void
    )
  )
  yield* dropLost(channel, operation)
  yield* Effect.uninterruptible(
    channel.unary(Leases.method.create, {
      id,
      labels: { "containerd.io/gc.expire": new Date(now + lifetime).toISOString() }
    }, { operation })
  )
  return id
})
