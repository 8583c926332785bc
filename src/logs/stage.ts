import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"

/** A step of a stream that works on whole arrays, with state and without an Effect per element. */
export interface Stage<A, B, E> {
  /** Takes what came in one pull. After a failure it is not called again. */
  readonly push: (input: ReadonlyArray<A>, out: Array<B>) => E | undefined
  /** Called once, when the source has ended or failed; the failure of a source that failed is its own. */
  readonly end: (out: Array<B>) => E | undefined
}

/** Puts a stage behind a stream. What a stage put out before a failure is delivered before the failure. */
export const through = <A, B, E, R, E2>(
  self: Stream.Stream<A, E, R>,
  make: () => Stage<A, B, E2>
): Stream.Stream<B, E | E2, R> =>
  Stream.transformPull(self, (pull) =>
    Effect.sync(() => {
      type Next = Pull.Pull<Arr.NonEmptyReadonlyArray<B>, E | E2>
      const stage = make()
      let last: Next | undefined
      const next: Next = Effect.suspend(() => last ?? read)
      const deliver = (out: Array<B>): Next => Arr.isArrayNonEmpty(out) ? Effect.succeed(out) : next
      const read: Next = Effect.matchCauseEffect(pull, {
        onSuccess: (input): Next => {
          const out: Array<B> = []
          const failure = stage.push(input, out)
          if (failure !== undefined) last = Effect.fail(failure)
          return deliver(out)
        },
        onFailure: (cause): Next => {
          const out: Array<B> = []
          const failure = stage.end(out)
          last = failure !== undefined && Pull.isDoneCause(cause)
            ? Effect.fail(failure)
            : Effect.failCause(cause)
          return deliver(out)
        }
      })
      return next
    })) as Stream.Stream<B, E | E2, R>
