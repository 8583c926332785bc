import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import type * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { randomUUID } from "node:crypto"
import * as Fs from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type At, systemError } from "./failure.ts"

/**
 * Bytes of a container's file, kept in a temporary file of this machine: an engine may let nobody else near a container's
 * files while an archive of them is read, so that none is left half read.
 */
export interface Spool {
  readonly size: () => number
  readonly append: (bytes: Uint8Array) => Effect.Effect<void, PlatformError>
  /** How many there were, 0 at the end. */
  readonly read: (buffer: Uint8Array, position: number) => Effect.Effect<number, PlatformError>
}

/** The scope closes it. */
export const make = (at: At): Effect.Effect<Spool, PlatformError, Scope.Scope> => {
  const path = join(tmpdir(), `effect-containers-${randomUUID()}.file`)
  const step = <A>(run: () => Promise<A>): Effect.Effect<A, PlatformError> =>
    Effect.uninterruptible(Effect.tryPromise({
      try: run,
      catch: (cause) => systemError(at, "Unknown", `a temporary file of this machine: ${String(cause)}`, cause)
    }))
  // Without a name from the first: whatever becomes of us, nothing is left behind.
  const nameless = step(async () => {
    const file = await Fs.open(path, "wx+", 0o600)
    try {
      await Fs.unlink(path)
    } catch (cause) {
      await file.close()
      throw cause
    }
    return file
  })
  const opened = Effect.acquireRelease(nameless, (file) =>
    Effect.catch(
      step(() => file.close()),
      ({ message }) => Effect.logWarning(`${path} was not closed: ${message}`)
    ))
  return Effect.map(opened, (file): Spool => {
    let size = 0
    return {
      size: () => size,
      append: (bytes) =>
        step(async () => {
          for (let at = 0; at < bytes.length;) {
            const { bytesWritten } = await file.write(bytes, at, bytes.length - at, size)
            at += bytesWritten
            size += bytesWritten
          }
        }),
      read: (buffer, position) => step(async () => (await file.read(buffer, 0, buffer.length, position)).bytesRead)
    }
  })
}

/** How much is read back at once: bytes. */
const piece = 256 * 1024

/** All of it. */
export const stream = (spool: Spool): Stream.Stream<Uint8Array, PlatformError> =>
  Stream.suspend(() => {
    let position = 0
    const next: Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>, PlatformError> = Effect.suspend((): typeof next => {
      const buffer = new Uint8Array(piece)
      return Effect.flatMap(spool.read(buffer, position), (count): typeof next => {
        position += count
        return count === 0 ? Cause.done() : Effect.succeed([buffer.subarray(0, count)])
      })
    })
    return Stream.fromPull(Effect.succeed(next))
  })
