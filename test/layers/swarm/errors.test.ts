import { assert, it } from "@effect/vitest"
import { Errors } from "effect-containers"
import { said } from "effect-containers/layers/swarm/errors"

const error = (message: string) => said(new Errors.Internal({ operation: "create", message, code: 500 }))

it("what managers say to each other is told by its meaning", () => {
  for (
    const [message, tag, words] of [
      [
        "rpc error: code = AlreadyExists desc = name conflicts with an existing object: x",
        "AlreadyExists",
        "name conflicts"
      ],
      ["rpc error: code = InvalidArgument desc = bad", "InvalidArgument", "bad"],
      ["rpc error: code = NotFound desc = network x not found", "NotFound", "network x not found"],
      ["rpc error: code = FailedPrecondition desc = in use", "Conflict", "in use"],
      ["rpc error: code = DeadlineExceeded desc = context deadline exceeded", "Unavailable", "deadline"],
      ["rpc error: code = Unknown desc = context canceled", "Unavailable", "canceled"],
      ["rpc error: code = Unknown desc = broker is not running", "Unavailable", "broker"],
      ["The swarm does not have a leader. It's possible that too few managers are online.", "Unavailable", "leader"],
      ["something else", "Internal", "something else"]
    ] as const
  ) {
    const found = error(message)
    assert.strictEqual(found._tag, tag, message)
    assert.include(found.message, words)
    assert.notInclude(found.message, "rpc error")
  }
})
