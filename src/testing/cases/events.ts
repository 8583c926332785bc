import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { Backend } from "../../Backend.ts"
import * as Container from "../../Container.ts"
import * as Filter from "../../Filter.ts"
import * as Image from "../../Image.ts"
import { type Case, group, job, part, tracked, unique } from "../case.ts"
import { equal, holds } from "../expect.ts"
import { madeImage, removedLater } from "../image.ts"

const it = group("events")

const first = Effect.gen(function*() {
  const events = (yield* Backend).events()
  return yield* Stream.runHead(Stream.interruptWhen(events, Effect.sleep("1 second")))
})

export const cases: ReadonlyArray<Case> = [
  it(
    "of a run",
    part(
      "events",
      first,
      Effect.gen(function*() {
        const backend = yield* Backend
        const since = DateTime.subtract(yield* DateTime.now, { seconds: 1 })
        const { container, found } = yield* Effect.flatMap(job("exit 3"), tracked)
        const watching = yield* backend.events({ filter: found, since }).pipe(
          Stream.takeUntil(({ action }) => action === "destroy"),
          Stream.runCollect,
          Effect.forkChild({ startImmediately: true })
        )
        const { id } = yield* Container.run(Container.expect(container, [3]))
        const events = yield* Fiber.join(watching)
        yield* equal("whose", [...new Set(events.map(({ id, type }) => `${type} ${id}`))], [`container ${id}`])
        const actions = events.map(({ action }) => action).filter((action) =>
          ["create", "start", "die", "destroy"].includes(action)
        )
        yield* equal("actions", actions, ["create", "start", "die", "destroy"])
        const times = events.map(({ time }) => DateTime.toEpochMillis(time))
        yield* holds("times in order", times.every((time, n) => n === 0 || time >= times[n - 1]!), times)
      })
    )
  ),
  it(
    "of an image's name",
    part(
      "events",
      first,
      Effect.gen(function*() {
        const backend = yield* Backend
        const since = DateTime.subtract(yield* DateTime.now, { seconds: 1 })
        const name = yield* madeImage({})
        const other = `${yield* unique("event")}:1`
        yield* removedLater(other)
        const watching = yield* backend.events({ filter: Filter.type("image"), since }).pipe(
          Stream.filter(({ attributes }) => attributes["name"] === other),
          Stream.take(1),
          Stream.runCollect,
          Effect.forkChild({ startImmediately: true })
        )
        yield* Image.tag(name, other)
        const [event] = yield* Fiber.join(watching)
        yield* equal("event", [event?.type, event?.action], ["image", "tag"])
      })
    )
  )
]
