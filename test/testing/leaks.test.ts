import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Memory from "effect-containers/layers/Memory"
import * as Testing from "effect-containers/testing"
import { createServer } from "node:net"

/** A server that closes so much later, in milliseconds, by a timer that keeps nothing alive. */
const closesAfter = (delay: number) =>
  Effect.callback<string>((resume) => {
    const server = createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed("done")))
    setTimeout(() => server.close(), delay).unref()
  })

describe("what is left behind", () => {
  it.live("what goes a moment later is not", () =>
    Effect.gen(function*() {
      const check = Testing.withoutLeaks(Memory.layer(), { patience: 5000 })
      assert.strictEqual(yield* check(closesAfter(250)), "done")
    }))

  it.live("what stays is, and nothing else", () =>
    Effect.gen(function*() {
      const check = Testing.withoutLeaks(Memory.layer(), { patience: 300 })
      const error = yield* Effect.flip(check(closesAfter(1500)))
      assert.deepStrictEqual(
        error instanceof Testing.Leaked && error.more.filter((one) => !one.startsWith("open socket:")),
        ["a TCP server"]
      )
    }))
})
