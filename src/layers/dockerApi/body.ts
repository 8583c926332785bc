import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type * as Net from "node:net"
import type { Readable } from "node:stream"
import type * as Errors from "../../Errors.ts"
import { cut, fromCause } from "./errors.ts"

type Bytes = Arr.NonEmptyReadonlyArray<Uint8Array>

/** So much is read ahead of the consumer before the other side has to wait: bytes. */
const readAhead = 1024 * 1024

/**
 * So much is given at once, or little more: bytes. Who makes many small things of it, such as lines, would otherwise make so
 * many that they outlive the collection of young garbage, and cost three times as much.
 */
const most = 256 * 1024

/** What is known of a connection besides its bytes. */
export interface Watch<E> {
  readonly operation: string
  /** Whether the answer is complete, asked when it ends. */
  readonly isComplete: () => boolean
  /** Fails where only the engine can say that this was not the end yet, asked when it is read. */
  readonly atEnd?: Effect.Effect<void, Errors.Reason> | undefined
  /** Whether this failure is just the way in which the other side ends. */
  readonly isEnd?: ((cause: unknown) => boolean) | undefined
  /** What could not be read, where that ended the connection. */
  readonly unreadable?: (() => unknown) | undefined
  /** A failure that comes before the connection's: what was sent has failed. */
  readonly failure?: (() => Cause.Cause<E> | undefined) | undefined
}

/**
 * What arrives, all that came since the last pull as one array. Watches the readable from now on, reads from the first
 * pull on. Single use: a second run goes on where the first one stopped.
 */
export const incoming = <E = never>(
  readable: Readable,
  watch: Watch<E>
): Stream.Stream<Uint8Array, Errors.Reason | E> => {
  type Next = Pull.Pull<Bytes, Errors.Reason | E>
  let buffer: Array<Uint8Array> = []
  let size = 0
  let isReading = false
  let last: Next | undefined
  let waiter: ((next: Next) => void) | undefined

  const take = (): Next => {
    let out = buffer
    if (size <= most) {
      buffer = []
      size = 0
    } else {
      let count = 0
      for (let bytes = 0; bytes < most; count++) bytes += out[count]!.length
      buffer = out.slice(count)
      out = out.slice(0, count)
      for (const chunk of out) size -= chunk.length
    }
    if (readable.isPaused()) readable.resume()
    return Arr.isArrayNonEmpty(out) ? Effect.succeed(out) : last ?? wait
  }
  const wake = () => {
    const waiting = waiter
    if (waiting === undefined || (buffer.length === 0 && last === undefined)) return
    waiter = undefined
    waiting(buffer.length > 0 ? take() : last!)
  }
  const end = (next: Next) => {
    last ??= next
    wake()
  }
  const done: Next = watch.atEnd === undefined ? Cause.done() : Effect.andThen(watch.atEnd, Cause.done())
  const fail = (reason: () => Errors.Reason): Next =>
    Effect.suspend((): Next => {
      const failure = watch.failure?.()
      return failure === undefined ? Effect.fail(reason()) : Effect.failCause(failure)
    })
  const cutOff = fail(() => cut(watch.operation))

  readable.on("end", () => end(watch.isComplete() ? done : cutOff))
  const broken = (cause: unknown) =>
    end(
      watch.isEnd?.(cause) === true
        ? done
        : fail(() => broke(watch.operation, cause, watch.unreadable?.()))
    )
  readable.on("error", broken)
  // After "end" this changes nothing.
  readable.on("close", () => end(cutOff))
  // It was over before anybody listened.
  if (readable.errored !== null) broken(readable.errored)
  else if (readable.destroyed) end(cutOff)

  const wait: Next = Effect.callback((resume) => {
    waiter = resume
    wake()
    return Effect.sync(() => {
      waiter = undefined
    })
  })
  const read = () => {
    if (isReading) return
    isReading = true
    readable.on("data", (chunk: Uint8Array) => {
      if (chunk.length === 0) return
      buffer.push(chunk)
      size += chunk.length
      // What else has arrived is given with it: waking the consumer for each read takes longer than the reading.
      if (waiter !== undefined && size === chunk.length) setImmediate(wake)
      if (size >= readAhead) readable.pause()
    })
  }
  const pull: Next = Effect.suspend(() => {
    read()
    return buffer.length > 0 ? take() : last ?? wait
  })
  return Stream.fromPull(Effect.succeed(pull))
}

/** Why a body broke off: by what could not be read of it, if something could not. */
export const broke = (operation: string, cause: unknown, unreadable: unknown): Errors.Reason =>
  !isAborted(cause)
    ? fromCause(operation, cause)
    : unreadable === undefined
    ? cut(operation)
    : fromCause(operation, unreadable)

/** How Node says that a response was cut off. */
const isAborted = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause && cause.code === "ECONNRESET" && cause.message === "aborted"

const EOT = Uint8Array.of(4)
const NEWLINE = 10

/**
 * Makes a socket outlive a write that fails. A process that ends without reading all of its input makes the engine close
 * the connection; by Node's rules the failing write would destroy the socket and with it the output that has arrived and
 * was not read yet. Gives what the write failed with.
 */
const shielded = (socket: Net.Socket): () => unknown => {
  let failure: unknown
  const write = socket._write.bind(socket)
  const final = socket._final.bind(socket)
  socket._write = (chunk, encoding, callback) =>
    write(chunk, encoding, (error) => {
      failure ??= error ?? undefined
      callback()
    })
  // Without it, Node takes `_write` for each piece.
  Object.defineProperty(socket, "_writev", { value: undefined, configurable: true })
  socket._final = (callback) =>
    final((error) => {
      failure ??= error ?? undefined
      callback()
    })
  return () => failure
}

/**
 * Writes to a connection, as fast as the other side takes it, and closes that half of it at the end: the process sees the
 * end of its input, its output goes on. A terminal has no halves: there the end is said as a person would, with ^D.
 */
export const outgoing = (
  socket: Net.Socket,
  options: { readonly operation: string; readonly tty: boolean; readonly onWrite: () => void }
): Sink.Sink<void, Uint8Array, never, Errors.Reason> => {
  const failure = shielded(socket)
  let lastByte = NEWLINE

  const flushed = (write: (done: () => void) => void): Effect.Effect<void, Errors.Reason> =>
    Effect.callback<void, Errors.Reason>((resume) => {
      const closed = () => resume(Effect.fail(cut(options.operation)))
      const done = () => {
        socket.off("close", closed)
        const cause = failure()
        resume(cause === undefined ? Effect.void : Effect.fail(fromCause(options.operation, cause)))
      }
      if (socket.destroyed || !socket.writable) return closed()
      options.onWrite()
      socket.once("close", closed)
      write(done)
      return Effect.sync(() => {
        socket.off("close", closed)
      })
    })
  const send = (chunks: ReadonlyArray<Uint8Array>): Effect.Effect<void, Errors.Reason> => {
    const full = chunks.filter((chunk) => chunk.length > 0)
    if (full.length === 0) return Effect.void
    lastByte = full.at(-1)!.at(-1)!
    return flushed((done) => {
      for (let i = 0; i < full.length - 1; i++) socket.write(full[i]!)
      socket.write(full.at(-1)!, () => done())
    })
  }
  const close = Effect.suspend(() =>
    options.tty
      // In the middle of a line the first one only flushes the line.
      ? send(lastByte === NEWLINE ? [EOT] : [EOT, EOT])
      : flushed((done) => socket.end(() => done()))
  )
  return Sink.mapEffect(Sink.forEachArray(send), () => close)
}
