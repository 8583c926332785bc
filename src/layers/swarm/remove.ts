import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import { discard } from "./create.ts"
import { type Found, look, runOf, send, servicePath, type Swarm, watching, watchingOwn } from "./known.ts"
import { isRunning } from "./running.ts"
import { dismissed } from "./standIn.ts"
import { isOver } from "./task.ts"
import { setTotal } from "./total.ts"

const operation = "remove"

/** The names of what was made for this container alone. */
const owned = ({ spec }: Found) => {
  const mine = (kind: string) => ({ name = "" }: { readonly name?: string }) =>
    name.startsWith(`${spec.name}-${kind}-`) ? [name] : []
  const { configs = [], secrets = [] } = spec.task.container
  return { secrets: secrets.flatMap(mine("secrets")), configs: configs.flatMap(mine("configs")) }
}

/** How long a node may take to end what runs, besides the grace that it has: milliseconds. */
const endsWithin = 20_000

/** Until its process has ended too. One on a node that is away ends when the node comes back: nobody waits for that. */
const gone = (swarm: Swarm, found: Found, run: number): Effect.Effect<void, Errors.Reason> => {
  const { nodes, until } = swarm.watch
  return until(
    watching(found, run),
    ({ isGone, task }) =>
      isGone || task === undefined || isOver(task) || nodes.isAway(task.node) ? Result.void : undefined
  ).pipe(
    Effect.timeoutOrElse({
      duration: endsWithin,
      orElse: () =>
        Effect.fail(reason("TimedOut", { operation, message: `its node does not end it within ${endsWithin} ms` }))
    })
  )
}

/** How long the Swarm may take to forget what it was told to end, of which it is four times faster: milliseconds. */
const forgottenWithin = 1000

/**
 * Until no task of it is about to be forgotten. A leader of Docker 24 to 29.0 crashes when it is told to delete a service in
 * the very moment in which it forgets a task of it.
 */
const forgotten = (swarm: Swarm, found: Found): Effect.Effect<void, Errors.Reason> =>
  swarm.watch.until(watching(found, runOf(found)), ({ isLeaving }) => isLeaving ? undefined : Result.void).pipe(
    Effect.timeoutOption(forgottenWithin),
    Effect.asVoid
  )

/** Whether the Swarm was told to end what ran. */
const isWithdrawn = (found: Found): boolean => runOf(found) > 0 && found.spec.mode?.job?.total === 0

/** Removes the service, with what was made for it; that is over when nothing of it runs any more. */
const once = Effect.fnUntraced(function*(
  swarm: Swarm,
  id: string,
  force: boolean
): Effect.fn.Return<void, Errors.Reason> {
  const mine = swarm.known.get(id)
  if (
    mine !== undefined && mine.isAlone && mine.ended === undefined &&
    swarm.watch.isOver(watchingOwn(swarm, id, mine.run))
  ) {
    yield* send(swarm, { operation, method: "DELETE", path: servicePath(id) })
    swarm.known.delete(id)
    return swarm.watch.forget(id)
  }
  const found = yield* look(swarm, operation, id)
  const { service: { id: service } } = found
  const running = yield* isRunning(swarm, found)
  if (running && !force) {
    return yield* reason("Conflict", { operation, message: `container ${id} is running`, hint: "stop it first" })
  }
  // Before Docker 24 a job runs on whose service is gone, and nobody could find it again.
  if (running && !swarm.watch.nodes.areManagersAtLeast(24)) yield* setTotal(swarm, operation, found, 0)
  if (isWithdrawn(found)) yield* forgotten(swarm, found)
  yield* send(swarm, { operation, method: "DELETE", path: servicePath(service) })
  const { configs, secrets } = owned(found)
  yield* discard(swarm, "secrets", secrets)
  yield* discard(swarm, "configs", configs)
  const end = yield* running ? Effect.result(gone(swarm, found, runOf(found))) : Effect.succeed(Result.void)
  yield* dismissed(swarm, found)
  yield* Effect.fromResult(end)
  swarm.known.delete(service)
  swarm.watch.forget(service)
})

/** Between two looks at whether the managers answer again: milliseconds. */
const rest = 500

/** Removes it, and asks again for as long as it may take while the managers do not answer: milliseconds. */
export const remove = (
  swarm: Swarm,
  id: string,
  { force, patience = 0 }: { readonly force: boolean; readonly patience?: number | undefined }
): Effect.Effect<void, Errors.Reason> =>
  Effect.retry(once(swarm, id, force), {
    while: ({ _tag }) => _tag === "Unavailable",
    schedule: Schedule.upTo(Schedule.spaced(rest), { times: Math.ceil(patience / rest) })
  })
