import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import * as Nodes from "./nodes.ts"
import type * as Schemas from "./schemas.ts"
import { isLeaving, isOver, isUnplaced, ownOf, tasksOf } from "./task.ts"

/**
 * What becomes of the tasks that somebody waits for. The API tells no events of tasks, so they are looked at: one look for
 * all of a Layer's, only while somebody waits, and the more seldom the longer nothing changes.
 */
export interface Watch {
  /** Waits until something can be said of a run: called with each look. */
  readonly until: <A>(run: Run, decide: Decide<A>) => Effect.Effect<A, Errors.Reason>
  /** Whether it was seen that a run is over. */
  readonly isOver: (run: Run) => boolean
  /** Gives each look to somebody who does not wait for a run, for as long as the scope lasts. */
  readonly listen: (take: (tasks: ReadonlyArray<Schemas.Task>) => void) => Effect.Effect<void, never, Scope.Scope>
  /** Looks soon: something has happened. */
  readonly look: Effect.Effect<void>
  /** What the nodes are called. */
  readonly nodes: Nodes.Nodes
  /** Nobody will ask for this container any more. */
  readonly forget: (service: string) => void
}

/** One run of a container. */
export interface Run {
  readonly service: string
  /** The first is 1. */
  readonly run: number
  /** What finds its task, among others. */
  readonly filter: string
}

export interface Seen {
  /** As it was seen last; `undefined`: never. */
  readonly task: Schemas.Task | undefined
  /** Whether the Swarm has forgotten it, or never knew it. */
  readonly isGone: boolean
  /** Whether the Swarm is about to forget a task of the container, of whichever run. */
  readonly isLeaving: boolean
  /** The name of its node, where that has been away for too long. */
  readonly lost: string | undefined
}

type Decide<A> = (seen: Seen) => Result.Result<A, Errors.Reason> | undefined

interface Waiter {
  readonly run: Run
  readonly decide: (seen: Seen) => boolean
  readonly fail: (error: Errors.Reason) => void
}

/** Between two looks when something has just changed: milliseconds. */
const soon = 100

/** The Swarm should have made one. */
const several = ({ run, service }: Run, tasks: ReadonlyArray<Schemas.Task>) =>
  Effect.logWarning(
    `the Swarm has made more than one task for run ${run} of container ${service}, and each may run; there are ${
      tasks.map(({ id }) => id).join(", ")
    }. The first that a node takes counts`
  )

const silent = (timeout: number) =>
  reason("Unavailable", { operation: "wait", message: `the managers have not answered for ${timeout} ms` })

interface Options {
  readonly lostAfter: number
  readonly managerTimeout: number
  readonly pollInterval: number
  readonly tasks: (filter: string) => Effect.Effect<ReadonlyArray<Schemas.Task>, Errors.Reason>
  readonly nodes: Effect.Effect<ReadonlyArray<Schemas.Node>, Errors.Reason>
}

export const make = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<Watch, never, Scope.Scope> {
  const waiters = new Set<Waiter>()
  const listeners = new Set<(tasks: ReadonlyArray<Schemas.Task>) => void>()
  const wanted = Latch.makeUnsafe(false)
  const woken = Latch.makeUnsafe(false)
  const nodes = Nodes.make(options)
  /** The task of each run, as it was seen last. */
  const seen = new Map<string, { readonly run: number; readonly task: Schemas.Task }>()
  const doubled = new Set<string>()
  let interval = soon
  let shape = ""
  /** Since when the managers do not answer. */
  let awaySince: number | undefined

  const own = Effect.fnUntraced(function*(run: Run, found: ReadonlyArray<Schemas.Task>) {
    const mine = tasksOf(found, run)
    const last = seen.get(run.service)
    const known = last?.run === run.run ? last.task : undefined
    const now = known === undefined || isUnplaced(known) ? ownOf(mine) : mine.find(({ id }) => id === known.id)
    if (mine.length > (now === undefined ? 0 : 1) && !doubled.has(run.service)) {
      doubled.add(run.service)
      yield* several(run, mine)
    }
    if (now !== undefined) seen.set(run.service, { run: run.run, task: now })
    return { task: now ?? known, isGone: now === undefined }
  })

  const tell = Effect.fnUntraced(function*(those: ReadonlyArray<Waiter>, found: ReadonlyArray<Schemas.Task>) {
    const now = yield* Clock.currentTimeMillis
    const byService = Arr.groupBy(found, ({ service }) => service)
    for (const waiter of those) {
      const mine = byService[waiter.run.service] ?? []
      const { isGone, task } = yield* own(waiter.run, mine)
      const lost = task !== undefined && !isOver(task) ? nodes.lost(task.node, now) : undefined
      if (waiter.decide({ task, isGone, isLeaving: mine.some(isLeaving), lost })) waiters.delete(waiter)
    }
  })

  const round = Effect.gen(function*() {
    let looks = ""
    let isGivenUp = false
    for (const filter of new Set([...waiters].map(({ run }) => run.filter))) {
      const those = [...waiters].filter(({ run }) => run.filter === filter)
      const begun = yield* Clock.currentTimeMillis
      const left = Math.max(1, options.managerTimeout - (begun - (awaySince ?? begun)))
      const [result] = yield* Effect.all([
        Effect.result(Effect.timeoutOrElse(options.tasks(filter), {
          duration: left,
          orElse: () => Effect.fail(silent(options.managerTimeout))
        })),
        Effect.timeoutOption(nodes.refresh, left)
      ], { concurrency: 2 })
      if (Result.isSuccess(result)) {
        awaySince = undefined
        for (const { id, status } of result.success) looks += `${id}${status.state} `
        for (const take of listeners) take(result.success)
        yield* tell(those, result.success)
        continue
      }
      const { failure } = result
      // They did not answer from when they were asked.
      awaySince ??= begun
      const now = yield* Clock.currentTimeMillis
      if (failure.isRetryable && now - awaySince < options.managerTimeout) continue
      isGivenUp = true
      for (const waiter of those) {
        waiters.delete(waiter)
        waiter.fail(failure._tag === "TimedOut" ? silent(options.managerTimeout) : failure)
      }
    }
    interval = looks === shape ? Math.min(interval * 1.3, options.pollInterval) : soon
    shape = looks
    // Whoever waits from now on has all of that time.
    if (isGivenUp || waiters.size === 0) awaySince = undefined
    if (waiters.size === 0) wanted.closeUnsafe()
  })

  yield* Effect.forkScoped(Effect.forever(Effect.gen(function*() {
    yield* wanted.await
    woken.closeUnsafe()
    yield* round
    yield* Effect.timeoutOption(woken.await, interval)
  })))

  const wake = () => {
    interval = soon
    woken.openUnsafe()
  }
  return {
    nodes,
    isOver: ({ run, service }) => {
      const last = seen.get(service)
      return last?.run === run && isOver(last.task)
    },
    listen: (take) =>
      Effect.asVoid(
        Effect.acquireRelease(Effect.sync(() => listeners.add(take)), () => Effect.sync(() => listeners.delete(take)))
      ),
    look: Effect.sync(wake),
    forget: (service) => {
      seen.delete(service)
      doubled.delete(service)
    },
    until: (run, decide) =>
      Effect.callback((resume) => {
        const last = seen.get(run.service)
        if (last?.run === run.run && isOver(last.task)) {
          // Nothing comes after that, but that it is forgotten.
          const result = decide({ task: last.task, isGone: false, isLeaving: true, lost: undefined })
          if (result !== undefined) return resume(Effect.fromResult(result))
        }
        const waiter: Waiter = {
          run,
          decide: (seen) => {
            const result = decide(seen)
            if (result === undefined) return false
            resume(Effect.fromResult(result))
            return true
          },
          fail: (error) => resume(Effect.fail(error))
        }
        waiters.add(waiter)
        wanted.openUnsafe()
        wake()
        return Effect.sync(() => void waiters.delete(waiter))
      })
  }
})
