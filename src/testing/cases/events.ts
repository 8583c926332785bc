import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { Backend } from "../../Backend.ts"
import * as Container from "../../Container.ts"
import * as Events from "../../Events.ts"
import * as Filter from "../../Filter.ts"
import * as Image from "../../Image.ts"
import { type Case, group, job, part, tracked, unique, until } from "../case.ts"
import { equal, fails, holds } from "../expect.ts"
import { madeImage, removedLater } from "../image.ts"

const it = group("events")

const first = Effect.gen(function*() {
  const events = (yield* Backend).events()
  return yield* Stream.runHead(Stream.interruptWhen(events, Effect.sleep("1 second")))
})

/** A moment ago, for an engine that keeps what happened. */
const justNow = Effect.gen(function*() {
  const { capabilities } = yield* Backend
  return capabilities.eventHistory ? DateTime.subtract(yield* DateTime.now, { seconds: 1 }) : undefined
})

export const cases: ReadonlyArray<Case> = [
  it(
    "of a run",
    part(
      "events",
      first,
      Effect.gen(function*() {
        const since = yield* justNow
        const { container, found } = yield* Effect.flatMap(job("exit 3"), tracked)
        const watching = yield* Events.stream({ filter: found, since }).pipe(
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
        const since = yield* justNow
        const name = yield* madeImage({})
        const other = `${yield* unique("event")}:1`
        yield* removedLater(other)
        const watching = yield* Events.stream({ filter: Filter.type("image"), since }).pipe(
          Stream.filter(({ attributes }) => attributes["name"] === other),
          Stream.take(1),
          Stream.runCollect,
          Effect.forkChild({ startImmediately: true })
        )
        // One that keeps nothing may not be listened to yet.
        const tagged = Effect.repeat(Image.tag(name, other), Schedule.spaced("1 second"))
        const [event] = yield* Effect.raceFirst(Fiber.join(watching), Effect.andThen(tagged, Effect.never))
        yield* equal("event", [event?.type, event?.action], ["image", "tag"])
      })
    )
  ),
  it(
    "of what happened before somebody asked",
    part(
      "events",
      first,
      Effect.gen(function*() {
        const backend = yield* Backend
        const since = DateTime.subtract(yield* DateTime.now, { seconds: 1 })
        const { container, found } = yield* Effect.flatMap(job(["true"]), tracked)
        const { id } = yield* Container.run(container)
        const started = Stream.runHead(Events.stream({ filter: Filter.and(found, Filter.event("start")), since }))
        if (!backend.capabilities.eventHistory) {
          yield* fails(started, { tag: "EngineEvents", reason: "Unsupported", names: [backend.name] })
          return
        }
        yield* equal("event", Option.map(yield* started, (event) => event.id), Option.some(id))
      })
    )
  ),
  it(
    "the states of a container, until it is gone",
    part(
      "events",
      first,
      Effect.gen(function*() {
        const seen: Array<string> = []
        const container = yield* Effect.flatMap(job("sleep 600"), Container.create)
        const watching = yield* Container.state(container).pipe(
          Stream.runForEach((state) => Effect.sync(() => seen.push(state))),
          Effect.forkChild({ startImmediately: true })
        )
        const comes = (state: string) => until(Effect.sync(() => seen.at(-1)), (last) => last === state)
        yield* comes("created")
        yield* container.start
        yield* comes("running")
        yield* Container.kill(container.id, { killSignal: "SIGKILL" })
        yield* comes("exited")
        yield* Container.remove(container.id)
        yield* Fiber.join(watching)
        yield* equal("states", seen.filter((state) => state !== "removing"), ["created", "running", "exited"])
      })
    )
  ),
  it(
    "the states of what is not there",
    part(
      "events",
      first,
      Effect.gen(function*() {
        const id = "efc-no-such-container"
        yield* fails(Stream.runDrain(Container.state(id)), { tag: "ContainerInspect", reason: "NotFound", id })
      })
    )
  )
]
