import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Backend, endpoint } from "../Backend.ts"
import * as Errors from "../Errors.ts"
import * as ExitStatus from "../ExitStatus.ts"
import * as Logs from "../Logs.ts"
import { type Condition, describe, evaluate, type Leaf, leavesOf } from "./condition.ts"
import type { Seen } from "./probe.ts"
import { watch } from "./watch.ts"

interface Standing extends Seen {
  readonly known: boolean
  readonly final: boolean
}

const operation = "ready"

/** How long what a container wrote last is waited for after its end. */
const drainDeadline = "10 seconds"

/** What can still be learned about a container that did not become ready. Nothing of it is worth waiting long or failing for. */
const evidence = Effect.fnUntraced(function*(backend: Backend["Service"], id: string) {
  const info = yield* Effect.option(Effect.timeout(backend.inspect(id), "5 seconds"))
  const collector = new Logs.Collector({ limit: 16 * 1024 })
  yield* Stream.runForEachArray(
    backend.logs(id, { tail: 20 }),
    (frames) => Effect.sync(() => collector.pushAll(frames))
  ).pipe(Effect.timeout("5 seconds"), Effect.ignore)
  const found = info._tag === "Some" ? info.value : undefined
  return {
    ...(found === undefined ? {} : { state: found.state }),
    ...(found?.exit === undefined ? {} : { exit: found.exit }),
    ...(found?.health?.output === undefined ? {} : { health: found.health.output }),
    lastLines: collector.output().text
  }
})

/** What is known of the leaves, and who wants to know. */
class Standings {
  readonly #condition: Condition
  readonly #leaves: ReadonlyArray<Leaf>
  readonly #standings = new Map<Leaf, Standing>()
  readonly decided = Deferred.makeUnsafe<void, Errors.Reason>()
  /** How the container ended, once it has. */
  exit: ExitStatus.ExitStatus | undefined = undefined

  constructor(condition: Condition) {
    this.#condition = condition
    this.#leaves = leavesOf(condition)
  }

  of(leaf: Leaf): Standing {
    return this.#standings.get(leaf) ?? { holds: false, saw: "", known: false, final: false }
  }

  /**
   * How things stand. A condition that can hold no more ends the waiting; after the container's end only when all of its
   * output was seen, or what is said of the others would be wrong.
   */
  update(leaf: Leaf, seen: Seen, final: boolean): void {
    if (this.of(leaf).final) return
    this.#standings.set(leaf, { ...seen, known: true, final })
    const holds = evaluate(this.#condition, (leaf) => {
      const { holds, known } = this.of(leaf)
      return known ? holds : undefined
    })
    if (holds === true) Deferred.doneUnsafe(this.decided, Effect.void)
    else if (this.exit === undefined && this.#isHopeless) this.fail(this.#hopeless)
  }

  get #isHopeless(): boolean {
    return evaluate(this.#condition, (leaf) => {
      const { final, holds } = this.of(leaf)
      return final ? holds : undefined
    }) === false
  }

  get #hopeless(): Errors.Conflict {
    return new Errors.Conflict({
      operation,
      message: this.exit === undefined
        ? "what was waited for cannot come about any more"
        : `the container ${ExitStatus.format(this.exit)} before it was ready`
    })
  }

  fail(reason: Errors.Reason): void {
    Deferred.doneUnsafe(this.decided, Effect.fail(reason))
  }

  /** Nothing more will be seen of it. */
  end(): void {
    for (const leaf of this.#leaves) {
      const { holds, saw } = this.of(leaf)
      this.update(leaf, { holds: false, saw: holds || saw === "" ? "the container has ended" : saw }, true)
    }
    this.fail(this.#hopeless)
  }

  get report() {
    return this.#leaves.map((leaf) => ({
      condition: describe(leaf),
      holds: this.of(leaf).holds,
      saw: this.of(leaf).saw
    }))
  }
}

/** Watches until it is decided, one way or the other. */
const decide = Effect.fnUntraced(function*(
  backend: Backend["Service"],
  id: string,
  condition: Condition,
  standings: Standings,
  schedule: Schedule.Schedule<unknown>
): Effect.fn.Return<void, Errors.Reason, Scope.Scope> {
  const { ports } = yield* Effect.mapError(backend.inspect(id), ({ reason }) => reason)
  const exited = Deferred.makeUnsafe<ExitStatus.ExitStatus>()
  const watching = new Map<Leaf, Fiber.Fiber<unknown, unknown>>()
  for (const leaf of leavesOf(condition)) {
    const fiber = yield* watch(leaf, {
      backend,
      id,
      schedule,
      endpoint: (port) => endpoint(backend.host, ports, port),
      exited: Deferred.await(exited),
      update: (seen, options) => Effect.sync(() => standings.update(leaf, seen, options?.final === true))
    }).pipe(
      Effect.catch((reason) => Effect.sync(() => standings.fail(reason))),
      Effect.forkScoped({ startImmediately: true })
    )
    watching.set(leaf, fiber)
  }
  // Its end is its last chance: what it wrote last may be what was waited for.
  const ending = Effect.gen(function*() {
    const exit = yield* Effect.mapError(backend.wait(id), ({ reason }) => reason)
    standings.exit = exit
    Deferred.doneUnsafe(exited, Effect.succeed(exit))
    const told = [...watching].filter(([{ _tag }]) => _tag === "Log" || _tag === "Exited").map(([, fiber]) => fiber)
    yield* Effect.timeoutOption(Fiber.awaitAll(told), drainDeadline)
    standings.end()
  })
  yield* ending.pipe(
    Effect.catch((reason) => Effect.sync(() => standings.fail(reason))),
    Effect.forkScoped({ startImmediately: true })
  )
  yield* Deferred.await(standings.decided)
})

/** {@link decide}, with a deadline and all that there is to say when it is missed. */
export const wait = Effect.fnUntraced(function*(
  container: { readonly id: string; readonly image: string },
  condition: Condition,
  options: { readonly within: Duration.Input; readonly schedule: Schedule.Schedule<unknown> }
): Effect.fn.Return<void, Errors.ContainerReady, Backend> {
  const backend = yield* Backend
  const standings = new Standings(condition)
  yield* decide(backend, container.id, condition, standings, options.schedule).pipe(
    Effect.scoped,
    Effect.timeoutOrElse({
      duration: options.within,
      orElse: () =>
        Effect.fail(
          new Errors.TimedOut({
            operation,
            message: `it took longer than ${Duration.format(Duration.fromInputUnsafe(options.within))}`
          })
        )
    }),
    Effect.catch((reason: Errors.Reason) =>
      Effect.flatMap(evidence(backend, container.id), (known) =>
        Effect.fail(
          new Errors.ContainerReady({ ...container, reason, conditions: standings.report, ...known })
        ))
    )
  )
})
