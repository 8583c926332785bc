import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type Attachment, Backend } from "../Backend.ts"
import * as Errors from "../Errors.ts"
import * as ExitStatus from "../ExitStatus.ts"
import type * as Logs from "../Logs.ts"
import type { Output } from "../Output.ts"
import { imageName } from "./config.ts"
import { create } from "./create.ts"
import type { Container } from "./description.ts"
import * as TimeLimit from "./timeLimit.ts"

/**
 * What a run can fail with before it knows how its container ended.
 *
 * @category models
 * @since 0.1.0
 */
export type RunError =
  | Errors.ContainerOptions
  | Errors.ImagePull
  | Errors.ContainerCreate
  | Errors.ContainerStart
  | Errors.ContainerLogs
  | Errors.ContainerWait

/**
 * The container of a run, for whoever hands files to it or takes them from it.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunningContainer {
  readonly id: string
  readonly image: string
  readonly name: string
}

const runs = Metric.counter("effect_containers_runs", { description: "Containers run", incremental: true })
const bytes = Metric.counter("effect_containers_output_bytes", {
  description: "Bytes of output read of runs",
  incremental: true
})

/** What a run's container writes and how it ends, while it runs. */
export interface Running extends RunningContainer {
  readonly outputLimit: number | undefined
  readonly output: Stream.Stream<Logs.Frame, Errors.ContainerLogs>
  readonly exit: Effect.Effect<ExitStatus.ExitStatus, Errors.ContainerWait>
  readonly timeLimit: TimeLimit.TimeLimit
}

const encoder = new TextEncoder()

const inputOf = (input: string | Uint8Array | Stream.Stream<Uint8Array>): Stream.Stream<Uint8Array> =>
  typeof input === "string"
    ? Stream.make(encoder.encode(input))
    : input instanceof Uint8Array
    ? Stream.make(input)
    : input

/** Feeds standard input. That a container ends, or closes it, without reading all of it is its own business. */
export const feed = (
  input: string | Uint8Array | Stream.Stream<Uint8Array>,
  attachment: Attachment
): Effect.Effect<void> =>
  Effect.catch(
    Stream.run(inputOf(input), attachment.stdin),
    ({ message }) => Effect.logDebug(`standard input was not read to its end: ${message}`)
  )

/** Subscribed to before it starts, so that nothing of a short life is missed; killed and removed by the scope. */
export const launch = Effect.fnUntraced(function*<E = never, R = never>(
  self: Container,
  prepare?: (container: RunningContainer) => Effect.Effect<unknown, E, R>
): Effect.fn.Return<Running, RunError | E, Backend | R | Scope.Scope> {
  const backend = yield* Backend
  yield* Metric.update(runs, 1)
  if (self.options.restart !== undefined && self.options.restart.name !== "no") {
    return yield* new Errors.ContainerOptions({
      image: imageName(self),
      field: "restart",
      issue: "a run is over with the first end: start the container instead"
    })
  }
  const { config, id, image, outputLimit, timeLimit } = yield* create(self, { background: true })
  yield* Effect.annotateCurrentSpan({ "container.id": id, "container.name": config.name })
  if (prepare !== undefined) yield* prepare({ id, image, name: config.name! })
  const unreadable = (reason: Errors.Reason) => new Errors.ContainerLogs({ id, image, reason })
  const attachment = yield* Effect.mapError(
    backend.attach(id, { stdin: config.stdin, output: true, tty: config.tty }),
    (error) => unreadable(error.reason)
  )
  yield* backend.start(id)
  const limit = yield* TimeLimit.begin(backend, id, timeLimit)
  if (self.options.stdin !== undefined) yield* Effect.forkScoped(feed(self.options.stdin, attachment))
  let size = 0
  return {
    id,
    image,
    name: config.name!,
    outputLimit,
    output: attachment.output.pipe(
      Stream.mapError(unreadable),
      Stream.mapArray((frames) => {
        for (const frame of frames) size += frame.bytes.length
        return frames
      }),
      Stream.ensuring(Effect.suspend(() => Metric.update(bytes, size)))
    ),
    exit: backend.wait(id),
    timeLimit: limit
  }
})

/** Whether it ended as it was expected to; if not, the error that says so. */
export const judge = (
  self: Container,
  { id, image, timeLimit }: Running,
  exit: ExitStatus.ExitStatus,
  logs: Output
): Effect.Effect<void, Errors.ExitCode | Errors.ContainerWait> => {
  if (exit._tag === "Exited" && (self.options.expect ?? [0]).includes(exit.code)) return Effect.void
  return Effect.flatMap(codeOf({ id, image }, exit), (code) =>
    Effect.fail(
      new Errors.ExitCode({
        id,
        image,
        code,
        oomKilled: exit._tag === "OomKilled",
        timedOut: timeLimit.isOver() && exit._tag === "Killed",
        logs,
        ...(exit._tag === "Killed" ? { signal: exit.signal } : exit._tag === "OomKilled" ? { signal: "SIGKILL" } : {})
      })
    ))
}

/** The code that a shell would show. There is none when the engine lost it, and none is made up. */
export const codeOf = (
  container: { readonly id: string; readonly image: string },
  exit: ExitStatus.ExitStatus
): Effect.Effect<number, Errors.ContainerWait> => {
  const code = ExitStatus.toCode(exit)
  return code !== undefined ? Effect.succeed(code) : Effect.fail(
    new Errors.ContainerWait({
      ...container,
      reason: new Errors.Unavailable({ operation: "wait", message: `the container ${ExitStatus.format(exit)}` })
    })
  )
}
