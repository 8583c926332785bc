import { assert, layer } from "@effect/vitest"
import { Context, Duration, Effect, Fiber, Layer, Schedule, type Scope, Stream } from "effect"
import { type Backend, Container, type Errors, Image } from "effect-containers"
import * as Testing from "effect-containers/testing"
import { outcome } from "../hostile/case.ts"
import { type Engine, mortals, type Options, type Restartable, restartable } from "./engine.ts"
import { holds } from "./holds.ts"

/** The engine of the cases in a file, which they share one after the other. */
class Own extends Context.Service<Own, Restartable | Engine>()("test/faults/Own") {}

interface FaultsOptions extends Options {
  /** No case takes longer, also on a machine that is busy. Default 1. */
  readonly minutes?: number | undefined
}

/** Shown with the case. */
type Note = (text: string) => void

type Program = (engine: Restartable, note: Note) => Effect.Effect<string, unknown, Backend.Backend | Scope.Scope>

type Kind = Restartable["kind"]

export interface Cases {
  /**
   * A case: what somebody does, and what he gets, the same everywhere or by the kind of engine. When it is over the engine
   * is there and holds what it held before, and so does this process.
   */
  readonly fault: (name: string, gets: string | Readonly<Record<Kind, string>>, program: Program) => void
  readonly kind: Kind
}

type Held = Readonly<Record<string, ReadonlyArray<string>>>

/** The shim of what ran before may end only now, so less is no difference. */
const moreThan = (before: Held, now: Held): ReadonlyArray<string> =>
  Object.entries(now).flatMap(([kind, names]) =>
    names.filter((name) => before[kind]?.includes(name) !== true).map((name) => `${kind}: ${name}`)
  )

/** What a containerd holds that its API of containers and images does not show. */
const inside = (engine: Restartable | Engine): Effect.Effect<Held, Errors.Reason> =>
  "config" in engine ? Effect.scoped(holds(engine)) : Effect.succeed({})

/** Cases with an engine of each kind under test. */
export const faults = (options: FaultsOptions, body: (cases: Cases) => void): void => {
  const { minutes = 1 } = options
  for (const name of mortals) {
    const own = Layer.effect(
      Own,
      Effect.gen(function*() {
        const engine = yield* restartable(name, options)
        // Its first container makes what all others share.
        yield* Image.fromArchive(Stream.make(engine.image)).pipe(
          Effect.andThen(Container.run(job("true"))),
          Effect.provide(engine.layer)
        )
        return engine
      })
    )
    layer(Layer.orDie(own), { timeout: 120_000, excludeTestServices: true })(name, (it) => {
      const kind = name.startsWith("docker") ? "docker" : "containerd"
      const fault: Cases["fault"] = (title, gets, program) =>
        it.effect(title, (context) =>
          Effect.gen(function*() {
            const engine = yield* Own
            const before = yield* inside(engine)
            let noted = ""
            const note = (text: string) => void (noted = `: ${text}`)
            const value = yield* outcome(
              program(engine, note).pipe(
                Effect.scoped,
                Effect.timeoutOrElse({ duration: Duration.minutes(minutes), orElse: () => Effect.succeed("hangs") }),
                Testing.withoutLeaks(engine.layer),
                // What it was is what whoever reads this wants to know.
                Effect.catchIf((error) => error instanceof Testing.Leaked, ({ message }) => Effect.succeed(message))
              )
            )
            context.task.meta.gets = `${value}${noted}`.replaceAll("\n", " ")
            assert.strictEqual(value, typeof gets === "string" ? gets : gets[engine.kind])
            yield* inside(engine).pipe(
              Effect.map((now) => moreThan(before, now)),
              // Shims and the like take a moment to end.
              Effect.repeat({
                until: (more) => more.length === 0,
                schedule: Schedule.upTo(Schedule.spaced("200 millis"), { times: 50 })
              }),
              Effect.map((more) => assert.deepStrictEqual(more, []))
            )
          }), (minutes + 1) * 60_000)
      body({ fault, kind })
    })
  }
}

/** Fails as it does until it succeeds, as long as the reason says that trying again may help. */
export const persistently = <A, E extends { readonly isRetryable: boolean }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, { while: (error) => error.isRetryable, schedule: Schedule.spaced("250 millis") })

/** The engine is started again, and takes work. */
export const back = (engine: Restartable) => Effect.andThen(engine.start, persistently(Container.list()))

/** Work that goes on while the engine is away, and comes to its end when it is back. */
export const whileAway = <A, E extends { readonly isRetryable: boolean }, R>(
  engine: Restartable,
  effect: Effect.Effect<A, E, R>
) =>
  Effect.gen(function*() {
    const trying = yield* Effect.forkChild(persistently(effect))
    yield* Effect.sleep("100 millis")
    yield* engine.start
    return yield* Fiber.join(trying)
  })

export const job = (command: string | ReadonlyArray<string>) =>
  Container.make("busybox:test").pipe(
    Container.pull("never"),
    Container.command(command),
    Container.stopWith({ grace: 0 })
  )

/** New work succeeds. */
export const works = Effect.map(Container.string(job("echo works")), (text) => text.trim())

export { outcome }
