import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Sink from "effect/Sink"
import type * as Net from "node:net"
import type * as Errors from "../../../Errors.ts"
import { fromCause, reason } from "../errors.ts"

const EOT = Uint8Array.of(4)
const NEWLINE = 10

const gone = (operation: string) =>
  reason("Unavailable", { operation, message: "nobody reads the standard input any more" })

/** Waits until the pipe has taken it all. */
const written = (
  operation: string,
  socket: Net.Socket,
  chunks: ReadonlyArray<Uint8Array>
): Effect.Effect<void, Errors.Reason> =>
  Effect.callback((resume) => {
    if (socket.destroyed) return resume(Effect.fail(gone(operation)))
    const closed = () => resume(Effect.fail(gone(operation)))
    socket.once("close", closed)
    let left = chunks.length
    for (const chunk of chunks) {
      socket.write(chunk, (error) => {
        left--
        if (error !== undefined && error !== null) resume(Effect.fail(fromCause(operation, error)))
        else if (left === 0) {
          socket.off("close", closed)
          resume(Effect.void)
        }
      })
    }
    return Effect.sync(() => {
      socket.off("close", closed)
    })
  })

/** Closes our end of the pipe. */
const ended = (socket: Net.Socket): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (socket.destroyed) return resume(Effect.void)
    const closed = () => resume(Effect.void)
    socket.once("close", closed)
    socket.destroySoon()
    return Effect.sync(() => {
      socket.off("close", closed)
    })
  })

/**
 * Standard input of a process. `opened` gives it once the process is started. `close` tells the shim that this was all:
 * closing the pipe alone would not, as the shim holds it open itself. A terminal is told as a person would, with ^D.
 */
export const sink = (options: {
  readonly operation: string
  readonly tty: boolean
  readonly opened: Deferred.Deferred<Net.Socket, Errors.Reason>
  readonly close: Effect.Effect<void, Errors.Reason>
}): Sink.Sink<void, Uint8Array, never, Errors.Reason> => {
  let lastByte = NEWLINE
  const send = (chunks: ReadonlyArray<Uint8Array>): Effect.Effect<void, Errors.Reason> => {
    const full = chunks.filter(({ length }) => length > 0)
    const last = full.at(-1)
    if (last === undefined) return Effect.void
    lastByte = last.at(-1) ?? NEWLINE
    return Effect.flatMap(Deferred.await(options.opened), (socket) => written(options.operation, socket, full))
  }
  const close = Effect.suspend(() =>
    options.tty
      // In the middle of a line the first one only flushes the line.
      ? send(lastByte === NEWLINE ? [EOT] : [EOT, EOT])
      : Effect.andThen(Effect.flatMap(Deferred.await(options.opened), ended), options.close)
  )
  return Sink.mapEffect(Sink.forEachArray(send), () => close)
}
