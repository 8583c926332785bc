/**
 * Steps of a pipeline, as CI has them: each by its name, tried again where that is worth it, with a time limit, so many at
 * once; and a summary that a person can read, whatever became of it.
 *
 * **Example** (A step that works the second time, and one that does not)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { Container, Pipeline } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const engine = Memory.layer({
 *   images: [Memory.image("tools", ({ command }) => command.includes("test") ? { stderr: "no\n", exitCode: 1 } : 0)],
 *   faults: [Memory.Fault.refuse("create", "Unavailable", { times: 1 })]
 * })
 * const tool = (command: string) => Container.run(Container.make("tools").pipe(Container.command([command])))
 *
 * const build = Effect.gen(function*() {
 *   yield* Pipeline.step(tool("compile"), "compile", { delay: "1 millis" })
 *   yield* Pipeline.step(tool("test"), "test")
 * })
 * const [, steps] = await Effect.runPromise(Pipeline.observe(build).pipe(Effect.provide(engine)))
 * steps.map(({ attempts, name, outcome }) => [name, outcome, attempts]) // => [["compile", "ok", 2], ["test", "failed", 1]]
 * ```
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { dual } from "effect/Function"
import * as Schedule from "effect/Schedule"
import * as Semaphore from "effect/Semaphore"

/**
 * How a step went.
 *
 * @category models
 * @since 0.1.0
 */
export interface Step {
  readonly name: string
  /** `"running"`: it has not ended yet. */
  readonly outcome: "running" | "ok" | "failed" | "interrupted"
  /** How often it was tried. 0: its turn has not come. */
  readonly attempts: number
  /** From its turn to its end, with all attempts. */
  readonly milliseconds: number
  /** Of a failure, in one line; of a success what its `note` says. */
  readonly message?: string | undefined
}

/**
 * A pipeline that runs: what its steps are known to.
 *
 * @category services
 * @since 0.1.0
 */
export class Pipeline extends Context.Service<Pipeline, {
  /** All steps so far, in the order in which they were asked for. */
  readonly steps: Effect.Effect<ReadonlyArray<Step>>
  /** Notes a step, which waits for its turn. What is given back changes what is known of it. */
  readonly begin: (name: string) => Effect.Effect<(change: Partial<Step>) => Effect.Effect<void>>
  /** Runs one when there is a place for it. */
  readonly inTurn: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}>()("effect-containers/Pipeline") {}

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** How many steps run at once, at most. A step within another needs no place of its own. Default: as many as there are. */
  readonly concurrency?: number | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface RunOptions extends Options {
  /** What becomes of its steps when it has ended. Default: they are written to the console, a line each. */
  readonly summary?: ((steps: ReadonlyArray<Step>) => Effect.Effect<void>) | undefined
}

/** Whether a step is within another. */
const Within = Context.Reference<boolean>("effect-containers/Pipeline/Within", { defaultValue: () => false })

const make = ({ concurrency }: Options) =>
  Effect.sync(() => {
    const steps: Array<Step> = []
    const places = concurrency === undefined ? undefined : Semaphore.makeUnsafe(Math.max(1, Math.floor(concurrency)))
    return Pipeline.of({
      steps: Effect.sync(() => [...steps]),
      begin: (name) =>
        Effect.sync(() => {
          const at = steps.push({ name, outcome: "running", attempts: 0, milliseconds: 0 }) - 1
          return (change) =>
            Effect.sync(() => {
              const step = steps[at]
              if (step !== undefined) steps[at] = { ...step, ...change }
            })
        }),
      inTurn: (self) =>
        Effect.flatMap(Within, (within) => {
          const marked = Effect.provideService(self, Within, true)
          return within || places === undefined ? marked : places.withPermit(marked)
        })
    })
  })

/**
 * @category models
 * @since 0.1.0
 */
export interface StepOptions<in E, in A = unknown> {
  /** How long it may take, all attempts together. Then it is interrupted and fails with `TimeoutError`. Default: no limit. */
  readonly within?: Duration.Input | undefined
  /** How often it is tried again. Default 3. */
  readonly retries?: number | undefined
  /** Which failures are worth it. Default: those of the library that say so themselves, by `isRetryable`. */
  readonly while?: ((error: E) => boolean) | undefined
  /** What is said of its success, in one line. Default: nothing. */
  readonly note?: ((value: A) => string) | undefined
  /** Before it is tried again; twice as long each time. Default one second. */
  readonly delay?: Duration.Input | undefined
}

const isRetryable = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "isRetryable" in error && error.isRetryable === true

const firstLine = (text: string): string => text.trim().split("\n", 1)[0] ?? ""

const changeOf = <A>(exit: Exit.Exit<A, unknown>, note: (value: A) => string): Partial<Step> => {
  if (Exit.isSuccess(exit)) {
    const message = firstLine(note(exit.value))
    return { outcome: "ok", ...message === "" ? {} : { message } }
  }
  if (Cause.hasInterruptsOnly(exit.cause)) return { outcome: "interrupted" }
  const error = Cause.squash(exit.cause)
  return { outcome: "failed", message: firstLine(error instanceof Error ? error.message : String(error)) }
}

/**
 * Makes an effect a step of the pipeline: it waits for a place, is tried again where that is worth it, and is known to the
 * summary. Its failures are its own.
 *
 * @category combinators
 * @since 0.1.0
 */
export const step: {
  <E, B = unknown>(
    name: string,
    options?: StepOptions<E, B>
  ): <A extends B, E2 extends E, R>(
    self: Effect.Effect<A, E2, R>
  ) => Effect.Effect<A, E2 | Cause.TimeoutError, R | Pipeline>
  <A, E, R>(
    self: Effect.Effect<A, E, R>,
    name: string,
    options?: StepOptions<E, A>
  ): Effect.Effect<A, E | Cause.TimeoutError, R | Pipeline>
} = dual(
  (args) => Effect.isEffect(args[0]),
  Effect.fnUntraced(function*<A, E, R>(self: Effect.Effect<A, E, R>, name: string, options: StepOptions<E, A> = {}) {
    const pipeline = yield* Pipeline
    const change = yield* pipeline.begin(name)
    let attempts = 0
    const attempt = Effect.suspend(() => Effect.andThen(change({ attempts: ++attempts }), self))
    const { delay = "1 second", note = () => "", retries = 3, within } = options
    const patient = Effect.retry(attempt, {
      while: options.while ?? isRetryable,
      schedule: Schedule.exponential(delay).pipe(Schedule.upTo({ times: retries }))
    })
    const timed = Effect.flatMap(Clock.currentTimeMillis, (begun) =>
      Effect.onExit(
        within === undefined ? patient : Effect.timeout(patient, within),
        (exit) =>
          Effect.flatMap(
            Clock.currentTimeMillis,
            (now) => change({ ...changeOf(exit, note), milliseconds: now - begun })
          )
      ))
    return yield* pipeline.inTurn(timed).pipe(
      // It may not have come to its turn.
      Effect.onInterrupt(() => change({ outcome: "interrupted" }))
    )
  })
)

const wordsOf = ({ attempts, message, outcome }: Step): string =>
  [
    outcome === "running" && attempts === 0 ? "waiting" : outcome,
    ...attempts > 1 ? [`${attempts} attempts`] : [],
    ...message === undefined ? [] : [message]
  ].join(", ")

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`

/**
 * A line for each step, for a person to read.
 *
 * **Example** (What it looks like)
 *
 * ```ts import.meta.vitest
 * import { Pipeline } from "effect-containers"
 *
 * const text = Pipeline.render([
 *   { name: "compile", outcome: "ok", attempts: 2, milliseconds: 1250 },
 *   { name: "test", outcome: "failed", attempts: 1, milliseconds: 80, message: "it ended with exit code 1" }
 * ])
 * text // => "compile  1.25 s  ok, 2 attempts\ntest     0.08 s  failed, it ended with exit code 1\n"
 * ```
 *
 * @category output
 * @since 0.1.0
 */
export const render = (steps: ReadonlyArray<Step>): string => {
  const names = Math.max(0, ...steps.map(({ name }) => name.length))
  const times = Math.max(0, ...steps.map(({ milliseconds }) => seconds(milliseconds).length))
  return steps.map((step) =>
    `${step.name.padEnd(names)}  ${seconds(step.milliseconds).padStart(times)}  ${wordsOf(step)}\n`
  ).join("")
}

/**
 * Runs a pipeline, and gives how it ended together with how its steps did.
 *
 * @category running
 * @since 0.1.0
 */
export const observe = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  options: Options = {}
): Effect.Effect<readonly [Exit.Exit<A, E>, ReadonlyArray<Step>], never, Exclude<R, Pipeline>> =>
  Effect.flatMap(make(options), (pipeline) =>
    Effect.flatMap(
      Effect.exit(Effect.provideService(self, Pipeline, pipeline)),
      (exit) => Effect.map(pipeline.steps, (steps) => [exit, steps] as const)
    ))

/**
 * Runs a pipeline. At its end, however that came, `summary` gets all its steps; default: they are written to the console, a
 * line each.
 *
 * @category running
 * @since 0.1.0
 */
export const run: {
  (options?: RunOptions): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, Exclude<R, Pipeline>>
  <A, E, R>(self: Effect.Effect<A, E, R>, options?: RunOptions): Effect.Effect<A, E, Exclude<R, Pipeline>>
} = dual(
  (args) => Effect.isEffect(args[0]),
  <A, E, R>(self: Effect.Effect<A, E, R>, options: RunOptions = {}): Effect.Effect<A, E, Exclude<R, Pipeline>> => {
    const { summary = (steps) => Console.log(render(steps).trimEnd()) } = options
    return Effect.flatMap(make(options), (pipeline) =>
      Effect.ensuring(
        Effect.provideService(self, Pipeline, pipeline),
        Effect.flatMap(pipeline.steps, summary)
      ))
  }
)
