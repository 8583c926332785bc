import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Backend } from "../Backend.ts"
import type * as Errors from "../Errors.ts"
import * as ExitStatus from "../ExitStatus.ts"
import * as Logs from "../Logs.ts"
import type { Output } from "../Output.ts"
import { imageName } from "./config.ts"
import type { Container } from "./description.ts"
import { codeOf, judge, launch, type RunError, type Running, type RunningContainer } from "./launch.ts"
import { outputLimit } from "./limits.ts"
import { Tail } from "./tail.ts"

/**
 * A container that ran to its end.
 *
 * @category models
 * @since 0.1.0
 */
export interface Finished {
  /** The engine's id. The container is gone, or going. */
  readonly id: string
  /** The image as it was named. */
  readonly image: string
  readonly exit: ExitStatus.ExitStatus
  /** All that it wrote, or as much as `Container.outputLimit` lets be kept. */
  readonly logs: Output
}

/**
 * What is done besides, each as a part of the run: what it fails with the run fails with, and the container is removed.
 *
 * **Example** (Files in, files out)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { Container } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const image = Memory.image("sorter", () => ({ exitCode: 0 }))
 * const results: Array<string> = []
 * const program = Container.run(Container.make("sorter"), {
 *   prepare: (container) => Container.copyTo(container, "/tmp/words", "b a"),
 *   collect: (container) => Effect.map(Container.readText(container, "/tmp/words"), (text) => results.push(text))
 * }).pipe(Effect.provide(Memory.layer({ images: [image] })))
 * await Effect.runPromise(Effect.as(program, results)) // => ["b a"]
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export interface RunOptions<E = never, R = never> {
  /** Is done when the container is there and does not run yet: to copy into it what it works on. */
  readonly prepare?: ((container: RunningContainer) => Effect.Effect<unknown, E, R>) | undefined
  /** Is given the output as it arrives, besides its being kept. A slow one slows the container down. */
  readonly onOutput?: ((frames: ReadonlyArray<Logs.Frame>) => Effect.Effect<unknown, E, R>) | undefined
  /** Is done when it has ended as expected (`Container.expect`) and is still there: to copy out of it what it made. */
  readonly collect?: ((container: RunningContainer, finished: Finished) => Effect.Effect<unknown, E, R>) | undefined
}

const failures = Metric.counter("effect_containers_run_failures", {
  description: "Containers whose run failed or that ended in an unexpected way",
  incremental: true
})
const observed = (name: string, self: Container) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  effect.pipe(
    Effect.tapError(() => Metric.update(failures, 1)),
    Effect.withSpan(name, { attributes: { "container.image.name": imageName(self) } })
  )

/** Runs it to its end, however that is. */
const toEnd = Effect.fnUntraced(function*<E, R>(
  self: Container,
  options: RunOptions<E, R>
): Effect.fn.Return<
  { readonly running: Running; readonly finished: Finished },
  RunError | E,
  Backend | R | Scope.Scope
> {
  const running = yield* launch(self, options.prepare)
  const collector = new Logs.Collector({ limit: running.outputLimit })
  yield* Stream.runForEachArray(running.output, (frames) => {
    collector.pushAll(frames)
    return options.onOutput === undefined ? Effect.void : options.onOutput(frames)
  })
  const exit = yield* running.exit
  yield* Effect.annotateCurrentSpan("process.exit.code", ExitStatus.toCode(exit))
  return { running, finished: { id: running.id, image: running.image, exit, logs: collector.output() } }
})

/**
 * Runs a container to its end: gets the image as the pull policy says, creates it, reads all that it writes, waits, and
 * removes it, whatever happens. The removal may go on in the background; closing the Layer waits for it. An interruption
 * kills the container and is over when it is gone.
 *
 * Fails with `ExitCode`, which carries the output, when it does not end with a code that is expected
 * (`Container.expect`, default 0).
 *
 * **Example** (A job in a container)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { Container } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const engine = Memory.layer({
 *   images: [Memory.image("greeter", (ctx) => ({ stdout: `hello ${ctx.env.NAME}`, exitCode: 0 }))]
 * })
 * const job = Container.make("greeter").pipe(Container.variable("NAME", "you"))
 * const program = Container.run(job).pipe(Effect.map((done) => done.logs.stdoutText), Effect.provide(engine))
 * await Effect.runPromise(program) // => "hello you"
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const run = <E = never, R = never>(
  self: Container,
  options: RunOptions<E, R> = {}
): Effect.Effect<Finished, RunError | Errors.ExitCode | E, Backend | R> =>
  toEnd(self, options).pipe(
    Effect.tap(({ finished, running }) => judge(self, running, finished.exit, finished.logs)),
    Effect.tap(({ finished, running: { id, image, name } }) =>
      options.collect?.({ id, image, name }, finished) ?? Effect.void
    ),
    Effect.map(({ finished }) => finished),
    Effect.scoped,
    observed("Container.run", self)
  )

/**
 * Runs it and gives how it ended, which is never a failure. The output is read and let go.
 *
 * @category running
 * @since 0.1.0
 */
export const exitStatus = (self: Container): Effect.Effect<ExitStatus.ExitStatus, RunError, Backend> =>
  toEnd<never, never>(outputLimit(self, 0), {}).pipe(
    Effect.map(({ finished }) => finished.exit),
    Effect.scoped,
    observed("Container.exitStatus", self)
  )

/**
 * Runs it and gives the code that a shell would show: its own, or `128 + n` when signal `n` ended it. Never fails with
 * `ExitCode`; fails with `ContainerWait` when the engine lost the code.
 *
 * @category running
 * @since 0.1.0
 */
export const exitCode = (self: Container): Effect.Effect<number, RunError, Backend> =>
  toEnd<never, never>(outputLimit(self, 0), {}).pipe(
    Effect.flatMap(({ finished }) => codeOf(finished, finished.exit)),
    Effect.scoped,
    observed("Container.exitCode", self)
  )

/**
 * Runs it and gives what it wrote to standard output as UTF-8 text; with `includeStderr` what it wrote to standard error
 * too, in order of arrival.
 *
 * @category running
 * @since 0.1.0
 */
export const string = (
  self: Container,
  options?: { readonly includeStderr?: boolean | undefined }
): Effect.Effect<string, RunError | Errors.ExitCode, Backend> =>
  Effect.map(run(self), ({ logs }) => options?.includeStderr === true ? logs.text : logs.stdoutText)

/**
 * Runs it and gives the lines of {@link string}, without their ends.
 *
 * @category running
 * @since 0.1.0
 */
export const lines = (
  self: Container,
  options?: { readonly includeStderr?: boolean | undefined }
): Effect.Effect<Array<string>, RunError | Errors.ExitCode, Backend> => Effect.map(string(self, options), linesOf)

/** Without their ends. */
export const linesOf = (text: string): Array<string> => {
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === "") lines.pop()
  return lines
}

/** How much of the output a stream's `ExitCode` carries: bytes of its end. Whoever streams has seen the rest. */
const tailOfStream = 64 * 1024

/**
 * Runs it and gives its output as it arrives. A consumer that is slow slows the container down: nothing piles up. When
 * the stream has ended, the container has; a stream that is left early kills it.
 *
 * Fails as {@link run} does, after all output; `ExitCode` then carries the last 64 KiB.
 *
 * @category running
 * @since 0.1.0
 */
export const stream = (self: Container): Stream.Stream<Logs.Frame, RunError | Errors.ExitCode, Backend> =>
  Stream.unwrap(Effect.map(launch(self), (running) => {
    const tail = new Tail(tailOfStream)
    const end = running.exit.pipe(Effect.flatMap((exit) => judge(self, running, exit, tail.output())))
    return running.output.pipe(
      Stream.mapArray((frames) => {
        tail.push(frames)
        return frames
      }),
      Stream.concat(Stream.drain(Stream.fromEffect(end)))
    )
  })).pipe(
    Stream.tapError(() => Metric.update(failures, 1)),
    Stream.withSpan("Container.stream", { attributes: { "container.image.name": imageName(self) } })
  )

/**
 * Runs it and gives the lines that it writes as they are complete, each with the stream that it came from.
 *
 * @category running
 * @since 0.1.0
 */
export const streamLines = (self: Container): Stream.Stream<Logs.Line, RunError | Errors.ExitCode, Backend> =>
  Logs.lines(stream(self))
