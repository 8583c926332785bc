import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import type { Channel } from "../../../../src/layers/containerd/channel.ts"
import { reason } from "../../../../src/layers/containerd/errors.ts"
import * as Lease from "../../../../src/layers/containerd/images/lease.ts"

/** An engine that holds leases, and may be away. */
const engine = () => {
  const held = new Set<string>()
  let isAway = false
  const unary = (method: { readonly name: string }, request: { readonly id: string }) =>
    Effect.suspend(() => {
      if (isAway) return Effect.fail(reason("Unavailable", { operation: "pull", message: "no engine", code: 14 }))
      if (method.name === "Create") held.add(request.id)
      else held.delete(request.id)
      return Effect.succeed({})
    })
  return {
    // Nothing else of it is used.
    channel: { unary } as unknown as Channel,
    held,
    away: (is: boolean) =>
      Effect.sync(() => {
        isAway = is
      })
  }
}

describe("leases", () => {
  it.effect("of an engine that was away as one was to go, none is left when another goes", () =>
    Effect.gen(function*() {
      const { away, channel, held } = engine()
      const [first, second] = [yield* Scope.make(), yield* Scope.make()]
      yield* Scope.provide(Lease.make(channel, "pull"), first)
      yield* Scope.provide(Lease.make(channel, "pull"), second)
      yield* away(true)
      yield* Scope.close(first, Exit.void)
      yield* away(false)
      assert.strictEqual(held.size, 2)
      yield* Scope.close(second, Exit.void)
      assert.deepStrictEqual([...held], [])
    }))

  it.effect("nor when another is made", () =>
    Effect.gen(function*() {
      const { away, channel, held } = engine()
      const first = yield* Scope.make()
      yield* Scope.provide(Lease.make(channel, "pull"), first)
      yield* away(true)
      yield* Scope.close(first, Exit.void)
      yield* away(false)
      const id = yield* Scope.provide(Lease.make(channel, "pull"), yield* Scope.make())
      assert.deepStrictEqual([...held], [id])
    }))
})
