import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { Backend } from "../Backend.ts"
import type * as Errors from "../Errors.ts"
import * as ExitStatus from "../ExitStatus.ts"
import { create } from "./create.ts"
import { type Container, set } from "./description.ts"
import { type ContainerHandle, handleOf } from "./handle.ts"

/** A container of a pool. */
export interface Member {
  readonly handle: ContainerHandle
  /** Closing it removes the container. */
  readonly scope: Scope.Closeable
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  uses: number
  /** It is as a use may find it. */
  isReset: boolean
  /** How it ended, once it is known. */
  ended: ExitStatus.ExitStatus | undefined
}

/** What making one can fail with. */
export type MemberError = Errors.ContainerOptions | Errors.ImagePull | Errors.ContainerCreate | Errors.ContainerStart

/** Does nothing, and takes away whatever process has lost its parent: a shell does so while it waits for another. */
const idle = ["/bin/sh", "-c", "while :; do sleep 86400; done"]

/** One that stays, in the place of what the image would run. */
export const staying = (self: Container): Container => {
  const { command, entrypoint } = self.options
  return command !== undefined || entrypoint !== undefined
    ? self
    : set(self, { entrypoint: idle.slice(0, 1), command: idle.slice(1) })
}

/** Starts one. It is gone with the scope. */
export const start = Effect.fnUntraced(function*<E, R>(
  self: Container,
  prepare: ((container: ContainerHandle) => Effect.Effect<unknown, E, R>) | undefined
): Effect.fn.Return<Member, MemberError | E, Backend | R | Scope.Scope> {
  const backend = yield* Backend
  const scope = yield* Scope.fork(yield* Effect.scope)
  const { config, id, image, stopGrace } = yield* Scope.provide(create(self, { background: false }), scope)
  yield* backend.start(id)
  const handle = handleOf(backend, { id, image, name: config.name!, stopGrace, stdin: undefined })
  if (prepare !== undefined) yield* prepare(handle)
  return { handle, scope, startedAt: yield* Clock.currentTimeMillis, uses: 0, isReset: true, ended: undefined }
})

/** Waits until one has ended, by whatever. */
export const end = (member: Member): Effect.Effect<ExitStatus.ExitStatus> =>
  member.handle.exitStatus.pipe(
    Effect.retry({ schedule: Schedule.spaced("1 second"), while: ({ isRetryable }) => isRetryable }),
    // Nobody knows any more: it is not there.
    Effect.catchReason("ContainerWait", "NotFound", () => Effect.succeed(new ExitStatus.Unknown())),
    Effect.catch((error) =>
      Effect.as(Effect.logWarning(`a pooled container is taken for ended: ${error.message}`), new ExitStatus.Unknown())
    ),
    Effect.tap((exit) =>
      Effect.sync(() => {
        member.ended = exit
      })
    )
  )

/** Whether one has ended; `undefined` while it runs, or when the engine does not say. */
export const ended = (member: Member): Effect.Effect<ExitStatus.ExitStatus | undefined> => {
  if (member.ended !== undefined) return Effect.succeed(member.ended)
  return Effect.map(Effect.exit(member.handle.inspect), (seen) => {
    const { ended } = member
    if (ended !== undefined) return ended
    if (Exit.isFailure(seen)) {
      return seen.cause.reasons.some((why) => why._tag === "Fail" && why.error.reason._tag === "NotFound")
        ? new ExitStatus.Unknown()
        : undefined
    }
    const { exit, state } = seen.value
    return state === "running" || state === "paused" ? undefined : exit ?? new ExitStatus.Unknown()
  })
}
