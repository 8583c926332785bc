import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { createHash, randomUUID } from "node:crypto"
import type * as Errors from "../../../Errors.ts"
import type { Channel } from "../channel.ts"
import { Code, reason } from "../errors.ts"
import { Content as Service } from "../protocol/content_pb.ts"
import { converse } from "./conversation.ts"
import * as Keyed from "./keyed.ts"

/** A blob that is to be written. */
export interface WriteOptions<E> {
  readonly operation: string
  readonly lease: string
  /** Two writers of one name take turns, and the one resumes what the other has left: if it is worth it. */
  readonly ref: string
  /** Found out on the way when it is not given. */
  readonly digest?: string | undefined
  readonly size: number
  /** What it gets when it was not there before. */
  readonly labels: Readonly<Record<string, string>>
  /** The bytes from `offset` on. */
  readonly open: (offset: number) => Stream.Stream<Uint8Array, E>
  /** Is told how many of the bytes there are. */
  readonly onProgress?: ((current: number) => void) | undefined
}

export interface Written {
  readonly digest: string
  /** Whether it was there before. */
  readonly existed: boolean
}

/** When it succeeds the blob is there and held by the lease. */
export type Write = <E>(options: WriteOptions<E>) => Effect.Effect<Written, Errors.Reason | E>

/**
 * What of somebody else's write is believed, in milliseconds: one that has just moved goes on, one that was refused to us
 * is not asked for again soon, and when one has stood still for too long we write for ourselves. Asking for what is
 * written by another one is not done lightly: until it is refused, the engine can store nothing else.
 */
const fresh = 1000
const refused = 5000
const patience = 30_000
const pause = 200
const spread = 30

/** Bytes from which on it costs less to wait for another writer than to write it twice. */
const worthIt = 8 * 1024 * 1024

/** gRPC's code for a write at an offset that is not the ingest's. */
const outOfRange = 11

/** A failure of the source, in an envelope: it is nobody's to judge here. */
class Source<E> {
  readonly _tag = "Source"
  readonly error: E
  constructor(error: E) {
    this.error = error
  }
}

const isLocked = (failure: Errors.Reason): boolean =>
  failure.code === Code.unavailable && /locked for/i.test(failure.message)

/** What is there does not go with what we have. */
const isSpoilt = (failure: Errors.Reason): boolean =>
  failure.code === Code.failedPrecondition || failure.code === outOfRange

export const makeWrite = (channel: Channel): Write => {
  // Two of this process do not get in each other's way.
  const locks = Keyed.make()

  const abort = (ref: string, operation: string) =>
    // What cannot be aborted is dropped by the engine after a day.
    Effect.ignore(channel.unary(Service.method.abort, { ref }, { operation }))

  /** One attempt. `began` is told at which offset. What cannot be resumed has a name that nobody else uses. */
  const attempt = Effect.fnUntraced(function*<E>(
    { digest, labels, lease, onProgress, open, operation, size }: WriteOptions<E>,
    ref: string,
    began: (offset: number) => void
  ): Effect.fn.Return<Written, Errors.Reason | Source<E>, Scope.Scope> {
    const conversation = yield* converse(channel, { operation, lease, size })
    const offset = yield* conversation.stat({ ref, total: size, expected: digest ?? "" })
    began(offset)
    let position = offset
    const wrong = (what: string) =>
      reason("Protocol", { operation, message: `${digest ?? ref}: ${what}, where there should be ${size} bytes` })
    if (offset > size) return yield* wrong(`${offset} bytes are there`)
    const hash = digest === undefined ? createHash("sha256") : undefined
    if (offset < size || hash !== undefined) {
      yield* Stream.runForEachArray(
        Stream.mapError(open(offset), (error) => new Source(error)),
        Effect.fnUntraced(function*(chunks) {
          for (const chunk of chunks) {
            if (position + chunk.length > size) return yield* wrong("more came")
            hash?.update(chunk)
            yield* conversation.write(chunk, position)
            position += chunk.length
          }
          onProgress?.(position)
        })
      )
      if (position < size) return yield* wrong(`it ended after ${position} bytes`)
    }
    const expected = digest ?? `sha256:${hash?.digest("hex") ?? ""}`
    const existed = yield* conversation.commit({ total: size, expected, labels }).pipe(
      Effect.as(false),
      Effect.catchTag("AlreadyExists", () => Effect.succeed(true))
    )
    return { digest: expected, existed }
  })

  /** A write that goes on elsewhere, or was left. */
  const elsewhere = (ref: string, operation: string) =>
    channel.unary(Service.method.status, { ref }, { operation }).pipe(
      Effect.map(({ status }) => ({
        offset: Number(status?.offset ?? 0n),
        movedAt: Number(status?.updatedAt?.seconds ?? 0n) * 1000 + (status?.updatedAt?.nanos ?? 0) / 1e6
      })),
      Effect.catchTag("NotFound", () => Effect.undefined)
    )

  const run = Effect.fnUntraced(function*<E>(
    options: WriteOptions<E>
  ): Effect.fn.Return<Written, Errors.Reason | E> {
    const { digest, onProgress, operation, size } = options
    const own = () => `${options.ref}-${randomUUID()}`
    const isShared = digest !== undefined && size >= worthIt
    let ref = isShared ? options.ref : own()
    // Several programs that begin at once would all find that nobody is at it.
    if (isShared) yield* Effect.sleep(yield* Random.nextBetween(0, spread))
    let refusedAt = 0
    let isRestarted = false
    while (true) {
      const other = isShared ? yield* elsewhere(ref, operation) : undefined
      const now = Date.now()
      if (other !== undefined) {
        const idle = now - other.movedAt
        if (other.offset > 0) onProgress?.(other.offset)
        if (refusedAt > 0 && idle > patience) ref = own()
        else if (idle < fresh || now - refusedAt < refused) {
          yield* Effect.sleep(pause)
          continue
        }
      }
      let from: number | undefined
      const result = yield* Effect.result(Effect.scoped(attempt(options, ref, (offset) => (from = offset))))
      if (result._tag === "Success") return result.success
      const failure = result.failure
      if (failure._tag === "Source") return yield* Effect.fail(failure.error)
      if (failure._tag === "AlreadyExists" && digest !== undefined) return { digest, existed: true }
      if (isLocked(failure)) {
        refusedAt = Date.now()
        yield* Effect.sleep(pause)
        continue
      }
      if (!isSpoilt(failure) && (failure._tag !== "Protocol" || from === undefined)) return yield* failure
      yield* abort(ref, operation)
      // What another one had left may have been the wrong part.
      if (from !== undefined && from > 0 && !isRestarted) {
        isRestarted = true
        continue
      }
      if (!isSpoilt(failure)) return yield* failure
      return yield* reason("Protocol", {
        operation,
        message: `${digest ?? ref}: what came is not that: ${failure.message}`,
        code: failure.code,
        cause: failure
      })
    }
  })

  /** Tells of a write that somebody else is at, until it is our turn. */
  const watch = <E>({ onProgress, operation, ref }: WriteOptions<E>) =>
    Effect.sleep(pause).pipe(
      Effect.andThen(elsewhere(ref, operation)),
      Effect.tap((other) => Effect.sync(() => other !== undefined && onProgress?.(other.offset))),
      Effect.forever,
      // Only looked at: what is wrong the write itself will say.
      Effect.ignore
    )

  return (options) =>
    Effect.scoped(Effect.gen(function*() {
      const watching = yield* Effect.forkScoped(watch(options))
      return yield* locks.withLock(options.ref)(Effect.andThen(Fiber.interrupt(watching), run(options)))
    }))
}
