import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type * as Errors from "../../Errors.ts"
import { type Stage, through } from "../../logs/stage.ts"

/**
 * Podman ends a followed log in a way that drops lines: a quarter of a second after the container's end it tells the
 * log's reader to stop at the end of the file, and from then on each line is delivered or dropped by chance. So only that
 * is taken of a followed log which came while the container had not ended. The rest is read without following, which
 * drops nothing and gives the same bytes.
 */

type Bytes = Stream.Stream<Uint8Array, Errors.Reason>

interface Source {
  /** The log's answer, undecoded. */
  readonly read: (options: { readonly follow: boolean; readonly tail: number | undefined }) => Bytes
  /** Podman's own word for the state that the container is in. */
  readonly status: Effect.Effect<string, Errors.Reason>
}

/** In these a container has not ended, but a log is not followed any further. */
const isPending = (status: string): boolean => status === "paused" || status === "stopping"

const patience = Schedule.spaced("250 millis")

const sizeOf = (bytes: Bytes): Effect.Effect<number, Errors.Reason> =>
  Stream.runFold(bytes, () => 0, (size, chunk) => size + chunk.length)

const after = (bytes: Bytes, skipped: number): Bytes =>
  through(bytes, (): Stage<Uint8Array, Uint8Array, never> => {
    let left = skipped
    return {
      push: (chunks, out) => {
        for (const chunk of chunks) {
          if (left < chunk.length) out.push(left === 0 ? chunk : chunk.subarray(left))
          left = Math.max(0, left - chunk.length)
        }
        return undefined
      },
      end: () => undefined
    }
  })

/** A log that is followed to the container's end. */
export const follow = ({ read, status }: Source, tail: number | undefined): Bytes =>
  Stream.unwrap(Effect.gen(function*() {
    const all = { follow: false, tail: undefined }
    let taken = tail === undefined
      ? 0
      : Math.max(0, (yield* sizeOf(read(all))) - (yield* sizeOf(read({ ...all, tail }))))
    const count = (chunk: Uint8Array) => {
      taken += chunk.length
    }
    const counted = (bytes: Bytes): Bytes => Stream.map(bytes, (chunk) => (count(chunk), chunk))

    const now: Bytes = Stream.suspend(() => counted(after(read(all), taken)))
    // Of one that is removed meanwhile there is no more.
    const rest = Stream.catchTag(now, "NotFound", () => Stream.empty)
    const hasNotEnded = status.pipe(
      Effect.map((status) => status === "running" || isPending(status)),
      Effect.catchTag("NotFound", () => Effect.succeed(true))
    )
    const whileItRuns: Bytes = Stream.suspend(() =>
      after(read({ follow: true, tail: undefined }), taken).pipe(
        Stream.chunks,
        Stream.mapEffect((chunks) => Effect.map(hasNotEnded, (is) => ({ chunks, is }))),
        Stream.takeWhile(({ is }) => is),
        Stream.map(({ chunks }) => chunks),
        Stream.flattenArray,
        counted
      )
    )
    const followed: Bytes = Stream.unwrap(Effect.map(status, (is) =>
      is === "running"
        ? Stream.concat(whileItRuns, rest)
        : isPending(is)
        ? Stream.concat(
          now,
          Stream.unwrap(Effect.as(Effect.repeat(status, { schedule: patience, while: isPending }), followed))
        )
        : now))
    return followed
  }))
