import * as Effect from "effect/Effect"
import { Backend } from "../../Backend.ts"
import * as Container from "../../Container.ts"
import * as Filter from "../../Filter.ts"
import * as Image from "../../Image.ts"
import * as Owner from "../../Owner.ts"
import { type Case, group, job, unique } from "../case.ts"
import { equal, holds } from "../expect.ts"
import { Fixture } from "../fixture.ts"
import { madeImage, removedLater } from "../image.ts"

const it = group("cleaning")

/** Greater than any process id of Linux. */
const nobody = 2_000_000_000

const ownedBy = (owner: Partial<Owner.Owner>) =>
  Effect.provideServiceEffect(Owner.Owner, Effect.map(Owner.Owner, (here) => ({ ...here, ...owner })))

const exists = (id: string) =>
  Container.inspect(id).pipe(
    Effect.as(true),
    Effect.catchReason("ContainerInspect", "NotFound", () => Effect.succeed(false))
  )

const labelled = Effect.gen(function*() {
  const value = yield* unique("clean")
  const name = yield* madeImage({ labels: { "conformance.clean": value } })
  return { name, filter: Filter.label("conformance.clean", value), value }
})

export const cases: ReadonlyArray<Case> = [
  it(
    "clean keeps what is young",
    Effect.gen(function*() {
      const { filter, name } = yield* labelled
      const cleaned = yield* Image.clean({ olderThan: "1 hour", filter })
      yield* equal("cleaned", cleaned, { removed: [], kept: [], bytes: 0 })
      yield* equal("exists", yield* Image.exists(name), true)
    })
  ),
  it(
    "clean removes what is old and passes the filter, with all its names",
    Effect.gen(function*() {
      const { filter, name } = yield* labelled
      const other = `${name}-other`
      yield* Image.tag(name, other)
      yield* removedLater(other)
      const untouched = yield* madeImage({})
      const info = yield* Image.inspect(name)
      yield* Effect.sleep("20 millis")
      const cleaned = yield* Image.clean({ olderThan: 0, filter })
      yield* equal("removed", cleaned.removed.map(({ id }) => id), [info.id])
      yield* equal("kept", cleaned.kept, [])
      yield* holds("bytes", cleaned.bytes > 0 && cleaned.bytes === cleaned.removed[0]?.size, cleaned.bytes)
      yield* equal("what is there", [
        yield* Image.exists(name),
        yield* Image.exists(other),
        yield* Image.exists(untouched),
        yield* Image.exists((yield* Fixture).image)
      ], [false, false, true, true])
    })
  ),
  it(
    "clean keeps what a container uses, running or not",
    Effect.gen(function*() {
      const { filter, name } = yield* labelled
      const { id } = yield* Container.create(Container.make(name).pipe(Container.command(["true"])))
      yield* Effect.sleep("20 millis")
      yield* equal("cleaned", yield* Image.clean({ olderThan: 0, filter }), { removed: [], kept: [], bytes: 0 })
      yield* Container.remove(id)
      const cleaned = yield* Image.clean({ olderThan: 0, filter })
      yield* equal("how many", cleaned.removed.length, 1)
      yield* equal("exists", yield* Image.exists(name), false)
    })
  ),
  it(
    "sweep removes what dead owners left, and nothing else",
    Effect.gen(function*() {
      const backend = yield* Backend
      const self = yield* job(["sleep", "600"])
      const mine = yield* Container.start(self)
      const elsewhere = yield* Container.create(self).pipe(ownedBy({ host: "another-host|boot|1", pid: nobody }))
      const dead = yield* Container.create(self).pipe(ownedBy({ pid: nobody }))
      const deadAndRunning = yield* Container.start(self).pipe(ownedBy({ pid: nobody }))
      const reborn = yield* Container.create(self).pipe(ownedBy({ started: "1" }))
      // Made by somebody who does not know this library.
      const foreign = yield* Effect.acquireRelease(
        backend.create({
          image: (yield* Fixture).image,
          name: yield* unique("foreign"),
          command: ["sleep", "600"],
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
        }),
        // It may be gone already.
        (id) => Effect.ignore(backend.remove(id, { force: true }))
      )
      const swept = yield* Container.sweep()
      const all = [mine.id, elsewhere.id, dead.id, deadAndRunning.id, reborn.id, foreign]
      yield* equal("what is there", yield* Effect.forEach(all, exists), [true, true, false, false, false, true])
      const removed = new Set(swept.removed.map(({ id }) => id))
      yield* equal("not mine, not foreign", [mine.id, elsewhere.id, foreign].filter((id) => removed.has(id)), [])
      yield* equal("it still runs", yield* mine.isRunning, true)
    })
  ),
  it(
    "sweep removes what has outlived its lease",
    Effect.gen(function*() {
      const self = yield* job(["sleep", "600"])
      const over = yield* Container.create(Container.lease(self, "1 millis"))
      // Another case that sweeps may have been there before.
      yield* Effect.ignore(over.start)
      const long = yield* Container.start(Container.lease(self, "1 hour"))
      yield* Effect.sleep("20 millis")
      yield* Container.sweep()
      yield* equal("what is there", yield* Effect.forEach([over.id, long.id], exists), [false, true])
    })
  )
]
