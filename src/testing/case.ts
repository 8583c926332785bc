import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import { Backend } from "../Backend.ts"
import type { Capabilities } from "../Capabilities.ts"
import * as Container from "../Container.ts"
import * as Filter from "../Filter.ts"
import { equal, fails, type Failure } from "./expect.ts"
import { Fixture, type Part, type Way } from "./fixture.ts"

/**
 * An engine does not do what the suite says that every engine does.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConformanceFailure extends Data.TaggedError("ConformanceFailure")<{
  readonly group: string
  readonly name: string
  /** Why: a `Mismatch`, or an error or defect of the library where there should be none. */
  readonly cause: unknown
}> {
  override get message(): string {
    return `${this.group}: ${this.name}: ${this.cause instanceof Error ? this.cause.message : inspect(this.cause)}`
  }
}

/**
 * One thing that is the same on every engine. Cases are independent of each other: they may run in any order, and several
 * at a time.
 *
 * @category models
 * @since 0.1.0
 */
export interface Case {
  readonly group: string
  readonly name: string
  /** Succeeds when the engine does as it should. Over after two minutes at most. */
  readonly run: Effect.Effect<void, ConformanceFailure, Backend | Fixture | Scope.Scope>
}

/** A group of cases: `const it = group("exit"); it("exit code 3", Effect...)`. */
export const group = (group: string) =>
<E>(
  name: string,
  run: Effect.Effect<unknown, E, Backend | Fixture | Scope.Scope>
): Case => ({
  group,
  name,
  run: Effect.asVoid(run).pipe(
    Effect.timeout("2 minutes"),
    Effect.catchCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.interrupt
        : Effect.fail(new ConformanceFailure({ group, name, cause: Cause.squash(cause) }))
    )
  )
})

/** A name that nobody else has. Lower case, as an image's must be. */
export const unique = (prefix: string): Effect.Effect<string> =>
  Effect.sync(() => `efc-${prefix}-${crypto.randomUUID().replaceAll("-", "").slice(0, 12)}`)

/**
 * A container of the fixture's image that runs this. It is not waited for when its scope closes: process 1 ignores what it
 * does not handle.
 */
export const job = (command: string | ReadonlyArray<string>): Effect.Effect<Container.Container, never, Fixture> =>
  Effect.map(Fixture, ({ image }) =>
    Container.make(image).pipe(
      Container.pull("never"),
      Container.command(command),
      Container.stopWith({ grace: 0 })
    ))

interface Turns {
  readonly script: string
  readonly stdin: Stream.Stream<Uint8Array>
  readonly next: Effect.Effect<unknown>
}

/**
 * A shell's commands of which each one but the first begins when `next` was called: when what the one before it wrote has
 * been seen. Two pipes have no order of their own, however long a busy engine is given.
 */
export const turns = (...commands: ReadonlyArray<string>): Effect.Effect<Turns> =>
  Effect.gen(function*() {
    const turns = yield* Queue.unbounded<Uint8Array, Cause.Done>()
    // Nothing more than is read: an engine may mind what is left over.
    let left = commands.length - 1
    return {
      script: commands.join("; read turn; sleep 0.02; "),
      stdin: Stream.fromQueue(turns),
      next: Effect.suspend(() => left-- > 0 ? Queue.offer(turns, Uint8Array.of(10)) : Queue.end(turns))
    }
  })

/** A container that runs {@link turns}; where it cannot be told anything, with a while in between. */
export const inTurn = (
  ...commands: ReadonlyArray<string>
): Effect.Effect<
  { readonly self: Container.Container; readonly next: Effect.Effect<unknown> },
  never,
  Backend | Fixture
> =>
  Effect.gen(function*() {
    const { capabilities } = yield* Backend
    if (!capabilities.stdin) return { self: yield* job(commands.join("; sleep 0.5; ")), next: Effect.void }
    const { next, script, stdin } = yield* turns(...commands)
    return { self: Container.stdin(yield* job(script), stdin), next }
  })

/** Asserts it several times, where an engine may do it in a way of its own now and then. */
export const mostly = <E extends { readonly _tag: string }, R>(way: Way, self: Effect.Effect<unknown, E, R>) =>
  Effect.gen(function*() {
    const { ways = [] } = yield* Fixture
    yield* Effect.retry(self, { times: ways.includes(way) ? 4 : 0, while: ({ _tag }) => _tag === "Mismatch" })
  })

/** Labels a container so that it can be found, and gives what finds it. */
export const tracked = (
  self: Container.Container
): Effect.Effect<{ readonly container: Container.Container; readonly found: Filter.Filter }> =>
  Effect.map(unique("track"), (value) => ({
    container: Container.label(self, label, value),
    found: Filter.label(label, value)
  }))

const label = "conformance.case"

/** The states of the containers that are there. */
export const states = (found: Filter.Filter) =>
  Effect.map(Container.list(found), (containers) => containers.map(({ state }) => state))

/** Nothing of it remains, now. */
export const isGone = (found: Filter.Filter) =>
  Effect.flatMap(states(found), (states) => equal("containers that remain", states, []))

/** Nothing of it remains, once what goes on in the background is done. */
export const willBeGone = (found: Filter.Filter) =>
  isGone(found).pipe(
    Effect.retry({
      times: 100,
      while: (error) => error._tag === "Mismatch",
      schedule: Schedule.spaced("100 millis")
    })
  )

/** Waits until something holds, as long as the case has time. */
export const until = <A, E, R>(effect: Effect.Effect<A, E, R>, done: (value: A) => boolean): Effect.Effect<A, E, R> =>
  Effect.repeat(effect, { until: done, schedule: Schedule.spaced("50 millis") })

/**
 * Goes on when the engine can do all of it. When it cannot, asking for it is refused, naming the engine, and leaves nothing.
 */
export const needs = <E, R>(
  capability: keyof Capabilities | ReadonlyArray<keyof Capabilities>,
  self: Container.Container,
  body: (container: Container.Container) => Effect.Effect<unknown, E, R>
) =>
  Effect.gen(function*() {
    const backend = yield* Backend
    const asked = typeof capability === "string" ? [capability] : capability
    if (asked.every((one) => backend.capabilities[one])) return yield* body(self)
    const { container, found } = yield* tracked(self)
    yield* fails(Effect.scoped(Container.start(container)), {
      tag: "ContainerCreate",
      reason: "Unsupported",
      names: [backend.name]
    })
    yield* isGone(found)
  })

/** Goes on when the engine has this part. When it has not, what is asked fails `Unsupported`, naming the engine. */
export const part = <E, R, A, E2 extends Failure, R2>(
  part: Part,
  asks: Effect.Effect<A, E2, R2>,
  body: Effect.Effect<unknown, E, R>
) =>
  Effect.gen(function*() {
    const backend = yield* Backend
    const fixture = yield* Fixture
    if (fixture.missing?.includes(part) !== true) return yield* body
    yield* fails(asks, { reason: "Unsupported", names: [backend.name] })
  })
