import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"

/** A step of a stream that works through whole arrays, with state and without an Effect per element. */
export interface Stage<A, B, E> {
  /** Takes one element. After a failure it is not called again. */
  readonly push: (input: A, out: Array<B>) => E | undefined
  /** Called when all of an array is pushed: puts out what was held back to be handled with what follows. */
  readonly flush?: ((out: Array<B>) => void) | undefined
  /** Called once, when the source has ended or failed; the failure of a source that failed is its own. */
  readonly end: (out: Array<B>) => E | undefined
}

/**
 * So many are delivered at once, or a few more. Of small things that are made of a large array, such as lines, most would
 * else be alive when the collector of young garbage comes, which costs three times as much.
 */
const enough = 256

/** Puts a stage behind a stream. What a stage put out before a failure is delivered before the failure. */
export const through = <A, B, E, R, E2>(
  self: Stream.Stream<A, E, R>,
  make: () => Stage<A, B, E2>
): Stream.Stream<B, E | E2, R> =>
  Stream.transformPull(self, (pull) =>
    Effect.sync(() => {
      type Next = Pull.Pull<Arr.NonEmptyReadonlyArray<B>, E | E2>
      const stage = make()
      let input: ReadonlyArray<A> = []
      let at = 0
      let last: Next | undefined
      const advance = (): Next => {
        const out: Array<B> = []
        while (at < input.length && out.length < enough) {
          const failure = stage.push(input[at++]!, out)
          if (failure === undefined) continue
          last = Effect.fail(failure)
          break
        }
        if (at === input.length) {
          stage.flush?.(out)
          input = []
          at = 0
        }
        return deliver(out)
      }
      const next: Next = Effect.suspend(() => last ?? (at < input.length ? advance() : read))
      const deliver = (out: Array<B>): Next => Arr.isArrayNonEmpty(out) ? Effect.succeed(out) : next
      const read: Next = Effect.matchCauseEffect(pull, {
        onSuccess: (arrived): Next => {
          input = arrived
          return advance()
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
