import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as Container from "../../Container.ts"
import * as Image from "../../Image.ts"
import * as Progress from "../../Progress.ts"
import { type Case, group, isGone, part, tracked, unique } from "../case.ts"
import { equal, fails, holds } from "../expect.ts"
import { Fixture, type ImageSettings } from "../fixture.ts"
import { madeImage, makeImage, removedLater } from "../image.ts"

const it = group("registry")

const repository = Effect.gen(function*() {
  const { registries } = yield* Fixture
  return `${registries.address}/${yield* unique("repository")}`
})

/** Puts an image into the registry, and not into the engine. */
const published = Effect.fnUntraced(function*(settings: ImageSettings = {}, tag = "1") {
  const name = `${yield* repository}:${tag}`
  yield* publish(name, settings)
  return name
})

const publish = Effect.fnUntraced(function*(name: string, settings: ImageSettings = {}) {
  yield* makeImage(name, { ...settings, labels: { "conformance.image": name } })
  yield* Stream.runDrain(Image.push(name))
  yield* Image.remove(name)
})

/** Where nobody answers. */
const unreachable = Effect.gen(function*() {
  const { registries } = yield* Fixture
  return `${registries.down}/${yield* unique("down")}:1`
})

/** A pull that the engine waits in for an answer that does not come. */
const stuck = Effect.gen(function*() {
  const { registries } = yield* Fixture
  const silent = yield* registries.silent
  return {
    reached: silent.reached,
    left: silent.left ?? Effect.void,
    image: `${silent.address}/${yield* unique("silent")}:1`
  }
})

const pulls = <E>(
  name: string,
  run: Effect.Effect<unknown, E, Effect.Services<ReturnType<typeof publish>>>
): Case => it(name, part("push", Stream.runDrain(Image.push("efc-conformance-push:1")), run))

export const cases: ReadonlyArray<Case> = [
  pulls(
    "pull: the image is there when the stream has ended",
    Effect.gen(function*() {
      const name = yield* published({ env: { A: "pulled" } })
      yield* equal("before", yield* Image.exists(name), false)
      const state = yield* Stream.runFold(
        Image.pull(name),
        () => Progress.initial,
        (state, status) => Progress.fold(state, status)
      )
      yield* equal("after", yield* Image.exists(name), true)
      yield* holds("every layer is complete", state.complete === state.layers.length && state.layers.length > 0, state)
      yield* equal(
        "it runs",
        yield* Container.string(Container.make(name).pipe(Container.command("printf %s $A"))),
        "pulled"
      )
    })
  ),
  pulls(
    "pull again what is there",
    Effect.gen(function*() {
      const name = yield* published()
      yield* Stream.runDrain(Image.pull(name))
      const { id } = yield* Image.inspect(name)
      yield* Stream.runDrain(Image.pull(name))
      yield* equal("id", (yield* Image.inspect(name)).id, id)
    })
  ),
  pulls(
    "pull by digest",
    Effect.gen(function*() {
      const name = yield* published()
      yield* Stream.runDrain(Image.pull(name))
      const { digests, id } = yield* Image.inspect(name)
      const digest = digests.find((digest) => digest.startsWith(name.slice(0, name.lastIndexOf(":"))))
      yield* holds("a digest of the name", /@sha256:[0-9a-f]{64}$/.test(digest ?? ""), digests)
      yield* Image.remove(name)
      // Some engines take it away with the name.
      yield* Effect.ignore(Image.remove(digest!))
      yield* equal("gone", yield* Image.exists(digest!), false)
      yield* Stream.runDrain(Image.pull(digest!))
      yield* removedLater(digest!)
      yield* equal("id", (yield* Image.inspect(digest!)).id, id)
      const image = yield* Image.resolve(digest!, { pull: "missing" })
      yield* equal("resolved", [image.name, image.id], [digest, id])
    })
  ),
  pulls(
    "pull without a tag gets latest and nothing else",
    Effect.gen(function*() {
      const name = yield* repository
      yield* publish(`${name}:latest`)
      yield* publish(`${name}:other`)
      yield* Stream.runDrain(Image.pull(name))
      yield* equal("exist", [yield* Image.exists(name), yield* Image.exists(`${name}:other`)], [true, false])
    })
  ),
  pulls(
    "pull a tag that is not there",
    Effect.gen(function*() {
      const name = yield* published()
      const image = `${name}-missing`
      yield* fails(Stream.runDrain(Image.pull(image)), {
        tag: "ClientPull",
        reason: "NotFound",
        image,
        names: [image]
      })
    })
  ),
  it(
    "pull an image that is not there",
    Effect.gen(function*() {
      const image = `${yield* repository}:1`
      yield* fails(Stream.runDrain(Image.pull(image)), { tag: "ClientPull", reason: "NotFound", image, names: [image] })
      yield* fails(Image.resolve(image), { tag: "ImagePull", reason: "NotFound", image, names: [image] })
      yield* equal("exists", yield* Image.exists(image), false)
    })
  ),
  it(
    "pull from a registry that is down",
    Effect.gen(function*() {
      const image = yield* unreachable
      const error = yield* fails(Stream.runDrain(Image.pull(image)), {
        tag: "ClientPull",
        reason: "Unavailable",
        image,
        names: [image]
      })
      yield* equal("isRetryable", error.isRetryable, true)
      yield* fails(Image.resolve(image), { tag: "ImagePull", reason: "Unavailable", image, names: [image] })
    })
  ),
  it(
    "resolve uses the local copy when the registry is down, and says so",
    Effect.gen(function*() {
      const name = yield* unreachable
      yield* makeImage(name, {})
      const messages: Array<{ readonly level: string; readonly text: string }> = []
      const logger = Logger.make(({ logLevel, message }) => {
        messages.push({ level: logLevel, text: String(message) })
      })
      const image = yield* Effect.provide(Image.resolve(name), Logger.layer([logger]))
      yield* equal("image", [image.name, image.id], [name, (yield* Image.inspect(name)).id])
      yield* equal("warnings", messages.filter(({ text }) => text.includes(name)).map(({ level }) => level), ["Warn"])
    })
  ),
  pulls(
    "resolve gets what is newer in the registry",
    Effect.gen(function*() {
      const name = yield* published({ env: { A: "new" } })
      yield* makeImage(name, { env: { A: "old" } })
      const before = yield* Image.resolve(name, { pull: "missing" })
      const seen: Array<unknown> = []
      const after = yield* Image.resolve(name, {
        output: Sink.forEach((status) => Effect.sync(() => seen.push(status)))
      })
      yield* holds("another image", before.id !== after.id, after.id)
      yield* equal("env", after.info.config.env.includes("A=new"), true)
      yield* holds("the output saw it", seen.length > 0, seen)
    })
  ),
  pulls(
    "4 pulls of one image at once",
    Effect.gen(function*() {
      const name = yield* published()
      const ends = yield* Effect.forEach([1, 2, 3, 4], () => Stream.runCount(Image.pull(name)), {
        concurrency: "unbounded"
      })
      yield* holds("each sees something of it", ends.every((count) => count > 0), ends)
      yield* equal("exists", yield* Image.exists(name), true)
    })
  ),
  it(
    "2 pulls of what is not there at once",
    Effect.gen(function*() {
      const image = `${yield* repository}:1`
      yield* Effect.forEach(
        [1, 2],
        () => fails(Stream.runDrain(Image.pull(image)), { tag: "ClientPull", reason: "NotFound", image }),
        {
          concurrency: "unbounded"
        }
      )
    })
  ),
  pulls(
    "a run pulls what is missing",
    Effect.gen(function*() {
      const name = yield* published()
      const self = Container.make(name).pipe(Container.command("echo ran"))
      yield* equal("stdout", yield* Container.string(self), "ran\n")
      yield* equal("exists", yield* Image.exists(name), true)
    })
  ),
  pulls(
    "a run with pull: always gets what is newer",
    Effect.gen(function*() {
      const name = yield* published({ env: { A: "new" } })
      yield* makeImage(name, { env: { A: "old" } })
      const self = Container.make(name).pipe(Container.command("printf %s $A"))
      yield* equal("missing", yield* Container.string(self), "old")
      yield* equal("always", yield* Container.string(Container.pull(self, "always")), "new")
    })
  ),
  it(
    "a run of an image that is nowhere",
    Effect.gen(function*() {
      const image = `${yield* repository}:1`
      const { container, found } = yield* tracked(Container.make(image))
      yield* fails(Container.run(container), { tag: "ImagePull", reason: "NotFound", image, names: [image] })
      yield* isGone(found)
    })
  ),
  it(
    "a run of an image whose registry is down",
    Effect.gen(function*() {
      const image = yield* unreachable
      yield* fails(Container.run(Container.make(image)), {
        tag: "ImagePull",
        reason: "Unavailable",
        image,
        names: [image]
      })
    })
  ),
  it(
    "a pull that is interrupted stops",
    Effect.gen(function*() {
      const { image, left, reached } = yield* stuck
      const pulling = yield* Effect.forkChild(Stream.runDrain(Image.pull(image)))
      yield* reached
      yield* Fiber.interrupt(pulling)
      yield* left
      yield* equal("exists", yield* Image.exists(image), false)
    })
  ),
  it(
    "one of two that pull leaves, the other goes on",
    Effect.gen(function*() {
      const { image, left, reached } = yield* stuck
      const first = yield* Effect.forkChild(Stream.runDrain(Image.pull(image)))
      const second = yield* Effect.forkChild(Stream.runDrain(Image.pull(image)))
      yield* reached
      yield* Effect.sleep("100 millis")
      yield* Fiber.interrupt(first)
      yield* Effect.sleep("200 millis")
      yield* equal("the other one's end", second.pollUnsafe(), undefined)
      yield* Fiber.interrupt(second)
      yield* left
    })
  ),
  it(
    "a run that is interrupted while it pulls",
    Effect.gen(function*() {
      const { image, left, reached } = yield* stuck
      const { container, found } = yield* tracked(Container.make(image))
      const running = yield* Effect.forkChild(Container.run(container))
      yield* reached
      yield* Fiber.interrupt(running)
      yield* left
      yield* isGone(found)
    })
  ),
  pulls(
    "push to a registry that is down",
    Effect.gen(function*() {
      const name = yield* unreachable
      yield* makeImage(name, {})
      yield* fails(Stream.runDrain(Image.push(name)), {
        tag: "ImagePush",
        reason: "Unavailable",
        image: name,
        names: [name]
      })
    })
  ),
  pulls(
    "push what is not there",
    Effect.gen(function*() {
      const image = `${yield* repository}:1`
      yield* fails(Stream.runDrain(Image.push(image)), { tag: "ImagePush", reason: "NotFound", image, names: [image] })
    })
  ),
  pulls(
    "push tells how it went",
    Effect.gen(function*() {
      const name = `${yield* repository}:1`
      yield* Image.tag(yield* madeImage({}), name)
      yield* removedLater(name)
      const statuses = yield* Stream.runCollect(Image.push(name))
      yield* holds("it is told", statuses.length > 0, statuses)
      const state = statuses.reduce((state, status) => Progress.fold(state, status), Progress.initial)
      const { ways = [] } = yield* Fixture
      const isSilent = ways.includes("a push tells nothing of layers")
      yield* holds("layers are told of", state.layers.length > 0 !== isSilent, state)
      yield* equal("the layers that are complete", state.complete, state.layers.length)
    })
  )
]
