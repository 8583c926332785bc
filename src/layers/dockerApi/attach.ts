import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type * as Net from "node:net"
import type { Attachment } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import { incoming, outgoing } from "./body.ts"
import { detachKeys } from "./detach.ts"
import { frames } from "./frames.ts"
import { withoutNotice } from "./notice.ts"
import * as Podman from "./podman.ts"
import { type Client, hijack, segment } from "./request.ts"

/** How an engine closes a connection whose other half still has input that nobody will read. */
const isReset = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause && (cause.code === "ECONNRESET" || cause.code === "EPIPE")

/** A connection that an engine has handed over, as a process's input and output. */
export const attachment = (
  socket: Net.Socket,
  options: {
    readonly operation: string
    readonly tty: boolean
    readonly output: boolean
    readonly isPodman: boolean
    /** Fails when the process has not ended: an engine closes the connection with its end. */
    readonly atEnd: Effect.Effect<void, Errors.Reason>
  }
): Attachment => {
  let isWritten = false
  const bytes = incoming(socket, {
    operation: options.operation,
    isComplete: () => true,
    atEnd: options.atEnd,
    isEnd: (cause) => isWritten && isReset(cause)
  })
  const stdin = outgoing(socket, {
    operation: options.operation,
    tty: options.tty,
    onWrite: () => {
      isWritten = true
    }
  })
  if (!options.output) {
    // Read all the same, so that its end is seen.
    socket.resume()
    return { output: Stream.empty, stdin }
  }
  const output = frames(bytes, { tty: options.tty })
  return { output: options.isPodman ? withoutNotice(output, { tty: options.tty }) : output, stdin }
}

/** Of a container that will not start. */
const none = (error: Errors.Reason): Attachment => ({ output: Stream.fail(error), stdin: Sink.fail(error) })

/** Subscribed to when it succeeds: the engine has answered, and it does so after it has subscribed. */
export const attach = (
  client: Client,
  id: string,
  options: {
    readonly stdin: boolean
    readonly output: boolean
    readonly tty: boolean
    readonly atEnd: Effect.Effect<void, Errors.Reason>
  }
): Effect.Effect<Attachment, Errors.Reason, Scope.Scope> =>
  hijack(client, {
    operation: "attach",
    method: "POST",
    path: `/containers/${segment(id)}/attach`,
    query: {
      stream: 1,
      stdin: options.stdin ? 1 : 0,
      stdout: options.output ? 1 : 0,
      stderr: options.output ? 1 : 0,
      detachKeys: detachKeys(options.tty && options.stdin)
    }
  }).pipe(
    Effect.map((socket) =>
      attachment(socket, {
        operation: "attach",
        tty: options.tty,
        output: options.output,
        isPodman: client.isPodman,
        atEnd: options.atEnd
      })
    ),
    Effect.catchIf(
      (error) => client.isPodman && Podman.isAboutStarting(error),
      (error) => Effect.succeed(none(error))
    )
  )
