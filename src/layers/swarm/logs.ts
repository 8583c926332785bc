import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { LogsOptions } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import type { Frame } from "../../Logs.ts"
import { look, runOf, type Swarm, watching, watchingOwn } from "./known.ts"
import { lost } from "./lost.ts"
import { Position } from "./position.ts"
import { type Asked, read } from "./read.ts"
import { isRunning } from "./running.ts"
import type * as Schemas from "./schemas.ts"
import { last } from "./tail.ts"
import { hasStarted, isOver } from "./task.ts"
import type { Run, Seen } from "./watch.ts"

const operation = "logs"

/** A run's output, to be read. */
interface Source {
  readonly run: Run
  readonly tty: boolean
  readonly options: LogsOptions
  /** Whether the loss of its node is told here. Who waits for its end is told there. */
  readonly tellsLoss: boolean
}

/** How the run has come to an end, as far as its log is concerned. */
type End =
  /** The engine closes a container's log before it says that it has ended: what is there is all. */
  | { readonly _tag: "Whole"; readonly task: Schemas.Task }
  /** It was stopped, and the Swarm is about to forget it. */
  | { readonly _tag: "Fading" }
  | { readonly _tag: "Lost"; readonly node: string }

const endOf = ({ isGone, lost: node, task }: Seen): End | undefined => {
  if (node !== undefined) return { _tag: "Lost", node }
  if (task === undefined) return undefined
  if (isGone || task.status.state === "shutdown" || task.status.state === "remove") return { _tag: "Fading" }
  return isOver(task) ? { _tag: "Whole", task } : undefined
}

/** One that never had a container has written nothing, and its node would wait for one for ever. */
const hasWritten = ({ status }: Schemas.Task): boolean => (status.container?.id ?? "") !== ""

/** For the last words of a container that was stopped. */
const fading = "500 millis"

const patience: Schedule.Schedule<unknown, Errors.Reason> = Schedule.upTo(Schedule.spaced("500 millis"), { times: 10 })

/** Reads on where it was, and remembers how far it came. */
const on = (swarm: Swarm, position: Position, asked: Omit<Asked, "since">): Stream.Stream<Frame, Errors.Reason> =>
  Stream.suspend(() => position.rest(read(swarm, { ...asked, since: position.since })))

const counted = <E>(position: Position, frames: Stream.Stream<Frame, E>): Stream.Stream<Frame, E> =>
  Stream.mapArray(frames, (some) => {
    for (const frame of some) position.take(frame)
    return some
  })

/**
 * All that a run writes. It is followed until its task is over; what came is then completed by reading the log once more,
 * without following, from a while before the last that was seen: a read that does not follow ends when every node has sent
 * all, or says which did not.
 */
const followed = (swarm: Swarm, { options, run, tellsLoss, tty }: Source): Stream.Stream<Frame, Errors.Reason> => {
  const { until } = swarm.watch
  const position = new Position()
  const end = until(run, (seen) => {
    const end = endOf(seen)
    return end === undefined ? undefined : Result.succeed(end)
  })
  const rest = (end: End, task: string): Stream.Stream<Frame, Errors.Reason> => {
    if (end._tag === "Lost") return tellsLoss ? Stream.fail(lost(operation, end.node)) : Stream.empty
    const all = Stream.retry(
      counted(position, on(swarm, position, { task, tty, follow: false, options })),
      Schedule.while(patience, ({ input }) => input.isRetryable)
    )
    return end._tag === "Whole" ? all : Stream.catchTag(all, "NotFound", () => Stream.empty)
  }
  const live = (task: string): Stream.Stream<Frame, Errors.Reason> => {
    const over = Effect.flatMap(end, ({ _tag }) => _tag === "Fading" ? Effect.sleep(fading) : Effect.void)
    return counted(
      position,
      on(swarm, position, { task, tty, follow: true, options }).pipe(
        // It goes on where it was; what is wrong with the managers the watch finds out.
        Stream.retry(
          Schedule.while(
            Schedule.spaced("500 millis"),
            ({ input }: { readonly input: Errors.Reason }) => input.isRetryable || input._tag === "Protocol"
          )
        ),
        // The Swarm has forgotten it: the last read says what is left of it.
        Stream.catchTag("NotFound", () => Stream.empty),
        Stream.concat(Stream.never),
        Stream.interruptWhen(over)
      )
    )
  }
  return Stream.unwrap(Effect.map(
    until(run, (seen) =>
      seen.lost !== undefined || seen.task !== undefined && (hasStarted(seen.task) || seen.isGone)
        ? Result.succeed(seen)
        : undefined),
    (seen) => {
      const { task } = seen
      const now = endOf(seen)
      if (task === undefined || !hasWritten(task)) return Stream.empty
      const begun = options.tail === undefined
        ? Stream.empty
        : last(counted(position, on(swarm, position, { task: task.id, tty, follow: false, options })), options.tail)
      if (now !== undefined && options.tail === undefined) return rest(now, task.id)
      return begun.pipe(
        Stream.concat(live(task.id)),
        Stream.concat(Stream.unwrap(Effect.map(end, (end) => rest(end, task.id))))
      )
    }
  ))
}

const untimed = <E>(frames: Stream.Stream<Frame, E>): Stream.Stream<Frame, E> =>
  Stream.mapArray(
    frames,
    (some) => some.map(({ bytes, source }): Frame => ({ source, bytes })) as [Frame, ...Array<Frame>]
  )

/** What a container writes from its start on. */
export const attach = Effect.fnUntraced(function*(
  swarm: Swarm,
  id: string
): Effect.fn.Return<Stream.Stream<Frame, Errors.Reason>, Errors.Reason> {
  const mine = swarm.known.get(id)
  if (mine?.run === 0) {
    const run = watchingOwn(swarm, id, 1)
    return untimed(followed(swarm, { run, tty: mine.tty, options: {}, tellsLoss: false }))
  }
  const found = yield* look(swarm, "attach", id)
  const run = watching(found, (yield* isRunning(swarm, found)) ? runOf(found) : runOf(found) + 1)
  const tty = found.spec.task.container.tty ?? false
  return untimed(followed(swarm, { run, tty, options: {}, tellsLoss: false }))
})

/** What the container's node has kept of what it wrote and, with `follow`, what it writes. */
export const logs = (swarm: Swarm, id: string, options: LogsOptions): Stream.Stream<Frame, Errors.Reason> => {
  const { follow = false, stderr = true, stdout = true, tail, timestamps = false } = options
  if (!stdout && !stderr) return Stream.empty
  const whole = Stream.unwrap(Effect.gen(function*() {
    const found = yield* look(swarm, operation, id)
    const run = watching(found, runOf(found))
    const tty = found.spec.task.container.tty ?? false
    if (run.run === 0 || found.spec.mode?.job?.total !== 1) return Stream.empty
    if (follow) return followed(swarm, { run, tty, options, tellsLoss: true })
    const { lost: node, task } = yield* swarm.watch.until(run, Result.succeed)
    if (node !== undefined) return Stream.fail(lost(operation, node))
    return task === undefined || !hasWritten(task)
      ? Stream.empty
      : read(swarm, { task: task.id, tty, follow: false, since: undefined, tail, options })
  }))
  return timestamps ? whole : untimed(whole)
}
