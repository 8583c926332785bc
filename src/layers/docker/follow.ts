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
      push: (chunk, out) => {
        if (left < chunk.length) out.push(left === 0 ? chunk : chunk.subarray(left))
        left = Math.max(0, left - chunk.length)
        return undefined
      },
      end: () => undefined
    }
  })

const all = { follow: false, tail: undefined }

/** How many bytes of a log come before its last `tail` lines. */
const before = ({ read }: Source, tail: number | undefined): Effect.Effect<number, Errors.Reason> =>
  tail === undefined
    ? Effect.succeed(0)
    : Effect.zipWith(sizeOf(read(all)), sizeOf(read({ ...all, tail })), (whole, last) => Math.max(0, whole - last))

/** What comes after the first bytes of a log, as many as have been taken; of one that is removed meanwhile nothing does. */
const rest = ({ read }: Source, taken: () => number): Bytes =>
  Stream.catchTag(Stream.suspend(() => after(read(all), taken())), "NotFound", () => Stream.empty)

/**
 * Whether that engine, Docker before 23, now and then ends a followed log of much output before it has told all of it,
 * when the container ends.
 */
export const endsEarly = (apiVersion: string | undefined): boolean => {
  const [major, minor] = (apiVersion ?? "").split(".").map(Number)
  return major === 1 && minor !== undefined && minor < 42
}

/** A log that is followed to the container's end, where that may come early: what is missing is read without following. */
export const followEarly = (source: Source, tail: number | undefined): Bytes =>
  Stream.unwrap(Effect.map(before(source, tail), (first) => {
    let taken = first
    const followed = Stream.map(after(source.read({ follow: true, tail: undefined }), first), (chunk) => {
      taken += chunk.length
      return chunk
    })
    return Stream.concat(followed, rest(source, () => taken))
  }))

/** A log that is followed to the container's end. */
export const follow = (source: Source, tail: number | undefined): Bytes =>
  Stream.unwrap(Effect.gen(function*() {
    const { read, status } = source
    let taken = yield* before(source, tail)
    const count = (chunk: Uint8Array) => {
      taken += chunk.length
    }
    const counted = (bytes: Bytes): Bytes => Stream.map(bytes, (chunk) => (count(chunk), chunk))

    const now: Bytes = Stream.suspend(() => counted(after(read(all), taken)))
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
        ? Stream.concat(whileItRuns, counted(rest(source, () => taken)))
        : isPending(is)
        ? Stream.concat(
          now,
          Stream.unwrap(Effect.as(Effect.repeat(status, { schedule: patience, while: isPending }), followed))
        )
        : now))
    return followed
  }))
