import { assert, describe, it } from "@effect/vitest"
import type { EngineEvent } from "effect-containers/Backend"
import { Trail } from "effect-containers/events/trail"
import * as DateTime from "effect/DateTime"
import * as fc from "fast-check"

const event = (time: number, id: string): EngineEvent => ({
  type: "container",
  action: "start",
  id,
  attributes: {},
  time: DateTime.makeUnsafe(time)
})

/** What an engine tells that begins at a time. */
const since = (history: ReadonlyArray<EngineEvent>, trail: Trail): ReadonlyArray<EngineEvent> => {
  const begin = trail.since
  return begin === undefined
    ? history
    : history.filter(({ time }) => DateTime.toEpochMillis(time) >= DateTime.toEpochMillis(begin))
}

describe("a trail of events", () => {
  it("knows those again that are told again, however the connection was cut", () => {
    // Times go on, but those of one second in any order; ids are few, so that events are alike.
    const histories = fc.array(fc.tuple(fc.nat(900), fc.nat(400), fc.constantFrom("a", "b")), { maxLength: 60 }).map(
      (steps) => {
        let now = 1_000_000
        return steps.map(([step, back, id]) => {
          now += step
          return event(now - back, id)
        })
      }
    )
    fc.assert(fc.property(histories, fc.array(fc.tuple(fc.nat(60), fc.nat(60))), (history, cuts) => {
      const trail = new Trail()
      const got: Array<EngineEvent> = []
      // Each connection ends after so many; the engine has by then so many.
      let known = 0
      for (const [grows, many] of [...cuts, [history.length, Infinity] as const]) {
        known = Math.min(history.length, Math.max(known, got.length) + grows)
        trail.restart()
        for (const event of since(history.slice(0, known), trail).slice(0, many)) {
          const how = trail.take(event)
          assert.notStrictEqual(how, "lost")
          if (how === "new") got.push(event)
        }
      }
      assert.deepStrictEqual(got, history.slice(0, known))
    }))
  })

  it("says when an engine has forgotten what was seen last", () => {
    const trail = new Trail()
    assert.strictEqual(trail.take(event(1000, "a")), "new")
    assert.strictEqual(trail.take(event(1500, "b")), "new")
    trail.restart()
    assert.strictEqual(trail.take(event(1000, "a")), "seen")
    assert.strictEqual(trail.take(event(2000, "d")), "lost")
  })

  it("knows no more than those of the last second", () => {
    const trail = new Trail()
    for (let n = 0; n < 100_000; n++) trail.take(event(n * 100, String(n)))
    trail.restart()
    let again = 0
    for (let n = 99_980; n < 100_000; n++) if (trail.take(event(n * 100, String(n))) === "seen") again++
    assert.strictEqual(again, 11)
    const begin = trail.since
    assert.strictEqual(begin && DateTime.toEpochMillis(begin), 99_999 * 100 - 1000)
  })
})
