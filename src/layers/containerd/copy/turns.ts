import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Errors from "../../../Errors.ts"
import type { Engine } from "../engine.ts"
import { reason } from "../errors.ts"
import * as Keyed from "../images/keyed.ts"

/** How long a process stays for a next copy: who copies one file often copies another. Milliseconds. */
const linger = 200

/** A process that a container has for the time of copies only, and that all of them share. */
interface Stay {
  users: number
  /** How often there were none any more. */
  pauses: number
  readonly ready: Deferred.Deferred<Process, Errors.Reason>
  /** Nobody copies any more, or nobody may. */
  readonly over: Deferred.Deferred<void>
  readonly revoked: Deferred.Deferred<never, Errors.Reason>
}

interface Turns {
  readonly locks: Keyed.Keyed
  readonly stays: Map<string, Stay>
}

const all = new WeakMap<Engine, Turns>()

const of = (engine: Engine): Turns => {
  const found = all.get(engine)
  if (found !== undefined) return found
  const turns: Turns = { locks: Keyed.make(), stays: new Map() }
  all.set(engine, turns)
  return turns
}

const finish = ({ stays }: Turns, id: string, stay: Stay): void => {
  if (stays.get(id) === stay) stays.delete(id)
  Deferred.doneUnsafe(stay.over, Effect.void)
}

/**
 * While no copy keeps a process of a container that does not run: what starts it has to wait, and may be interrupted as
 * long as it does.
 */
export const afterCopies =
  (engine: Engine, id: string) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      const turns = of(engine)
      const stay = turns.stays.get(id)
      if (stay?.users === 0) finish(turns, id, stay)
      return turns.locks.withLock(id)(effect)
    })

/** As {@link afterCopies}, but ends those copies: they fail with `Conflict`. For what removes the container. */
export const insteadOfCopies =
  (engine: Engine, id: string) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      const turns = of(engine)
      const stay = turns.stays.get(id)
      if (stay !== undefined) {
        Deferred.doneUnsafe(
          stay.revoked,
          Effect.fail(reason("Conflict", { operation: "copy", message: `container ${id} is being removed` }))
        )
        finish(turns, id, stay)
      }
      return turns.locks.withLock(id)(effect)
    })

export interface Process {
  readonly pid: number
  /** Made for copies, and to be taken away after them. */
  readonly isOurs: boolean
}

export interface Shared {
  readonly pid: number
  /** Fails when the copy may not go on. */
  readonly revoked: Effect.Effect<never, Errors.Reason>
}

/** The process that the copies of a container share. It is gone a moment after the last of them. */
export const share = (
  engine: Engine,
  id: string,
  { end, make }: {
    readonly make: Effect.Effect<Process, Errors.Reason>
    readonly end: (process: Process) => Effect.Effect<void>
  }
): Effect.Effect<Shared, Errors.Reason, Scope.Scope> => {
  const turns = of(engine)
  const { locks, stays } = turns
  const closed = reason("Unavailable", { operation: "copy", message: "the Layer was closed" })

  /** Not in the fiber of the one who came first, who may go before the others. */
  const keep = (stay: Stay): Effect.Effect<void> =>
    locks.withLock(id)(Effect.suspend(() =>
      Deferred.isDoneUnsafe(stay.over) ? Effect.void : Effect.acquireUseRelease(
        make,
        (process) => Effect.andThen(Deferred.succeed(stay.ready, process), Deferred.await(stay.over)),
        end
      )
    )).pipe(
      Effect.catch((error) => Deferred.fail(stay.ready, error)),
      Effect.ensuring(Effect.sync(() => {
        if (stays.get(id) === stay) stays.delete(id)
        Deferred.doneUnsafe(stay.ready, Effect.fail(closed))
        Deferred.doneUnsafe(stay.revoked, Effect.fail(closed))
      }))
    )

  const enter = Effect.suspend(() => {
    const found = stays.get(id)
    if (found !== undefined) {
      found.users++
      return Effect.succeed(found)
    }
    const stay: Stay = {
      users: 1,
      pauses: 0,
      ready: Deferred.makeUnsafe(),
      over: Deferred.makeUnsafe(),
      revoked: Deferred.makeUnsafe()
    }
    stays.set(id, stay)
    return Effect.as(Effect.forkIn(keep(stay), engine.scope, { startImmediately: true }), stay)
  })

  const leave = (stay: Stay): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (--stay.users > 0) return Effect.void
      const pause = ++stay.pauses
      // Closing the Layer ends the process with the fiber that keeps it.
      return Effect.sync(() => {
        if (stay.users === 0 && stay.pauses === pause) finish(turns, id, stay)
      }).pipe(Effect.delay(linger), Effect.forkIn(engine.scope), Effect.asVoid)
    })

  return Effect.gen(function*() {
    const stay = yield* Effect.acquireRelease(enter, leave)
    const { pid } = yield* Effect.raceFirst(Deferred.await(stay.ready), Deferred.await(stay.revoked))
    return { pid, revoked: Deferred.await(stay.revoked) }
  })
}
