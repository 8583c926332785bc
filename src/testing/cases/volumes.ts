import * as Effect from "effect/Effect"
import { Backend } from "../../Backend.ts"
import * as Container from "../../Container.ts"
import * as Filter from "../../Filter.ts"
import * as Owner from "../../Owner.ts"
import * as Volume from "../../Volume.ts"
import { type Case, group, job, unique } from "../case.ts"
import { equal, fails, holds } from "../expect.ts"

const it = group("volumes")

/** Goes on when the engine keeps volumes. When it does not, it says so. */
const kept = <E, R>(body: Effect.Effect<unknown, E, R>) =>
  Effect.gen(function*() {
    const backend = yield* Backend
    if (backend.capabilities.namedVolumes) return yield* body
    yield* fails(Effect.scoped(Volume.make()), { tag: "VolumeCreate", reason: "Unsupported", names: [backend.name] })
  })

const exists = (volume: string) =>
  Volume.inspect(volume).pipe(
    Effect.as(true),
    Effect.catchReason("VolumeInspect", "NotFound", () => Effect.succeed(false))
  )

export const cases: ReadonlyArray<Case> = [
  it(
    "what one container writes the next one reads, and it goes with the scope",
    kept(Effect.gen(function*() {
      const name = yield* Effect.scoped(Effect.gen(function*() {
        const volume = yield* Volume.make()
        yield* Container.run(Container.volume(yield* job("echo kept > /data/file"), volume, "/data"))
        const reads = Container.volume(yield* job("cat /in/file"), volume, "/in", { readOnly: true })
        yield* equal("read", yield* Container.string(reads), "kept\n")
        return volume.name
      }))
      yield* equal("exists", yield* exists(name), false)
    }))
  ),
  it(
    "one with nothing in it begins with what the image has in its place, and then has what was put there",
    kept(Effect.gen(function*() {
      const volume = yield* Volume.make()
      const at = (self: Container.Container) => Container.volume(self, volume, "/etc")
      yield* equal("the image's", yield* Container.string(at(yield* job("grep -c ^app: /etc/passwd"))), "1\n")
      yield* Container.run(at(yield* job("echo changed > /etc/passwd")))
      yield* equal("what was put there", yield* Container.string(at(yield* job("cat /etc/passwd"))), "changed\n")
    }))
  ),
  it(
    "one that is made is as it was asked for, and is listed",
    kept(Effect.gen(function*() {
      const value = yield* unique("volume")
      const { name } = yield* Volume.make({ labels: { "conformance.volume": value } })
      const info = yield* Volume.inspect(name)
      yield* equal("its name", info.name, name)
      yield* equal("its label", info.labels["conformance.volume"], value)
      yield* equal("those with its label", yield* Volume.list(Filter.label("conformance.volume", value)), [info])
    }))
  ),
  it(
    "a name that is taken is refused, and its files stay",
    kept(Effect.gen(function*() {
      const { name } = yield* Volume.make()
      yield* Container.run(Container.volume(yield* job("echo kept > /data/file"), name, "/data"))
      yield* fails(Effect.scoped(Volume.make({ name })), { tag: "VolumeCreate", reason: "AlreadyExists" })
      const reads = Container.volume(yield* job("cat /data/file"), name, "/data")
      yield* equal("read", yield* Container.string(reads), "kept\n")
    }))
  ),
  it(
    "one that is to be there is made once, and stays until it is removed",
    kept(Effect.gen(function*() {
      const name = yield* unique("cache")
      // It may be gone already.
      yield* Effect.addFinalizer(() => Effect.ignore(Volume.remove(name)))
      yield* Effect.scoped(Volume.ensure(name))
      yield* equal("again", yield* Volume.ensure(name), { name })
      const { volumes } = yield* Container.sweep()
      yield* equal("swept", volumes.filter((volume) => volume.name === name), [])
      yield* Volume.remove(name)
      yield* equal("exists", yield* exists(name), false)
    }))
  ),
  it(
    "one that a container has is not removed",
    kept(Effect.gen(function*() {
      const { name } = yield* Volume.make()
      const self = Container.volume(yield* job(["true"]), name, "/data")
      yield* Effect.scoped(
        Effect.andThen(
          Container.create(self),
          fails(Volume.remove(name), { tag: "VolumeRemove", reason: "Conflict", names: [name] })
        )
      )
      yield* Volume.remove(name)
      yield* fails(Volume.remove(name), { tag: "VolumeRemove", reason: "NotFound", names: [name] })
    }))
  ),
  it(
    "sweep removes those of dead owners",
    kept(Effect.gen(function*() {
      const mine = yield* Volume.make()
      const theirs = yield* Effect.provideServiceEffect(
        Volume.make(),
        Owner.Owner,
        // Greater than any process id of Linux.
        Effect.map(Owner.Owner, (here) => ({ ...here, pid: 2_000_000_000 }))
      )
      const { volumes } = yield* Container.sweep()
      yield* holds("swept", volumes.every(({ name }) => name !== mine.name), volumes)
      yield* equal("what is there", [yield* exists(mine.name), yield* exists(theirs.name)], [true, false])
    }))
  ),
  it(
    "a name that is none is refused before the engine is asked",
    fails(Volume.make({ name: "../x" }), { tag: "VolumeOptions", field: "name" })
  )
]
