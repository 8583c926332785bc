import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Owner } from "effect-containers"
import * as fc from "fast-check"
import { spawn } from "node:child_process"
import { once } from "node:events"

describe("Owner", () => {
  it.effect("this process is alive", () => Effect.map(Owner.Owner, (owner) => assert.isFalse(Owner.isDead(owner))))

  it.effect("a process that has ended is dead", () =>
    Effect.gen(function*() {
      const me = yield* Owner.Owner
      const child = spawn("true")
      yield* Effect.promise(() => once(child, "exit"))
      assert.isTrue(Owner.isDead({ ...me, pid: child.pid! }))
    }))

  it.effect("another process with the same pid is not the owner", () =>
    Effect.gen(function*() {
      const me = yield* Owner.Owner
      assert.isTrue(Owner.isDead({ ...me, started: "1" }))
    }))

  it.effect("an owner on another host cannot be judged and counts as alive", () =>
    Effect.gen(function*() {
      const me = yield* Owner.Owner
      assert.isFalse(Owner.isDead({ ...me, host: "elsewhere|boot|1", pid: 999_999 }))
    }))

  it.effect("an owner from before the last boot of this host is dead", () =>
    Effect.gen(function*() {
      const me = yield* Owner.Owner
      const [name, , pids] = me.host.split("|")
      assert.isTrue(Owner.isDead({ ...me, host: `${name}|another-boot|${pids}` }))
    }))

  it("labels round-trip, and what is not one of ours is none", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.string(), (pid, started, host) => {
        fc.pre(!host.includes("\n"))
        const owner = { pid, started: String(started), host }
        assert.deepStrictEqual(Owner.decode(Owner.encode(owner)), owner)
      })
    )
    assert.isUndefined(Owner.decode("somebody"))
  })
})
