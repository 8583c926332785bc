import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Pool from "effect/Pool"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { Backend } from "../Backend.ts"
import * as Errors from "../Errors.ts"
import * as ExitStatus from "../ExitStatus.ts"
import { imageName } from "./config.ts"
import type { Container } from "./description.ts"
import * as Exec from "./exec.ts"
import type { ExecError, ExecRunOptions } from "./execRun.ts"
import type { ContainerPool, PoolError, PoolOptions } from "./pool.ts"
import { end, ended, type Member, type MemberError, start } from "./poolMember.ts"
import * as ToEnd from "./toEnd.ts"

/** How long a container may take to be reset. */
const resetDeadline = "10 seconds"

/** An engine of several machines hears later that a container has ended than that a command in it has: a second. */
const late = Schedule.upTo(Schedule.spaced("100 millis"), { times: 10 })

/** One that ended sooner than this, and that nobody used, is not replaced before somebody wants it: milliseconds. */
const shortLife = 1000

/** A pool's containers, and who has which. */
export interface Leases<E> extends Pick<ContainerPool<E>, "use" | "stats"> {
  readonly begin: (
    command: string | ReadonlyArray<string>,
    options: ExecRunOptions
  ) => ToEnd.Beginning<PoolError | E, never>
}

export const make = Effect.fnUntraced(function*<E, R>(
  self: Container,
  { maxUses = Number.POSITIVE_INFINITY, min, prepare, reset, scratch = [], size, timeToLive }: PoolOptions<E, R>,
  /** Of each use: milliseconds. */
  timeLimit: number | undefined
): Effect.fn.Return<Leases<E>, never, Backend | R | Scope.Scope> {
  const backend = yield* Backend
  const here = Effect.provideService(Backend, backend)
  const image = imageName(self)
  const members = new Set<Member>()
  const leases = new Set<Scope.Closeable>()
  let isClosed = false

  const failed = ({ handle: { id } }: Member, reason: Errors.Reason) => new Errors.ContainerExec({ id, image, reason })
  const conflict = (message: string) => new Errors.Conflict({ operation: "exec", message })
  const closed = () => new Errors.ContainerExec({ id: "", image, reason: conflict("the pool is closed") })

  const working = yield* FiberSet.make<unknown>()
  const whole = Deferred.makeUnsafe<Pool.Pool<Member, MemberError | E>>()
  const replace = (member: Member) => Effect.flatMap(Deferred.await(whole), (pool) => Pool.invalidate(pool, member))

  const acquire = Effect.gen(function*() {
    const member = yield* start(self, prepare)
    members.add(member)
    yield* Scope.addFinalizer(member.scope, Effect.sync(() => members.delete(member)))
    const watch = Effect.gen(function*() {
      yield* end(member)
      const age = (yield* Clock.currentTimeMillis) - member.startedAt
      // By somebody else: who watches ends with the container.
      if (member.uses > 0 || age >= shortLife) yield* FiberSet.run(working, replace(member))
    })
    yield* Effect.forkIn(watch, member.scope)
    return member
  })
  const pool = yield* Pool.makeWithTTL({ acquire, min: min ?? size, max: size, timeToLive: timeToLive ?? "1 minute" })
  yield* Deferred.succeed(whole, pool)
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      isClosed = true
      const removals = Array.from(members, ({ scope }) => Scope.close(scope, Exit.void))
      return Effect.all([FiberSet.clear(working), ...removals], { concurrency: "unbounded" })
    }).pipe(
      Effect.andThen(Effect.suspend(() => Effect.forEach([...leases], (lease) => Scope.close(lease, Exit.void)))),
      Effect.uninterruptible
    )
  )

  /** Whether it is as a use may find it, afterwards. */
  const refresh = (member: Member): Effect.Effect<boolean> => {
    if (member.isReset) return Effect.succeed(true)
    const { handle } = member
    const command = reset === undefined
      ? Effect.succeed(0)
      : ToEnd.exitCode(image, here(Exec.begin(handle, reset, {})))
    return Effect.andThen(backend.reset(handle.id, { scratch }), command).pipe(
      Effect.timeout(resetDeadline),
      Effect.map((code) => code === 0 ? undefined : `the command that resets it ended with code ${code}`),
      Effect.catch((error) => Effect.succeed(error.message)),
      Effect.flatMap((issue) => {
        member.isReset = issue === undefined
        return issue === undefined || member.ended !== undefined || isClosed
          ? Effect.succeed(member.isReset)
          : Effect.as(Effect.logDebug(`container ${handle.id} is replaced: ${issue}`), false)
      })
    )
  }

  const giveBack = (member: Member, lease: Scope.Closeable): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (isClosed) return Effect.void
      const done = Effect.suspend(() => {
        leases.delete(lease)
        return Scope.close(lease, Exit.void)
      })
      const isWorn = member.ended !== undefined || member.uses >= maxUses
      return (isWorn ? Effect.succeed(false) : refresh(member)).pipe(
        Effect.flatMap((isReset) => isReset ? Effect.void : replace(member)),
        Effect.ensuring(done),
        (giving) => FiberSet.run(working, giving),
        Effect.asVoid
      )
    })

  const take = Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      if (isClosed) return yield* closed()
      const lease = yield* Scope.make()
      const member = yield* Effect.onError(
        restore(Scope.provide(Pool.get(pool), lease)),
        () => Scope.close(lease, Exit.void)
      )
      leases.add(lease)
      yield* Effect.addFinalizer(() => giveBack(member, lease))
      return member
    })
  )

  /** What it is that a container has ended, for whoever needs it. */
  const lost = (member: Member, exit: ExitStatus.ExitStatus, when: string): Errors.ContainerExec => {
    const fields = { operation: "exec", message: `the container ended ${when}: it ${ExitStatus.format(exit)}` }
    return failed(
      member,
      isClosed
        ? conflict(`the pool was closed ${when}`)
        : exit._tag === "OomKilled"
        ? new Errors.ResourceExhausted(fields)
        : new Errors.Unavailable(fields)
    )
  }

  /** Does something with a container that runs. One that turns out to have ended is replaced and the next one taken. */
  const withLive = Effect.fnUntraced(function*<A>(
    body: (member: Member) => Effect.Effect<A, ExecError, Scope.Scope>
  ): Effect.fn.Return<A, PoolError | E, Scope.Scope> {
    const outer = yield* Effect.scope
    // All that there are may have ended, but not one that was just started.
    for (let left = size;; left--) {
      const scope = yield* Scope.fork(outer)
      const member = yield* Scope.provide(take, scope)
      let exit = member.ended
      if (exit === undefined) {
        member.uses++
        member.isReset = false
        const result = yield* Effect.result(Scope.provide(body(member), scope))
        if (Result.isSuccess(result)) return result.success
        // Only with these does an engine say that nothing was begun.
        const { failure } = result
        const isRefused = failure._tag === "ContainerExec" &&
          (failure.reason._tag === "Conflict" || failure.reason._tag === "NotFound")
        exit = isRefused ? yield* ended(member) : undefined
        if (exit === undefined) return yield* failure
        member.ended = exit
      }
      if (left === 0 || isClosed) return yield* lost(member, exit, "before the command began")
      yield* Scope.close(scope, Exit.void)
    }
  })

  /** A process that was killed may have been killed with its container: whether that can be reset tells. */
  const outlived = (member: Member, process: Exec.Begun["process"]): Exec.Begun["process"]["exit"] => {
    const unless = <A>(
      otherwise: Effect.Effect<A, Errors.Reason>,
      again?: Schedule.Schedule<unknown>
    ): Effect.Effect<A, Errors.Reason> =>
      Effect.flatMap(
        again === undefined
          ? ended(member)
          : Effect.repeat(ended(member), { while: (exit) => exit === undefined, schedule: again }),
        (exit) => exit === undefined ? otherwise : Effect.fail(lost(member, exit, "while the command ran").reason)
      )
    return process.exit.pipe(
      Effect.catch((reason) => unless(Effect.fail(reason))),
      Effect.filterOrElse(
        (exit) => exit._tag === "Exited",
        (exit) => Effect.flatMap(refresh(member), (isReset) => unless(Effect.succeed(exit), isReset ? undefined : late))
      )
    )
  }

  const begin: Leases<E>["begin"] = (command, options) =>
    withLive((member) =>
      Effect.gen(function*() {
        const begun = yield* here(Exec.begin(member.handle, command, options))
        const process = { ...begun.process, exit: outlived(member, begun.process) }
        if (timeLimit === undefined) return { ...begun, process }
        let isTimedOut = false
        yield* Effect.suspend(() => {
          isTimedOut = true
          return begun.process.signal("SIGKILL")
        }).pipe(
          Effect.catch(({ message }) =>
            Effect.logWarning(`a command could not be ended at its time limit: ${message}`)
          ),
          Effect.delay(timeLimit),
          Effect.forkScoped
        )
        return { ...begun, process, isTimedOut: () => isTimedOut }
      })
    )

  return {
    begin,
    use: (f) =>
      Effect.scoped(
        Effect.flatMap(withLive((member) => Effect.succeed(member.handle)), (handle) => Effect.scoped(f(handle)))
      ) as never,
    stats: Pool.stats(pool)
  }
})
