import { assert, describe, it } from "@effect/vitest"
import { ExitStatus } from "effect-containers"
import * as fc from "fast-check"
import { constants } from "node:os"

describe("ExitStatus", () => {
  it("every code that an engine can report is read so that a shell would show the same", () =>
    fc.assert(fc.property(fc.integer({ min: 0, max: 255 }), (code) => {
      assert.strictEqual(ExitStatus.toCode(ExitStatus.fromCode(code)), code)
    })))

  it("the numbers of signals are this system's, where it has them", () => {
    for (const [name, number] of Object.entries(constants.signals)) {
      // Two names of one signal, and the one that Linux gave up.
      if (["SIGIOT", "SIGPOLL", "SIGUNUSED"].includes(name) || process.platform !== "linux") continue
      assert.strictEqual(ExitStatus.signalNumber(name), number, name)
    }
  })

  it("a process that ended well was not killed for its memory", () => {
    assert.deepStrictEqual(ExitStatus.fromCode(0, { oomKilled: true }), new ExitStatus.Exited({ code: 0 }))
    assert.deepStrictEqual(ExitStatus.fromCode(137, { oomKilled: true }), new ExitStatus.OomKilled())
  })

  it("255 and 200 are codes, not signals", () => {
    assert.deepStrictEqual(ExitStatus.fromCode(255), new ExitStatus.Exited({ code: 255 }))
    assert.deepStrictEqual(ExitStatus.fromCode(200), new ExitStatus.Exited({ code: 200 }))
  })
})
