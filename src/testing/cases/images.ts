import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Container from "../../Container.ts"
import * as Filter from "../../Filter.ts"
import * as Image from "../../Image.ts"
import { type Case, group, unique } from "../case.ts"
import { equal, fails, holds } from "../expect.ts"
import { Fixture } from "../fixture.ts"
import { madeImage, makeImage, removedLater } from "../image.ts"

const it = group("images")

const missing = Effect.map(unique("missing"), (name) => `${name}:1`)

export const cases: ReadonlyArray<Case> = [
  it(
    "exists",
    Effect.gen(function*() {
      const { image } = yield* Fixture
      const name = yield* missing
      yield* equal("the fixture's", yield* Image.exists(image), true)
      yield* equal("by id", yield* Image.exists((yield* Image.inspect(image)).id), true)
      yield* equal("one that is not there", yield* Image.exists(name), false)
    })
  ),
  it(
    "inspect",
    Effect.gen(function*() {
      const name = yield* madeImage({
        env: { A: "1" },
        workDir: "/tmp",
        user: "app",
        entrypoint: ["echo", "entry"],
        command: ["a b", "c"],
        labels: { kind: "conformance" }
      })
      const info = yield* Image.inspect(name)
      yield* holds("id", /^sha256:[0-9a-f]{64}$/.test(info.id), info.id)
      yield* holds("references", info.references.includes(name), info.references)
      const { ways = [] } = yield* Fixture
      const repository = name.slice(0, name.lastIndexOf(":"))
      const own = info.digests.filter((one) => one.startsWith(`${repository}@sha256:`))
      yield* equal("digests of an image that was in no registry", info.digests, own)
      yield* equal("how many", own.length, ways.includes("an image of no registry has a digest") ? 1 : 0)
      yield* holds("size", info.size > 0, info.size)
      yield* equal("os", info.os, "linux")
      yield* holds("architecture", /^[a-z0-9_]+$/.test(info.architecture), info.architecture)
      yield* equal("label", info.labels["kind"], "conformance")
      const { env, ...config } = info.config
      yield* equal("config", config, {
        entrypoint: ["echo", "entry"],
        command: ["a b", "c"],
        workDir: "/tmp",
        user: "app"
      })
      yield* holds("env", env.includes("A=1") && env.some((variable) => variable.startsWith("PATH=")), env)
      yield* holds("createdAt", DateTime.toEpochMillis(info.createdAt) <= Date.now() + 60_000, info.createdAt)
    })
  ),
  it(
    "inspect what is not there",
    Effect.gen(function*() {
      const image = yield* missing
      yield* fails(Image.inspect(image), { tag: "ImageInspect", reason: "NotFound", image, names: [image] })
    })
  ),
  it(
    "another name",
    Effect.gen(function*() {
      const name = yield* madeImage({})
      const other = `${yield* unique("tag")}:2`
      yield* removedLater(other)
      yield* Image.tag(name, other)
      const [first, second] = yield* Effect.all([Image.inspect(name), Image.inspect(other)])
      yield* equal("id", second.id, first.id)
      yield* equal("names", second.references.toSorted(), [name, other].toSorted())
    })
  ),
  it(
    "a name without a tag is latest",
    Effect.gen(function*() {
      const name = yield* madeImage({})
      const other = yield* unique("latest")
      yield* removedLater(other)
      yield* Image.tag(name, other)
      yield* equal("exists", yield* Image.exists(`${other}:latest`), true)
    })
  ),
  it(
    "a name moves to another image",
    Effect.gen(function*() {
      const name = yield* madeImage({ env: { A: "1" } })
      const other = yield* madeImage({ env: { A: "2" } })
      yield* Image.tag(other, name)
      yield* equal("id", (yield* Image.inspect(name)).id, (yield* Image.inspect(other)).id)
    })
  ),
  it(
    "another name for what is not there",
    Effect.gen(function*() {
      const image = yield* missing
      yield* fails(Image.tag(image, yield* missing), { tag: "ImageTag", reason: "NotFound", image, names: [image] })
    })
  ),
  it(
    "list by label and by name",
    Effect.gen(function*() {
      const value = yield* unique("value")
      const first = yield* madeImage({ labels: { "conformance.list": value } })
      const second = yield* madeImage({ labels: { "conformance.list": value } })
      const names = (filter: Filter.Filter) =>
        Effect.map(Image.list(filter), (images) => images.flatMap(({ references }) => references).toSorted())
      const labelled = Filter.label("conformance.list", value)
      yield* equal("label", yield* names(labelled), [first, second].toSorted())
      yield* equal("name", yield* names(Filter.reference(first)), [first])
      yield* equal("both", yield* names(Filter.and(labelled, Filter.reference(second))), [second])
      yield* equal("no such label", yield* names(Filter.label("conformance.list", "nobody")), [])
      const [summary] = yield* Image.list(Filter.reference(first))
      const info = yield* Image.inspect(first)
      yield* equal("what a list says", [summary?.id, summary?.labels["conformance.list"]], [info.id, value])
      const { image } = yield* Fixture
      yield* holds("all", (yield* names(Filter.all)).includes(image), image)
    })
  ),
  it(
    "remove a name, then the last one",
    Effect.gen(function*() {
      const name = yield* madeImage({})
      const other = `${yield* unique("remove")}:2`
      yield* removedLater(other)
      yield* Image.tag(name, other)
      const { id } = yield* Image.inspect(name)
      const first = yield* Image.remove(other)
      yield* equal("the first name", [first.untagged, first.deleted], [[other], []])
      yield* equal("the other one is there", [yield* Image.exists(other), yield* Image.exists(name)], [false, true])
      const last = yield* Image.remove(name)
      yield* equal("the last name", last.untagged, [name])
      yield* holds("the image is deleted", last.deleted.includes(id), last.deleted)
      yield* equal("exists", [yield* Image.exists(name), yield* Image.exists(id)], [false, false])
    })
  ),
  it(
    "remove what is not there",
    Effect.gen(function*() {
      const image = yield* missing
      yield* fails(Image.remove(image), { tag: "ImageRemove", reason: "NotFound", image, names: [image] })
    })
  ),
  it(
    "remove what a container uses",
    Effect.gen(function*() {
      const image = yield* madeImage({})
      const { id } = yield* Container.create(Container.make(image).pipe(Container.command(["true"])))
      yield* fails(Image.remove(image), { tag: "ImageRemove", reason: "Conflict", image, names: [image] })
      yield* equal("exists", yield* Image.exists(image), true)
      yield* Container.remove(id)
      yield* Image.remove(image)
      yield* equal("exists", yield* Image.exists(image), false)
    })
  ),
  it(
    "resolve without the registry",
    Effect.gen(function*() {
      const name = yield* madeImage({})
      for (const pull of ["never", "missing"] as const) {
        const image = yield* Image.resolve(name, { pull })
        yield* equal(pull, [image.name, image.id], [name, (yield* Image.inspect(name)).id])
        const byId = yield* Image.resolve(image.id, { pull })
        yield* equal("by id", [byId.name, byId.id], [image.id, image.id])
      }
      const gone = yield* missing
      yield* fails(Image.resolve(gone, { pull: "never" }), {
        tag: "ImagePull",
        reason: "NotFound",
        image: gone,
        names: [gone, "never"]
      })
    })
  ),
  it(
    "a resolved image runs whatever its name comes to mean",
    Effect.gen(function*() {
      const name = yield* madeImage({ env: { A: "before" } })
      const image = yield* Image.resolve(name, { pull: "never" })
      const kept = `${name}-kept`
      yield* removedLater(kept)
      yield* Image.tag(name, kept)
      yield* makeImage(name, { env: { A: "after" } })
      const says = (self: Container.Container) => Container.string(Container.command(self, "printf %s \"$A\""))
      yield* equal("by name", yield* says(Container.make(name)), "after")
      yield* equal("resolved", yield* says(Container.make(image)), "before")
    })
  )
]
