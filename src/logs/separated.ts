import * as Arr from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Latch from "effect/Latch"
import type * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Errors from "../Errors.ts"
import type { Frame } from "./frame.ts"
import { Spool } from "./spool.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface SeparatedOptions {
  /** How many bytes that nobody has read yet are kept in memory, for each side. Default 1 MiB. */
  readonly memoryLimit?: number | undefined
  /** Where a side's file is put once it has more than that. Default: the system's directory for temporary files. */
  readonly directory?: string | undefined
}

/**
 * A container's output as two streams, see {@link separated}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Separated<E> {
  readonly stdout: Stream.Stream<Uint8Array, E | Errors.ResourceExhausted | Errors.Conflict>
  readonly stderr: Stream.Stream<Uint8Array, E | Errors.ResourceExhausted | Errors.Conflict>
}

type Chunks = Arr.NonEmptyReadonlyArray<Uint8Array>

const MEMORY = 1024 * 1024

class Side<E> {
  readonly #name: string
  readonly #spool: Spool
  readonly #demand: Latch.Latch
  #waiter: ((next: Pull.Pull<Chunks, E | Errors.ResourceExhausted>) => void) | undefined = undefined
  #end: Pull.Pull<never, E | Errors.ResourceExhausted> | undefined = undefined
  #used = false

  constructor(name: string, demand: Latch.Latch, options: SeparatedOptions | undefined) {
    this.#name = name
    this.#demand = demand
    this.#spool = new Spool(options?.memoryLimit ?? MEMORY, options?.directory)
  }

  get isWaiting(): boolean {
    return this.#waiter !== undefined
  }

  readonly pull: Pull.Pull<Chunks, E | Errors.ResourceExhausted> = Effect.suspend(() => {
    if (!this.#spool.isEmpty) {
      return Effect.filterOrElse(this.#spool.take(), Arr.isArrayNonEmpty, () => this.pull)
    }
    if (this.#end !== undefined) return this.#end
    return Effect.callback<Chunks, E | Errors.ResourceExhausted | Cause.Done<void>>((resume) => {
      this.#waiter = resume
      this.#demand.openUnsafe()
      return Effect.sync(() => {
        this.#waiter = undefined
      })
    })
  })

  /** Hands over what has come for this side: to who waits for it, else into the spool. */
  offer(pieces: Array<Uint8Array>, bytes: number): Effect.Effect<void> {
    const waiter = this.#waiter
    if (this.#end !== undefined || !Arr.isArrayNonEmpty(pieces)) return Effect.void
    if (waiter !== undefined) {
      this.#waiter = undefined
      waiter(Effect.succeed(pieces))
      return Effect.void
    }
    return Effect.matchEffect(this.#spool.put(pieces, bytes), {
      onSuccess: () => Effect.sync(() => this.#wake()),
      onFailure: (failure) => Effect.sync(() => this.finish(Effect.fail(failure)))
    })
  }

  finish(end: Pull.Pull<never, E | Errors.ResourceExhausted>): void {
    this.#end ??= end
    this.#wake()
  }

  #wake(): void {
    const waiter = this.#waiter
    if (waiter === undefined || (this.#spool.isEmpty && this.#end === undefined)) return
    this.#waiter = undefined
    waiter(this.pull)
  }

  /** Nobody reads this side any more: what comes for it is forgotten. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.finish(Effect.interrupt)
    return this.#spool.close()
  })

  readonly stream: Stream.Stream<Uint8Array, E | Errors.ResourceExhausted | Errors.Conflict> = Stream.unwrap(
    Effect.suspend(() => {
      if (this.#used) {
        return Effect.fail(new Errors.Conflict({ operation: "logs", message: `${this.#name} was already read` }))
      }
      this.#used = true
      return Effect.as(Effect.addFinalizer(() => this.close), Stream.fromPull(Effect.succeed(this.pull)))
    })
  ) as Stream.Stream<Uint8Array, E | Errors.ResourceExhausted | Errors.Conflict>
}

const separate = Effect.fnUntraced(function*<E, R>(
  self: Stream.Stream<Frame, E, R>,
  options?: SeparatedOptions
): Effect.fn.Return<Separated<E>, never, R | Scope.Scope> {
  const scope = yield* Effect.scope
  const demand = Latch.makeUnsafe(false)
  const stdout = new Side<E>("standard output", demand, options)
  const stderr = new Side<E>("standard error", demand, options)
  // finalizers run in reverse order: the pump stops, the source is closed, then the buffers go
  yield* Scope.addFinalizer(scope, Effect.andThen(stdout.close, stderr.close))
  const pull = yield* Stream.toPull(self)
  const once = Effect.flatMap(Effect.andThen(demand.await, pull), (frames) => {
    const out: Array<Uint8Array> = []
    const err: Array<Uint8Array> = []
    let outBytes = 0
    let errBytes = 0
    for (let i = 0; i < frames.length; i++) {
      const frame = frames[i]!
      if (frame.bytes.length === 0) continue
      if (frame.source === "stdout") {
        out.push(frame.bytes)
        outBytes += frame.bytes.length
      } else {
        err.push(frame.bytes)
        errBytes += frame.bytes.length
      }
    }
    return Effect.andThen(stdout.offer(out, outBytes), stderr.offer(err, errBytes)).pipe(
      Effect.andThen(Effect.sync(() => {
        if (!stdout.isWaiting && !stderr.isWaiting) demand.closeUnsafe()
      }))
    )
  })
  const pump = Effect.catchCause(Effect.forever(once), (cause) =>
    Effect.sync(() => {
      stdout.finish(Effect.failCause(cause))
      stderr.finish(Effect.failCause(cause))
    }))
  yield* Effect.forkIn(pump, scope)
  return { stdout: stdout.stream, stderr: stderr.stream }
})

/**
 * Splits frames into the two streams of bytes. They may be read in any order, at the same time, only in part, or not at
 * all: none waits for the other.
 *
 * The source is read when one of the two is waiting for more, by one fiber in the surrounding scope. What comes for the
 * other is kept until it is read: up to `memoryLimit` bytes (default 1 MiB) in memory, beyond that in a temporary file
 * of mode 0600 that ends with the scope, and in order. A side that was stopped (`Stream.take`) keeps nothing more. A
 * source that nobody reads at all waits, and the container waits for it once the engine's own buffers are full.
 *
 * When the source fails, both sides fail with it after what came before. A side of which something could not be kept
 * (a full disk) fails with `ResourceExhausted` after all that could, and the other goes on. Each side can be run once: a
 * second run fails with `Conflict`. After the scope has closed, what reads is interrupted.
 *
 * **Example** (Standard error first)
 *
 * ```ts import.meta.vitest
 * import { Effect, Stream } from "effect"
 * import { Logs } from "effect-containers"
 *
 * const bytes = (text: string) => new TextEncoder().encode(text)
 * const frames = Stream.make<[Logs.Frame, Logs.Frame]>(
 *   { source: "stdout", bytes: bytes("result") },
 *   { source: "stderr", bytes: bytes("warning") }
 * )
 * const program = Effect.gen(function*() {
 *   const { stdout, stderr } = yield* Logs.separated(frames)
 *   const first = yield* Stream.mkString(Stream.decodeText(stderr))
 *   const second = yield* Stream.mkString(Stream.decodeText(stdout))
 *   return [first, second]
 * })
 * await Effect.runPromise(Effect.scoped(program)) // => ["warning", "result"]
 * ```
 *
 * @category destructors
 * @since 0.1.0
 */
export const separated: <
  Arg extends Stream.Stream<Frame, unknown, unknown> | SeparatedOptions | undefined = SeparatedOptions
>(
  selfOrOptions?: Arg,
  options?: SeparatedOptions
) => [Arg] extends [Stream.Stream<Frame, infer E, infer R>] ? Effect.Effect<Separated<E>, never, R | Scope.Scope>
  : <E, R>(self: Stream.Stream<Frame, E, R>) => Effect.Effect<Separated<E>, never, R | Scope.Scope> = dual(
    (args) => Stream.isStream(args[0]),
    separate
  )
