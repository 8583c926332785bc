/**
 * The engine's daemon is killed in the middle of something. Whoever asked for it gets an error that says so, or what he
 * asked for once the daemon is back, where the engine can do that; then the same goes well again.
 */
import { Deferred, Effect, Fiber, Stream } from "effect"
import { BuildContext, Container, Filter, Image } from "effect-containers"
import { back, faults, job, outcome, whileAway, works } from "./case.ts"
import { stalling } from "./registry.ts"

const decoder = new TextDecoder()

/** What was delivered, and what came of it. */
const said = (delivered: ReadonlyArray<string>, came: string) => `${delivered.join("").trim()}; ${came}`

/** Its end comes when the engine is back again, also on a machine that is busy. */
const lasting = "echo before; sleep 6; echo after"

faults({}, ({ fault, kind }) => {
  fault("killed while pulling", "ClientPull: Unavailable; then pulled, works", (engine) =>
    Effect.gen(function*() {
      const registry = yield* stalling(engine.machine)
      const statuses: Array<unknown> = []
      const pull = Stream.runForEach(Image.pull(registry.image), (status) => Effect.sync(() => statuses.push(status)))
      const pulling = yield* Effect.forkChild(outcome(pull))
      yield* registry.stalled
      yield* engine.kill
      const came = yield* Fiber.join(pulling)
      yield* registry.goOn
      yield* whileAway(engine, pull)
      const runs = yield* Container.string(
        Container.make(registry.image).pipe(Container.pull("never"), Container.command("echo works"))
      )
      yield* Image.remove(registry.image, { force: true })
      return `${came}; then pulled, ${runs.trim()}`
    }))

  if (kind === "docker") {
    fault(
      "killed while building",
      "begun; ImageBuildDockerfile: Unavailable; then built",
      (engine) =>
        Effect.gen(function*() {
          const begun = yield* Deferred.make<void>()
          const delivered: Array<string> = []
          const build = Stream.runForEach(
            Image.build("faults:1", BuildContext.fromDockerfile("FROM busybox:test\nRUN echo beg''un; sleep 2\n")),
            (status) =>
              JSON.stringify(status).includes("begun")
                ? Effect.andThen(
                  Effect.sync(() => delivered.push("begun")),
                  Deferred.succeed(begun, undefined)
                )
                : Effect.void
          )
          const building = yield* Effect.forkChild(outcome(build))
          yield* Deferred.await(begun)
          yield* engine.kill
          const came = yield* Fiber.join(building)
          const got = said(delivered, came)
          yield* whileAway(engine, build)
          yield* Image.remove("faults:1", { force: true })
          // The container of a step is the builder's own, which would have removed it at the end.
          for (const { id, labels } of yield* Container.list()) {
            if (Object.keys(labels).length === 0) yield* Container.remove(id, { force: true })
          }
          return `${got}; then built`
        })
    )
  }

  fault("killed while a container runs", {
    docker: "before; ContainerWait: Unavailable; then works",
    containerd: "before\nafter; Exited; then works"
  }, (engine) =>
    Effect.gen(function*() {
      const delivered: Array<string> = []
      const begun = yield* Deferred.make<void>()
      const running = yield* Effect.forkChild(outcome(
        Container.run(job(lasting), {
          onOutput: (frames) => {
            for (const { bytes } of frames) delivered.push(decoder.decode(bytes))
            return Deferred.succeed(begun, undefined)
          }
        }),
        ({ exit }) => exit._tag
      ))
      yield* Deferred.await(begun)
      yield* engine.kill
      const again = yield* whileAway(engine, works)
      return `${said(delivered, yield* Fiber.join(running))}; then ${again}`
    }))

  fault("killed while logs are followed", {
    docker: "before; ContainerLogs: Unavailable; then the same",
    containerd: "before\nafter; the end; then the same"
  }, (engine) =>
    Effect.gen(function*() {
      const delivered: Array<string> = []
      const begun = yield* Deferred.make<void>()
      const handle = yield* Container.start(job(lasting))
      const following = yield* Effect.forkChild(outcome(
        Stream.runForEach(handle.all, (bytes) => {
          delivered.push(decoder.decode(bytes))
          return Deferred.succeed(begun, undefined)
        }),
        () => "the end"
      ))
      yield* Deferred.await(begun)
      yield* engine.kill
      if (kind === "docker") yield* Fiber.await(following)
      const again = whileAway(engine, Stream.mkString(Stream.decodeText(handle.all)))
      const text = yield* again
      const got = said(delivered, yield* Fiber.join(following))
      // A dockerd that is back at once has what was written meanwhile, too.
      const isSame = text === delivered.join("") || (kind === "docker" && text === "before\nafter\n")
      return `${got}; then ${isSame ? "the same" : text}`
    }))

  fault("killed while an end is waited for", {
    docker: "ContainerWait: Unavailable; then not 0",
    containerd: "Exited 7; then Exited 7"
  }, (engine) =>
    Effect.gen(function*() {
      const handle = yield* Container.start(job("sleep 6; exit 7"))
      const show = (exit: { readonly _tag: string; readonly code?: number }) =>
        exit._tag === "Exited" ? `Exited ${exit.code}` : exit._tag
      const waiting = yield* Effect.forkChild(outcome(handle.exitStatus, show))
      yield* Effect.sleep("300 millis")
      yield* engine.kill
      const again = show(yield* whileAway(engine, handle.exitStatus))
      // What a dockerd says of one that it has found dead is its own, but it does not say that all went well.
      const later = kind === "docker" && again !== "Exited 0" ? "not 0" : again
      return `${yield* Fiber.join(waiting)}; then ${later}`
    }))

  fault("killed while a container is created", {
    docker: "ContainerCreate: Unavailable; then works",
    containerd: "ContainerCreate: Unavailable; then works"
  }, (engine) =>
    Effect.gen(function*() {
      yield* engine.freeze
      const creating = yield* Effect.forkChild(outcome(Container.run(job("echo works"))))
      yield* Effect.sleep("300 millis")
      yield* engine.kill
      const came = yield* Fiber.join(creating)
      return `${came}; then ${yield* whileAway(engine, works)}`
    }))

  fault(
    "killed while a container is started",
    "ContainerStart: Unavailable; then works",
    (engine) =>
      Effect.gen(function*() {
        const created = yield* Container.create(job("echo works"))
        yield* engine.freeze
        const starting = yield* Effect.forkChild(outcome(created.start))
        yield* Effect.sleep("300 millis")
        yield* engine.kill
        const came = yield* Fiber.join(starting)
        return `${came}; then ${yield* whileAway(engine, works)}`
      })
  )

  fault(
    "killed while a container is removed",
    "ContainerRemove: Unavailable; then gone",
    (engine) =>
      Effect.gen(function*() {
        const handle = yield* Container.start(job("sleep 600"), { detach: true })
        yield* engine.freeze
        const removing = yield* Effect.forkChild(outcome(Container.remove(handle.id, { force: true })))
        yield* Effect.sleep("300 millis")
        yield* engine.kill
        const came = yield* Fiber.join(removing)
        // It may have been done before the answer was lost.
        yield* whileAway(engine, Container.remove(handle.id, { force: true })).pipe(
          Effect.catchReason("ContainerRemove", "NotFound", () => Effect.void)
        )
        const left = yield* Container.list(Filter.id(handle.id))
        return `${came}; then ${left.length === 0 ? "gone" : "there"}`
      })
  )

  fault("killed under a container whose scope closes", "works", (engine) =>
    Effect.gen(function*() {
      yield* Effect.scoped(Effect.andThen(Container.start(job("sleep 600")), engine.kill))
        .pipe(Effect.forkChild, Effect.tap(() => Effect.sleep("1 second")))
      return yield* whileAway(engine, works)
    }))

  fault(
    "away for good",
    "ContainerCreate: Unavailable, ContainerList: Unavailable",
    (engine) =>
      Effect.gen(function*() {
        yield* engine.kill
        const run = yield* outcome(Container.run(job("true")))
        const list = yield* outcome(Container.list())
        yield* back(engine)
        return `${run}, ${list}`
      })
  )
})
