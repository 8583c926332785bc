import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Errors from "../../Errors.ts"
import type { Settings } from "./config.ts"
import type { Endpoint } from "./endpoint.ts"
import { isPassedOver, passOver } from "./mirrors.ts"
import { backOff, isWorthIt } from "./retry.ts"

type Next = Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>, Errors.Reason>

interface Options {
  readonly retries: Settings["retries"]
  /** Where it is had from: each is asked once, and the last one again. */
  readonly sources: Arr.NonEmptyReadonlyArray<Endpoint>
  /** The bytes from a position on. */
  readonly from: (
    source: Endpoint,
    position: number
  ) => Effect.Effect<Stream.Stream<Uint8Array, Errors.Reason>, Errors.Reason, Scope.Scope>
  readonly start: number
  readonly size: number
}

/** After so many new bytes, failures before them count no more. */
const progress = 1024 * 1024

/** Bytes from `start` to `size`, which go on after a failure that may get better from where they stood. */
export const resuming = (
  { from, retries, size, sources, start }: Options
): Stream.Stream<Uint8Array, Errors.Reason> =>
  Stream.fromChannel(Channel.fromTransform((_: unknown, outer: Scope.Scope) =>
    Effect.sync(() => {
      let position = start
      let source = 0
      let failures = 0
      let counted = start
      let current: { readonly scope: Scope.Closeable; readonly pull: Next } | undefined

      const open: Effect.Effect<void, Errors.Reason> = Effect.gen(function*() {
        const scope = yield* Scope.fork(outer)
        // Also there when nothing came of it, so that it is closed before the next one.
        current = { scope, pull: Cause.done() }
        const pull = yield* from(sources[source] ?? Arr.lastNonEmpty(sources), position).pipe(
          Effect.flatMap(Stream.toPull),
          Scope.provide(scope)
        )
        current = { scope, pull }
      })
      const close = Effect.suspend(() => {
        const last = current
        current = undefined
        return last === undefined ? Effect.void : Scope.close(last.scope, Exit.void)
      })
      const recover = (reason: Errors.Reason): Effect.Effect<void, Errors.Reason> =>
        Effect.andThen(
          close,
          Effect.suspend(() => {
            const mirror = sources[source]
            if (mirror !== undefined && source < sources.length - 1) {
              source++
              return isPassedOver(reason) ? passOver(mirror, reason) : Effect.fail(reason)
            }
            if (position - counted >= progress) failures = 0
            counted = position
            failures++
            return failures <= retries.times && isWorthIt(retries, reason)
              ? backOff(retries, reason, failures)
              : Effect.fail(reason)
          })
        )
      const again = (cause: Cause.Cause<Errors.Reason>): Next => {
        const failure = cause.reasons.find(Cause.isFailReason)
        return failure === undefined || Cause.hasInterrupts(cause)
          ? Effect.failCause(cause)
          : Effect.andThen(recover(failure.error), pull)
      }
      const pull: Next = Effect.suspend((): Next => {
        if (current !== undefined) {
          return Pull.matchEffect(current.pull, {
            onSuccess: (chunks): Next => {
              for (const chunk of chunks) position += chunk.length
              return Effect.succeed(chunks)
            },
            onFailure: again,
            onDone: (): Next => Effect.andThen(close, Cause.done())
          })
        }
        return position >= size
          ? Cause.done()
          : Effect.matchCauseEffect(open, { onFailure: again, onSuccess: () => pull })
      })
      return pull
    })
  ))
