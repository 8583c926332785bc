import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Backend, type Usage } from "../Backend.ts"
import type * as Errors from "../Errors.ts"
import { identify, type Target } from "./target.ts"

/**
 * What a container uses, and how fast.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stats extends Usage {
  /** Of the CPU time since the one before: 100 is one CPU, all of the time. */
  readonly cpuPercent: number
  /** Of the memory that it may use; `undefined` where it has no limit. */
  readonly memoryPercent?: number | undefined
}

/** `undefined` when no time has passed. */
const between = (before: Usage, usage: Usage): Stats | undefined => {
  const millis = DateTime.toEpochMillis(usage.time) - DateTime.toEpochMillis(before.time)
  if (millis <= 0) return undefined
  const { memory, memoryLimit } = usage
  return {
    ...usage,
    // It begins anew when the container does.
    cpuPercent: Math.max(0, Number(usage.cpuTime - before.cpuTime)) / millis / 1e4,
    ...(memoryLimit === undefined ? {} : { memoryPercent: 100 * memory / memoryLimit })
  }
}

/**
 * What a container uses, `every` so often (default one second, and a first time after so long), until it ends or is removed.
 * One that is slow to answer is asked less often.
 *
 * Fails with `ContainerStats`: `Conflict` when it does not run to begin with, `NotFound` when there is none.
 *
 * @category managing
 * @since 0.1.0
 */
export const stats = (
  container: Target,
  options: { readonly every?: Duration.Input | undefined } = {}
): Stream.Stream<Stats, Errors.ContainerStats, Backend> =>
  Stream.unwrap(Effect.gen(function*() {
    const backend = yield* Backend
    const { id } = identify(container)
    let before = yield* backend.usage(id)
    return Stream.tick(options.every ?? "1 second").pipe(
      Stream.drop(1),
      Stream.mapEffect(() =>
        backend.usage(id).pipe(
          Effect.catchReason("ContainerStats", "Conflict", () => Effect.undefined),
          Effect.catchReason("ContainerStats", "NotFound", () => Effect.undefined)
        )
      ),
      Stream.takeWhile((usage) => usage !== undefined),
      Stream.map((usage) => {
        const stats = between(before, usage)
        if (stats !== undefined) before = usage
        return stats
      }),
      Stream.filter((stats) => stats !== undefined)
    )
  }))
