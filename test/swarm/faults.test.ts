/**
 * Nodes of a Swarm that die, are cut off, are drained and come back, while something is run on them. Whoever runs it gets what
 * came of it, or an error that names the node, in the time that the config says; and nothing runs twice, or on for ever.
 */
import { assert, layer } from "@effect/vitest"
import { Clock, Deferred, Effect, Fiber, Layer, Ref, Schedule, Scope } from "effect"
import { type Backend, Container, Errors, ExitStatus, Filter, Owner } from "effect-containers"
import * as Swarm from "effect-containers/layers/Swarm"
import { outcome } from "../hostile/case.ts"
import { bound, Cluster, job, managersBound, on, until } from "./cluster.ts"

/** A leader answers until it notices, by the second of two looks ten seconds apart, that nobody follows it: milliseconds. */
const election = 20_000

type Program = Effect.Effect<string, unknown, Cluster | Backend.Backend>

layer(Layer.orDie(Cluster.layer), { timeout: 180_000, excludeTestServices: true })("a Swarm", (it) => {
  /** What a run could not remove, whose program lives. */
  const removeAll = Container.list(Filter.label(Owner.labels.owner)).pipe(
    Effect.flatMap(Effect.forEach(({ id }) => Container.remove(id, { force: true }))),
    Effect.retry({ times: 20, while: ({ isRetryable }) => isRetryable, schedule: Schedule.spaced("500 millis") })
  )

  /** What somebody does, speaking with this manager, and what he gets. */
  const fault = (name: string, gets: string, program: Program, manager = 1) =>
    it.effect(name, (context) =>
      Effect.gen(function*() {
        const swarm = yield* Cluster
        const value = yield* outcome(
          program.pipe(
            Effect.provide(swarm.layer(manager)),
            Effect.timeoutOrElse({ duration: "4 minutes", orElse: () => Effect.succeed("hangs") })
          )
        )
        context.task.meta.gets = value
        if (value !== gets) yield* Effect.ignore(Effect.provide(removeAll, swarm.layer(1)))
        assert.strictEqual(value, gets)
        const left = yield* Container.list(Filter.label(Owner.labels.owner)).pipe(
          Effect.repeat({
            until: (left) => left.length === 0,
            schedule: Schedule.upTo(Schedule.spaced("500 millis"), { times: 20 })
          }),
          // No case is in another one's way.
          Effect.ensuring(Effect.ignore(removeAll)),
          Effect.provide(swarm.layer(1))
        )
        assert.deepStrictEqual(left, [])
      }), 300_000)

  const number = (id: string) =>
    Effect.flatMap(
      Cluster,
      (swarm) => Effect.map(Container.inspect(id), ({ node = "" }) => swarm.numberOf(node))
    )

  /** The one that is run, once it runs. */
  const running = Container.list(Filter.label("faults", "run")).pipe(
    Effect.map((all) => all.find(({ state }) => state === "running")?.id ?? ""),
    Effect.repeat({ until: (id) => id !== "", schedule: Schedule.spaced("200 millis") })
  )

  /** Runs it, does something once it runs, and tells how the run came out, within the bound. */
  const during = <A, E, R, E2, R2>(
    run: Effect.Effect<A, E, R>,
    then: (id: string) => Effect.Effect<unknown, E2, R2>,
    within = bound
  ) =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(outcome(run, () => "ended"))
      // It may fail before.
      yield* Effect.raceFirst(Effect.flatMap(running, then), Fiber.await(fiber))
      const begun = yield* Clock.currentTimeMillis
      const value = yield* Fiber.join(fiber)
      const taken = (yield* Clock.currentTimeMillis) - begun
      return taken < within ? value : `${value}, after ${taken} ms`
    })

  /**
   * What the case before has done may not be over: a node that has just come back is away once more when the session ends that
   * it had before, and managers elect.
   */
  const settling = {
    while: (error: { readonly _tag: string }) =>
      error instanceof Errors.ContainerStart && (error.isRetryable || error.reason._tag === "ResourceExhausted"),
    schedule: Schedule.upTo(Schedule.spaced("1 second"), { times: 10 })
  }

  /** It runs there, and whoever runs it has heard of it when it is `up`: not before does anything happen. */
  const heard = (node: string, self: Container.Container, ...constraints: ReadonlyArray<string>) => {
    const up = Deferred.makeUnsafe<void>()
    const run = on(node, ...constraints)(Container.run(self, { onOutput: () => Deferred.succeed(up, undefined) })).pipe(
      Effect.retry(settling)
    )
    return { run, up: Deferred.await(up) }
  }

  /** Until somebody ends it. */
  const endless = (node: string, ...constraints: ReadonlyArray<string>) =>
    heard(node, job("echo up; sleep 600"), ...constraints)

  const named = (error: unknown, name: string) => error instanceof Errors.ContainerWait && error.message.includes(name)

  fault(
    "the power of a worker is cut: who waits is told, with its name, and it ends nowhere else",
    "ContainerWait: Unavailable, named; gone when it is back",
    Effect.gen(function*() {
      const swarm = yield* Cluster
      const name = swarm.name(4)
      let isNamed = false
      const { run, up } = endless(name)
      const value = yield* Effect.scoped(during(
        Effect.tapError(run, (error) => Effect.sync(() => isNamed = named(error, name))),
        () => Effect.andThen(up, swarm.without("power", 4))
      ))
      yield* swarm.idle(4)
      return `${value}${isNamed ? ", named" : ""}; gone when it is back`
    })
  )

  fault(
    "what is tried again on that reason is placed elsewhere, and each attempt is made once",
    "2 attempts, on different nodes",
    Effect.scoped(Effect.gen(function*() {
      const swarm = yield* Cluster
      const attempts = yield* Ref.make<ReadonlyArray<string>>([])
      const places = { constraints: [`node.hostname!=${swarm.name(1)}`] }
      const attempt = Effect.gen(function*() {
        const count = (yield* Ref.get(attempts)).length
        yield* Ref.update(attempts, (all) => [...all, ""])
        const { logs } = yield* Container.run(job(count === 0 ? "sleep 600" : "echo $NODE"))
        return logs.stdoutText.trim()
      })
      const fiber = yield* Effect.forkChild(
        Swarm.place(places)(Effect.retry(attempt, { while: (error) => error.isRetryable, times: 3 }))
      )
      const id = yield* running
      const lost = yield* number(id)
      yield* swarm.without("power", lost)
      const second = swarm.numberOf(yield* Fiber.join(fiber))
      const count = (yield* Ref.get(attempts)).length
      return `${count} attempts, on ${second !== lost && second > 0 ? "different nodes" : "the same node"}`
    }))
  )

  fault(
    "a worker is cut off: what runs on there is ended when it comes back",
    "ContainerWait: Unavailable; 1 runs on; then none",
    Effect.gen(function*() {
      const swarm = yield* Cluster
      const { left, value } = yield* Effect.scoped(Effect.gen(function*() {
        const { run, up } = endless(swarm.name(4))
        const value = yield* during(run, () => Effect.andThen(up, swarm.without("cable", 4)))
        return { value, left: yield* swarm.running(4) }
      }))
      yield* swarm.idle(4)
      return `${value}; ${left} runs on; then none`
    })
  )

  fault(
    "a node is drained: what runs there comes to its end, what is new goes elsewhere",
    "exit 7, elsewhere",
    Effect.gen(function*() {
      const swarm = yield* Cluster
      const { run, up } = heard(swarm.name(4), Container.expect(job("echo up; sleep 4; exit 7"), [7]))
      const fiber = yield* Effect.forkChild(run)
      yield* Effect.raceFirst(up, Fiber.await(fiber))
      yield* Effect.acquireRelease(
        swarm.change(4, { Availability: "drain" }),
        () => swarm.change(4, { Availability: "active" })
      )
      const { exit } = yield* Fiber.join(fiber)
      const other = yield* Container.string(job("printf %s $NODE"))
      return `exit ${ExitStatus.toCode(exit)}, ${other === swarm.name(4) ? "there" : "elsewhere"}`
    }).pipe(Effect.scoped)
  )

  fault(
    "a node is no longer what a container asks for: the Swarm ends it there, and who waits is told, with its name",
    "ContainerWait: Unavailable, named; then none",
    Effect.gen(function*() {
      const swarm = yield* Cluster
      const name = swarm.name(4)
      let isNamed = false
      yield* swarm.change(4, { Labels: { disk: "ssd" } })
      const { run, up } = endless(name, "node.labels.disk==ssd")
      const value = yield* during(
        Effect.tapError(run, (error) => Effect.sync(() => isNamed = named(error, name))),
        () => Effect.andThen(up, swarm.change(4, { Labels: {} }))
      )
      yield* swarm.idle(4)
      return `${value}${isNamed ? ", named" : ""}; then none`
    })
  )

  const lines = Array.from({ length: 40 }, (_, n) => `${n}\n`).join("")
  const talks = "i=0; while [ $i -lt 40 ]; do echo $i; i=$((i+1)); sleep 0.3; done; exit 5"

  const whole = (cut: number) =>
    Effect.gen(function*() {
      const swarm = yield* Cluster
      const { run, up } = heard(swarm.name(4), Container.expect(job(talks), [5]))
      let text = ""
      const value = yield* Effect.scoped(
        during(
          Effect.tap(run, ({ logs }) => Effect.sync(() => text = logs.stdoutText)),
          () => Effect.andThen(up, swarm.without("power", cut)),
          managersBound
        )
      )
      return `${value}, ${text === lines ? "all of its output" : JSON.stringify(text)}`
    })

  fault(
    "another manager dies: a run goes on, and nothing of its output is missing",
    "ended, all of its output",
    whole(3)
  )

  fault(
    "the leader dies, and another is elected: the same",
    "leader 1, then another; ended, all of its output",
    Effect.gen(function*() {
      const swarm = yield* Cluster
      const before = yield* swarm.leader
      const value = yield* whole(before)
      const after = yield* swarm.leader
      return `leader ${before}, then ${after === before ? after : "another"}; ${value}`
    }),
    2
  )

  fault(
    "a job that has failed and is left there is run again by the next leader, as the Swarm does: its end stays its own",
    "3, then 3",
    Effect.gen(function*() {
      const swarm = yield* Cluster
      const handle = yield* on(swarm.name(4))(Container.start(job("exit 3"), { detach: true }))
      const before = yield* handle.exitCode
      const leader = yield* swarm.leader
      yield* Effect.scoped(Effect.andThen(swarm.without("power", leader), Effect.sleep("8 seconds")))
      const after = yield* handle.exitCode
      yield* removeAll
      return `${before}, then ${after}`
    }).pipe(Effect.scoped),
    3
  )

  fault(
    "two managers of three are gone: who waits is told in time, and then it goes well again",
    "ContainerLogs: Unavailable; then works",
    Effect.gen(function*() {
      const swarm = yield* Cluster
      const { run, up } = endless(swarm.name(4))
      const value = yield* during(
        run,
        () => Effect.all([up, swarm.tell("power", 2, false), swarm.tell("power", 3, false)]),
        managersBound + election
      )
      yield* Effect.andThen(swarm.tell("power", 2, true), swarm.tell("power", 3, true))
      yield* until("they are back", swarm.isReady(2, 1))
      yield* until("they are back", swarm.isReady(3, 1))
      const text = yield* Container.string(job("echo works")).pipe(
        Effect.retry({ times: 20, while: (e) => e.isRetryable })
      )
      yield* swarm.idle(4)
      return `${value}; then ${text.trim()}`
    })
  )

  /** As a program that was killed leaves it. */
  const leftBehind = Effect.gen(function*() {
    const swarm = yield* Cluster
    const scope = yield* Scope.make()
    const dead = { ...yield* Owner.Owner, pid: 2 ** 22 + 1 }
    yield* on(swarm.name(4))(Container.start(job("sleep 600", "left"))).pipe(
      Effect.provideService(Owner.Owner, dead),
      Scope.provide(scope),
      Effect.retry(settling)
    )
  })

  fault(
    "what a killed program has left on a lost node is swept, and ends when the node is back",
    "1 swept, 0 kept; gone",
    Effect.gen(function*() {
      const swarm = yield* Cluster
      yield* leftBehind
      const { kept, removed } = yield* Effect.scoped(Effect.gen(function*() {
        yield* swarm.without("cable", 4)
        yield* until("it is seen to be away", async () => !(await swarm.isReady(4, 1)()))
        return yield* Container.sweep()
      }))
      yield* swarm.idle(4)
      return `${removed.length} swept, ${kept.length} kept; gone`
    })
  )

  fault(
    "the manager that is spoken with dies: who waits is told in time, and what is left is swept",
    "ContainerLogs: Unavailable; 1 swept",
    Effect.gen(function*() {
      const swarm = yield* Cluster
      yield* leftBehind
      const { run, up } = endless(swarm.name(4))
      const value = yield* Effect.scoped(
        during(run, () => Effect.andThen(up, swarm.without("power", 1)), managersBound)
      )
      const { kept, removed } = yield* Effect.retry(Container.sweep(), {
        times: 20,
        while: ({ isRetryable }) => isRetryable
      })
      // That run could not be removed, and its owner lives.
      yield* removeAll
      yield* swarm.idle(4)
      return [`${value}; ${removed.length} swept`, ...kept.map(({ error }) => error.message)].join(", ")
    })
  )
})
