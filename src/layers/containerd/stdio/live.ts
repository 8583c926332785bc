import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type * as Net from "node:net"
import type * as Errors from "../../../Errors.ts"
import type { Frame } from "../../../Logs.ts"
import type { Source } from "../../../Output.ts"
import { fromCause } from "../errors.ts"

type Frames = Arr.NonEmptyReadonlyArray<Frame>
type Next = Pull.Pull<Frames, Errors.Reason>

/** So much is read ahead of the consumer before the container has to wait: bytes. */
const readAhead = 1024 * 1024

/** What a process writes, as it arrives. */
export interface Live {
  /** Single use: a second run goes on where the first one stopped. */
  readonly output: Stream.Stream<Frame, Errors.Reason>
  /** Done when all has been read, or nobody will read any more. */
  readonly drained: Deferred.Deferred<void>
}

/**
 * The frames of one or two pipes, in the order in which they are read. Two pipes have no order of their own: what was
 * written to both within one turn of the event loop may come the other way round.
 */
export const make = (
  operation: string,
  pipes: ReadonlyArray<{ readonly source: Source; readonly socket: Net.Socket }>
): Live => {
  const drained = Deferred.makeUnsafe<void>()
  let frames: Array<Frame> = []
  let size = 0
  let open = pipes.length
  let isReading = false
  let failure: Errors.Reason | undefined
  let waiter: ((next: Next) => void) | undefined

  const end = (): Next => failure === undefined ? Cause.done() : Effect.fail(failure)
  const take = (): Next => {
    const out = frames
    frames = []
    size = 0
    for (const { socket } of pipes) if (socket.isPaused()) socket.resume()
    return Arr.isArrayNonEmpty(out) ? Effect.succeed(out) : open === 0 ? end() : wait
  }
  const wake = () => {
    if (waiter === undefined || (frames.length === 0 && open > 0)) return
    const waiting = waiter
    waiter = undefined
    waiting(take())
  }
  const wait: Next = Effect.callback((resume) => {
    waiter = resume
    wake()
    return Effect.sync(() => {
      waiter = undefined
    })
  })

  for (const { socket } of pipes) {
    let isOpen = true
    const closed = () => {
      if (!isOpen) return
      isOpen = false
      open--
      if (open === 0) Deferred.doneUnsafe(drained, Effect.void)
      wake()
    }
    socket.on("end", closed)
    socket.on("close", closed)
    socket.on("error", (cause) => {
      failure ??= fromCause(operation, cause)
      closed()
    })
  }
  if (open === 0) Deferred.doneUnsafe(drained, Effect.void)

  const read = () => {
    if (isReading) return
    isReading = true
    for (const { socket, source } of pipes) {
      socket.on("data", (bytes: Uint8Array) => {
        if (bytes.length === 0) return
        frames.push({ source, bytes })
        size += bytes.length
        if (waiter !== undefined) wake()
        else if (size >= readAhead) { for (const { socket } of pipes) socket.pause() }
      })
      socket.resume()
    }
  }
  const pull: Next = Effect.suspend(() => {
    read()
    return frames.length > 0 ? take() : open === 0 ? end() : wait
  })
  return { output: Stream.fromPull(Effect.succeed(pull)), drained }
}
