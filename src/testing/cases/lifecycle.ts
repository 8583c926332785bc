import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Backend } from "../../Backend.ts"
import * as Container from "../../Container.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import * as Filter from "../../Filter.ts"
import { type Case, group, isGone, job, states, tracked, unique, until } from "../case.ts"
import { equal, fails, holds } from "../expect.ts"
import { Fixture } from "../fixture.ts"

const it = group("lifecycle")

/** Ends with 5 when it is asked to, once it has said that it is ready. */
const polite = "trap 'echo asked; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
const stubborn = "trap '' TERM; echo ready; while :; do sleep 0.05; done"

/** Started, and past its first words: a signal before these would find no trap. */
const ready = Effect.fnUntraced(function*(script: string) {
  const handle = yield* Effect.flatMap(job(script), Container.start)
  yield* handle.stdout.pipe(Stream.take(1), Stream.runDrain)
  return handle
})

const sleeping = Effect.flatMap(job(["sleep", "600"]), Container.start)

const killed = (signal: string) => ({ ...new ExitStatus.Killed({ signal }) })

export const cases: ReadonlyArray<Case> = [
  it(
    "created, running, exited",
    Effect.gen(function*() {
      const { image } = yield* Fixture
      const name = yield* unique("lifecycle")
      const { capabilities: { stdin } } = yield* Backend
      const self = Container.name(yield* job(`${stdin ? "read line" : "sleep 3"}; exit 3`), name)
      const created = yield* Container.create(self, { stdin })
      yield* equal("name and image", [created.name, created.image], [name, image])
      const before = yield* Container.inspect(created.id)
      yield* equal("before", [before.id, before.name, before.image, before.state, before.exit, before.startedAt], [
        created.id,
        name,
        image,
        "created",
        undefined,
        undefined
      ])
      const handle = yield* created.start
      yield* equal("id", handle.id, created.id)
      const during = yield* handle.inspect
      yield* equal("during", [during.state, during.exit, during.finishedAt, during.tty], [
        "running",
        undefined,
        undefined,
        false
      ])
      yield* equal("isRunning", yield* handle.isRunning, true)
      if (stdin) yield* Stream.run(Stream.make(Uint8Array.of(10)), handle.stdin)
      yield* equal("exitCode", yield* handle.exitCode, 3)
      const after = yield* handle.inspect
      yield* equal("after", [after.state, { ...after.exit }], ["exited", { ...new ExitStatus.Exited({ code: 3 }) }])
      const times = [after.createdAt, after.startedAt, after.finishedAt].map((time) =>
        time === undefined ? Number.NaN : DateTime.toEpochMillis(time)
      )
      yield* holds("times in order", times[0]! <= times[1]! && times[1]! <= times[2]!, times)
      yield* equal("isRunning", yield* handle.isRunning, false)
    })
  ),
  it(
    "nothing runs before it is started",
    Effect.gen(function*() {
      const created = yield* Effect.flatMap(job("echo ran"), Container.create)
      yield* equal("logs", yield* Stream.runCollect(Container.logs(created.id)), [])
      const handle = yield* created.start
      yield* equal("logs", yield* Stream.mkString(Stream.decodeText(handle.stdout)), "ran\n")
    })
  ),
  it(
    "is found by name as by id",
    Effect.gen(function*() {
      const handle = yield* sleeping
      const found = yield* Container.inspect(handle.name)
      yield* equal("id", found.id, handle.id)
    })
  ),
  it(
    "the scope stops and removes it",
    Effect.gen(function*() {
      const { container, found } = yield* Effect.flatMap(job(polite), tracked)
      const scope = yield* Scope.make()
      const handle = yield* Scope.provide(Container.start(container), scope)
      yield* equal("states", yield* states(found), ["running"])
      yield* Scope.close(scope, Exit.void)
      yield* isGone(found)
      yield* fails(Container.inspect(handle.id), { tag: "ContainerInspect", reason: "NotFound", id: handle.id })
    })
  ),
  it(
    "a detached one outlives its scope, and sweep leaves it alone",
    Effect.gen(function*() {
      const name = yield* unique("detached")
      const self = Container.name(yield* job("echo begun; while :; do sleep 0.05; done"), name)
      // It may be gone already.
      yield* Effect.addFinalizer(() => Effect.ignore(Container.remove(name, { force: true })))
      const { id } = yield* Effect.scoped(Container.start(self, { detach: true }))
      yield* Container.sweep()
      yield* equal("state", (yield* Container.inspect(name)).state, "running")
      const logs = Effect.map(
        Stream.runCollect(Container.logs(id)),
        (frames) => frames.map(({ bytes }) => new TextDecoder().decode(bytes)).join("")
      )
      yield* equal("logs", yield* until(logs, (text) => text !== ""), "begun\n")
      yield* Container.remove(id, { force: true })
      yield* fails(Container.inspect(id), { tag: "ContainerInspect", reason: "NotFound", id })
    })
  ),
  it(
    "a detached one that cannot be started is removed",
    Effect.gen(function*() {
      const { container, found } = yield* Effect.flatMap(job(["/no/such/command"]), tracked)
      yield* Effect.scoped(
        fails(Container.start(container, { detach: true }), { tag: "ContainerStart", reason: "NotFound" })
      )
      yield* isGone(found)
    })
  ),
  it(
    "stop asks",
    Effect.gen(function*() {
      const handle = yield* ready(polite)
      yield* handle.stop({ grace: "30 seconds" })
      yield* equal("exitCode", yield* handle.exitCode, 5)
      yield* equal("stdout", yield* Stream.mkString(Stream.decodeText(handle.stdout)), "ready\nasked\n")
    })
  ),
  it(
    "stop kills who does not listen",
    Effect.gen(function*() {
      const handle = yield* ready(stubborn)
      yield* handle.stop({ grace: "1 second" })
      yield* equal("exit", { ...(yield* handle.exitStatus) }, killed("SIGKILL"))
    })
  ),
  it(
    "stop asks with the signal that we say",
    Effect.gen(function*() {
      const self = yield* job("trap 'exit 7' USR1; echo ready; while :; do sleep 0.05; done")
      const handle = yield* Container.start(Container.stopWith(self, { signal: "SIGUSR1", grace: "30 seconds" }))
      yield* handle.stdout.pipe(Stream.take(1), Stream.runDrain)
      yield* handle.stop()
      yield* equal("exitCode", yield* handle.exitCode, 7)
    })
  ),
  it(
    "stop twice",
    Effect.gen(function*() {
      const handle = yield* ready(polite)
      yield* handle.stop({ grace: "30 seconds" })
      yield* handle.stop({ grace: "30 seconds" })
      yield* Container.stop(handle.id)
      yield* equal("exitCode", yield* handle.exitCode, 5)
    })
  ),
  it(
    "stop what is not there",
    fails(Container.stop("efc-no-such-container"), {
      tag: "ContainerStop",
      reason: "NotFound",
      id: "efc-no-such-container",
      names: ["efc-no-such-container"]
    })
  ),
  it(
    "kill sends SIGTERM and waits",
    Effect.gen(function*() {
      const handle = yield* ready(polite)
      yield* handle.kill()
      yield* equal("isRunning", yield* handle.isRunning, false)
      yield* equal("exitCode", yield* handle.exitCode, 5)
    })
  ),
  it(
    "kill with forceKillAfter",
    Effect.gen(function*() {
      const handle = yield* ready(stubborn)
      yield* handle.kill({ forceKillAfter: "200 millis" })
      yield* equal("exit", { ...(yield* handle.exitStatus) }, killed("SIGKILL"))
    })
  ),
  it(
    "kill what has ended",
    Effect.gen(function*() {
      const handle = yield* Effect.flatMap(job(["true"]), Container.start)
      yield* handle.exitCode
      yield* fails(handle.kill(), { tag: "ContainerSignal", reason: "Conflict", id: handle.id })
      yield* fails(Container.signal(handle.id, "SIGKILL"), {
        tag: "ContainerSignal",
        reason: "Conflict",
        id: handle.id
      })
    })
  ),
  it(
    "a signal reaches the process, which goes on",
    Effect.gen(function*() {
      const handle = yield* ready(
        "trap 'echo got it' USR1; trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done"
      )
      yield* Container.signal(handle.id, "USR1")
      const stdout = Stream.mkString(Stream.decodeText(
        Stream.map(Stream.provideContext(Container.logs(handle.id), yield* Effect.context()), ({ bytes }) => bytes)
      ))
      yield* until(stdout, (text) => text === "ready\ngot it\n")
      yield* equal("isRunning", yield* handle.isRunning, true)
    })
  ),
  it(
    "a signal that there is not",
    Effect.gen(function*() {
      const handle = yield* sleeping
      yield* fails(Container.signal(handle.id, "SIGNOPE"), {
        tag: "ContainerSignal",
        reason: "InvalidArgument",
        id: handle.id,
        names: ["SIGNOPE"]
      })
    })
  ),
  it(
    "remove what runs",
    Effect.gen(function*() {
      const handle = yield* sleeping
      yield* fails(Container.remove(handle.id), { tag: "ContainerRemove", reason: "Conflict", id: handle.id })
      yield* equal("it still runs", yield* handle.isRunning, true)
      yield* Container.remove(handle.id, { force: true })
      yield* fails(handle.inspect, { tag: "ContainerInspect", reason: "NotFound", id: handle.id })
    })
  ),
  it(
    "remove twice",
    Effect.gen(function*() {
      const { id } = yield* Effect.flatMap(job(["true"]), Container.create)
      yield* Container.remove(id)
      yield* fails(Container.remove(id), { tag: "ContainerRemove", reason: "NotFound", id, names: [id.slice(0, 12)] })
      yield* fails(Container.remove(id, { force: true }), { tag: "ContainerRemove", reason: "NotFound", id })
    })
  ),
  it(
    "what is removed is not there for anybody",
    Effect.gen(function*() {
      const { id, start } = yield* Effect.flatMap(job(["true"]), Container.create)
      yield* Container.remove(id)
      const gone = { reason: "NotFound", id, names: [id.slice(0, 12)] }
      yield* fails(Container.inspect(id), { tag: "ContainerInspect", ...gone })
      yield* fails(Container.wait(id), { tag: "ContainerWait", ...gone })
      yield* fails(Container.signal(id, "SIGTERM"), { tag: "ContainerSignal", ...gone })
      yield* fails(Stream.runDrain(Container.logs(id)), { tag: "ContainerLogs", ...gone })
      yield* fails(start, { tag: "ContainerStart", ...gone })
    })
  ),
  it(
    "two wait for one",
    Effect.gen(function*() {
      const handle = yield* Effect.flatMap(job("sleep 0.3; exit 4"), Container.start)
      const codes = yield* Effect.all([handle.exitCode, handle.exitCode, Container.wait(handle.id)], {
        concurrency: "unbounded"
      })
      yield* equal("codes", codes.slice(0, 2), [4, 4])
      yield* equal("exit", { ...(yield* Container.wait(handle.id)) }, { ...new ExitStatus.Exited({ code: 4 }) })
    })
  ),
  it(
    "a name that is taken",
    Effect.gen(function*() {
      const name = yield* unique("name")
      const self = Container.name(yield* job(["true"]), name)
      const { id } = yield* Container.create(self)
      yield* fails(Effect.scoped(Container.create(self)), {
        tag: "ContainerCreate",
        reason: "AlreadyExists",
        image: (yield* Fixture).image,
        names: [name]
      })
      yield* equal("the first is still there", (yield* Container.inspect(name)).id, id)
      yield* Container.remove(id)
      yield* Container.create(self)
    })
  ),
  it(
    "list by label, name, state and id",
    Effect.gen(function*() {
      const { container, found } = yield* Effect.flatMap(job(["sleep", "600"]), tracked)
      const first = yield* Container.create(container)
      const second = yield* Container.start(container)
      const ids = (filter: Filter.Filter) =>
        Effect.map(Container.list(filter), (list) => list.map(({ id }) => id).toSorted())
      yield* equal("label", yield* ids(found), [first.id, second.id].toSorted())
      yield* equal("name", yield* ids(Filter.and(found, Filter.name(first.name))), [first.id])
      yield* equal("running", yield* ids(Filter.and(found, Filter.status("running"))), [second.id])
      yield* equal("created", yield* ids(Filter.and(found, Filter.status("created"))), [first.id])
      yield* equal("id", yield* ids(Filter.id(second.id)), [second.id])
      yield* equal("no such label", yield* ids(Filter.and(found, Filter.label("efc-nobody-has-this"))), [])
      const [summary] = yield* Container.list(Filter.and(found, Filter.status("running")))
      yield* equal("what a list says", [summary?.name, summary?.image, summary?.state], [
        second.name,
        second.image,
        "running"
      ])
      yield* holds(
        "all has both",
        (yield* Container.list()).filter(({ id }) => id === first.id || id === second.id).length === 2,
        2
      )
    })
  )
]
