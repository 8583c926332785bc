import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Fiber, Redacted, Stream } from "effect"
import { Backend, BuildContext, Container, type Errors, Filter, Image } from "effect-containers"
import * as Memory from "effect-containers/layers/Memory"
import { TestClock } from "effect/testing"

const hello = (version: string, options?: Memory.ImageOptions) =>
  Memory.image("app:1", () => ({ stdout: version }), options)

const output = (image: string | Image.Image) => Container.string(Container.make(image))

describe("pulling", () => {
  it.effect("gives the statuses of each layer, and then the image is there", () =>
    Effect.gen(function*() {
      const statuses = yield* Stream.runCollect(Image.pull("app:1"))
      const of = (id: string) => statuses.filter((status) => status.id === id).map(({ phase }) => phase)
      assert.deepStrictEqual(of("aaaaaaaaaaaa"), [
        "Waiting",
        "Downloading",
        "Downloading",
        "Downloading",
        "Downloaded",
        "Extracting",
        "Complete"
      ])
      assert.deepStrictEqual(statuses.at(-1)?.status, "Status: Downloaded newer image for app:1")
      const info = yield* Image.inspect("app:1")
      assert.deepStrictEqual([info.references, info.digests.length, info.size], [["app:1"], 1, 30])
      const again = yield* Stream.runCollect(Image.pull("app:1"))
      assert.deepStrictEqual(again.map(({ phase }) => phase), ["Resolving", "Exists", "Exists", "Message", "Message"])
    }).pipe(Effect.provide(Memory.layer({
      registry: [hello("1", { layers: [{ id: "aaaaaaaaaaaa", size: 10 }, { id: "bbbbbbbbbbbb", size: 20 }] })]
    }))))

  it.effect("of what the registry does not have, or not for this platform, or not for you", () =>
    Effect.gen(function*() {
      const why = (name: string, options: Image.PullOptions = {}) =>
        Stream.runDrain(Image.pull(name, options)).pipe(
          Effect.flip,
          Effect.map((error) => error._tag === "ClientPull" ? [error.image, error.reason._tag] : [error._tag])
        )
      assert.deepStrictEqual(yield* why("nothing"), ["nothing", "NotFound"])
      assert.deepStrictEqual(yield* why("app:2"), ["app:2", "NotFound"])
      assert.deepStrictEqual(yield* why("app:1", { platform: "linux/s390x" }), ["app:1", "NotFound"])
      assert.deepStrictEqual(yield* why("app:1"), ["app:1", "Unauthenticated"])
      const wrong = { username: "me", password: Redacted.make("wrong") }
      assert.deepStrictEqual(yield* why("app:1", { credentials: wrong }), ["app:1", "Unauthenticated"])
      const right = { username: "me", password: Redacted.make("right") }
      yield* Stream.runDrain(Image.pull("app:1", { credentials: right }))
      assert.strictEqual(yield* output("app:1"), "private")
    }).pipe(Effect.provide(Memory.layer({
      registry: [hello("private", { credentials: { username: "me", password: Redacted.make("right") } })]
    }))))

  it.effect("takes the newest; the old image stays without a name", () =>
    Effect.gen(function*() {
      const engine = yield* Memory.Engine
      const old = yield* Image.resolve("app:1")
      assert.strictEqual(yield* output(old), "old")
      yield* engine.publish(hello("new"))
      const fresh = yield* Image.resolve("app:1")
      assert.deepStrictEqual([yield* output(fresh), yield* output(old)], ["new", "old"])
      const dangling = yield* Image.list(Filter.dangling(true))
      assert.deepStrictEqual(dangling.map(({ id }) => id), [old.id])
    }).pipe(Effect.provide(Memory.layer({ images: [hello("old")] }))))

  it.effect("by digest", () =>
    Effect.gen(function*() {
      const digest = `sha256:${"ab".repeat(32)}`
      yield* Stream.runDrain(Image.pull(`app@${digest}`))
      assert.strictEqual(yield* output(`app@${digest}`), "pinned")
      assert.deepStrictEqual((yield* Image.inspect(`app@${digest}`)).references, [])
    }).pipe(Effect.provide(Memory.layer({ registry: [hello("pinned", { digest: `sha256:${"ab".repeat(32)}` })] }))))

  it.effect("pushing puts it there", () =>
    Effect.gen(function*() {
      yield* Image.tag("app:1", "registry.example/app:2")
      const statuses = yield* Stream.runCollect(Image.push("registry.example/app:2"))
      assert.strictEqual(statuses.filter(({ phase }) => phase === "Pushing").length, 6)
      yield* Image.remove("registry.example/app:2")
      yield* Image.remove("app:1")
      assert.strictEqual(yield* output("registry.example/app:2"), "1")
      const error = yield* Effect.flip(Stream.runDrain(Image.push("app:7")))
      assert(error._tag === "ImagePush")
      assert.strictEqual(error.reason._tag, "NotFound")
    }).pipe(Effect.provide(Memory.layer({ images: [hello("1")], registry: [] }))))
})

describe("names", () => {
  it.effect("are given, moved and taken away", () =>
    Effect.gen(function*() {
      yield* Image.tag("app:1", "app:stable")
      const { id, references } = yield* Image.inspect("app:1")
      assert.deepStrictEqual(references, ["app:1", "app:stable"])
      assert.strictEqual((yield* Image.inspect(id.slice(7, 19))).id, id)
      assert.deepStrictEqual(yield* Image.remove("app:1"), { untagged: ["app:1"], deleted: [] })
      assert.isFalse(yield* Image.exists("app:1"))
      yield* Image.tag("app:stable", "app:other")
      const several = yield* Effect.flip(Image.remove(id))
      assert(several._tag === "ImageRemove")
      assert.strictEqual(several.reason._tag, "Conflict")
      assert.deepStrictEqual(yield* Image.remove(id, { force: true }), {
        untagged: ["app:stable", "app:other"],
        deleted: [id]
      })
      assert.deepStrictEqual(yield* Image.list(), [])
    }).pipe(Effect.provide(Memory.layer({ images: [hello("1")] }))))

  it.effect("an image in use stays", () =>
    Effect.gen(function*() {
      const backend = yield* Backend.Backend
      const why = (force: boolean) =>
        Effect.map(Effect.flip(backend.removeImage("app:1", { force })), ({ reason }) => reason._tag)
      yield* Effect.scoped(Effect.gen(function*() {
        const handle = yield* Container.start(Container.make("app:1"))
        assert.deepStrictEqual([yield* why(false), yield* why(true)], ["Conflict", "Conflict"])
        yield* handle.kill()
        assert.strictEqual(yield* why(false), "Conflict")
      }))
      assert.strictEqual((yield* backend.removeImage("app:1", { force: false })).deleted.length, 1)
      assert.strictEqual(yield* why(false), "NotFound")
    }).pipe(Effect.provide(Memory.layer({ images: [Memory.image("app:1", () => Effect.never)] }))))

  it.effect("clean removes what is old and not used", () =>
    Effect.gen(function*() {
      const engine = yield* Memory.Engine
      yield* TestClock.adjust("10 days")
      yield* engine.addImage(Memory.image("young", () => 0))
      const backend = yield* Backend.Backend
      yield* backend.create({
        image: "used",
        env: [],
        labels: {},
        mounts: [],
        resources: {},
        networks: [],
        ports: [],
        tty: false,
        stdin: false,
        init: false,
        readOnlyRoot: false,
        privileged: false,
        capAdd: [],
        capDrop: [],
        noNewPrivileges: false,
        devices: []
      })
      const { bytes, removed } = yield* Image.clean({ olderThan: "1 day" })
      assert.deepStrictEqual([removed.map(({ references }) => references), bytes], [[["old:latest"]], 3 << 20])
      assert.deepStrictEqual((yield* Image.list()).flatMap(({ references }) => references), [
        "used:latest",
        "young:latest"
      ])
    }).pipe(Effect.provide(Memory.layer({ images: [Memory.image("old", () => 0), Memory.image("used", () => 0)] }))))
})

describe("archives", () => {
  it.effect("carry an image from one engine to another", () =>
    Effect.gen(function*() {
      const archive = yield* Stream.runCollect(Image.toArchive(["app:1"])).pipe(
        Effect.provide(Memory.layer({ images: [hello("carried")] }))
      )
      yield* Effect.gen(function*() {
        assert.deepStrictEqual(yield* Image.fromArchive(Stream.fromIterable(archive)), ["app:1"])
        assert.strictEqual(yield* output("app:1"), "carried")
      }).pipe(Effect.provide(Memory.layer()))
    }))

  it.effect("that are foreign or none are refused", () =>
    Effect.gen(function*() {
      const why = (archive: Stream.Stream<Uint8Array, Errors.ImageOptions>) =>
        Effect.map(Effect.flip(Image.fromArchive(archive)), (error) =>
          error._tag === "ImageImport" ? [error.engine, error.reason._tag] : [error._tag])
      const tar = (path: string, text: string) =>
        BuildContext.toTar(BuildContext.fromDockerfile(text, { dockerfile: path }), { image: "x" })
      const foreign = JSON.stringify([{ Config: "0.json", RepoTags: ["x:1"], Layers: [] }])
      assert.deepStrictEqual(yield* why(tar("manifest.json", foreign)), ["memory", "Unsupported"])
      assert.deepStrictEqual(yield* why(tar("index.json", "{}")), ["memory", "Unsupported"])
      assert.deepStrictEqual(yield* why(tar("manifest.json", "{")), ["memory", "InvalidArgument"])
      assert.deepStrictEqual(yield* why(tar("readme", "hi")), ["memory", "InvalidArgument"])
      const noTar = Stream.succeed(new TextEncoder().encode("this is no archive"))
      assert.deepStrictEqual(yield* why(noTar), ["memory", "InvalidArgument"])
      const missing = yield* Effect.flip(Stream.runDrain(Image.toArchive(["app:9"])))
      assert(missing._tag === "ImageExport")
      assert.strictEqual(missing.reason._tag, "NotFound")
    }).pipe(Effect.provide(Memory.layer())))
})

describe("events", () => {
  it.effect("tell the life of a container and of an image", () =>
    Effect.gen(function*() {
      const backend = yield* Backend.Backend
      const actions = (filter?: Filter.Filter) =>
        backend.events({ filter, since: DateTime.makeUnsafe(0) }).pipe(
          Stream.map(({ action, type }) => `${type} ${action}`),
          Stream.takeUntil((event) => event === "container destroy"),
          Stream.runCollect
        )
      const live = yield* Effect.forkChild(actions(), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      yield* Container.exitCode(Container.make("app:1"))
      yield* TestClock.adjust("1 second")
      const all = ["image pull", "container create", "container start", "container die", "container destroy"]
      assert.deepStrictEqual(yield* Fiber.join(live), all)
      assert.deepStrictEqual(yield* actions(Filter.type("container")), all.slice(1))
      const later = yield* backend.events({ since: DateTime.makeUnsafe(1000) }).pipe(Stream.take(1), Stream.runCollect)
      assert.strictEqual(later[0]?.attributes["name"], "app:1")
      const bad = yield* Effect.flip(Stream.runDrain(backend.events({ filter: Filter.make("colour", "red") })))
      assert.deepStrictEqual([bad._tag, bad.reason._tag], ["EngineEvents", "InvalidArgument"])
    }).pipe(Effect.provide(Memory.layer({ registry: [hello("1")] }))))
})
