import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Backend } from "../../Backend.ts"
import * as Container from "../../Container.ts"
import * as Image from "../../Image.ts"
import { type Case, group, part, unique } from "../case.ts"
import { equal, fails, holds } from "../expect.ts"
import { Fixture } from "../fixture.ts"
import { madeImage, removedLater } from "../image.ts"

const it = group("archives")

const bytes = (names: ReadonlyArray<string>) =>
  Effect.map(Stream.runCollect(Image.toArchive(names)), (chunks) => Buffer.concat(chunks))

const archives = <E>(
  name: string,
  run: Effect.Effect<unknown, E, Effect.Services<ReturnType<typeof madeImage>>>
): Case => it(name, part("archives", Effect.flatMap(Fixture, ({ image }) => bytes([image])), run))

export const cases: ReadonlyArray<Case> = [
  archives(
    "out and in again",
    Effect.gen(function*() {
      const name = yield* madeImage({ env: { A: "kept" } })
      const { id } = yield* Image.inspect(name)
      const archive = yield* bytes([name])
      yield* Image.remove(name)
      yield* equal("gone", yield* Image.exists(name), false)
      yield* equal("names", yield* Image.fromArchive(Stream.make(archive)), [name])
      yield* equal("id", (yield* Image.inspect(name)).id, id)
      yield* equal(
        "it runs",
        yield* Container.string(Container.make(name).pipe(Container.command("printf %s $A"))),
        "kept"
      )
    })
  ),
  archives(
    "two images in one, in small pieces",
    Effect.gen(function*() {
      const names = [yield* madeImage({ env: { A: "1" } }), yield* madeImage({ env: { A: "2" } })]
      const archive = yield* bytes(names)
      yield* Effect.forEach(names, (name) => Image.remove(name))
      const pieces: Array<Uint8Array> = []
      for (let at = 0; at < archive.length; at += 65_521) pieces.push(archive.subarray(at, at + 65_521))
      const brought = yield* Image.fromArchive(Stream.fromIterable(pieces))
      yield* equal("names", brought.toSorted(), names.toSorted())
      yield* equal("exist", yield* Effect.forEach(names, (name) => Image.exists(name)), [true, true])
    })
  ),
  archives(
    "straight from one to the other",
    Effect.gen(function*() {
      const name = yield* madeImage({})
      const copy = `${yield* unique("copy")}:1`
      yield* Image.tag(name, copy)
      yield* removedLater(copy)
      yield* equal("names", yield* Image.fromArchive(Image.toArchive([copy])), [copy])
    })
  ),
  archives(
    "of what is not there",
    Effect.gen(function*() {
      const image = `${yield* unique("missing")}:1`
      yield* fails(bytes([image]), { tag: "ImageExport", reason: "NotFound", image, names: [image] })
    })
  ),
  archives(
    "that is none",
    Effect.gen(function*() {
      const { name } = yield* Backend
      const error = yield* fails(
        Image.fromArchive(Stream.make(new TextEncoder().encode("this is no archive\n".repeat(100)))),
        {
          tag: "ImageImport",
          engine: name
        }
      )
      yield* holds(
        "the reason",
        error._tag === "ImageImport" && ["InvalidArgument", "Internal"].includes(error.reason._tag),
        error
      )
    })
  ),
  archives(
    "whose source fails",
    Effect.gen(function*() {
      const broken = Stream.concat(Stream.make(new Uint8Array(1024)), Stream.fail({ _tag: "Broken", message: "mine" }))
      yield* fails(Image.fromArchive(broken), { tag: "Broken", names: ["mine"] })
    })
  )
]
