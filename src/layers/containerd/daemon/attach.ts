import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import type * as Errors from "../../../Errors.ts"
import { reason } from "../errors.ts"
import type { Said } from "./plan.ts"

const Line = Schema.fromJsonString(Schema.Union([
  Schema.Struct({ is: Schema.Literal("ready"), socket: Schema.String, started: Schema.Finite }),
  Schema.Struct({ is: Schema.Literal("failed"), message: Schema.String })
]))
const decode: (line: string) => Result.Result<Said, Schema.SchemaError> = Schema.decodeUnknownResult(Line)

/** A private engine whose user we are. */
export interface Attached {
  readonly socket: string
  /** Milliseconds since the epoch: no container that runs is older. */
  readonly started: number
  /** Its keeper went away before we did, so nobody has cleared up. */
  readonly isLost: () => boolean
}

/** How long a keeper may take to take everything down: milliseconds. */
const patience = 30_000

/** Says that we leave. If we are the last one, the answer comes when nothing is left. */
const leave = (socket: Net.Socket): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (socket.closed) return resume(Effect.void)
    socket.once("close", () => resume(Effect.void))
    socket.ref().resume().end()
  }).pipe(
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () => Effect.logWarning("the keeper of the private engine does not end")
    }),
    Effect.ensuring(Effect.sync(() => socket.destroy()))
  )

/**
 * Becomes a user of the engine behind a keeper's socket, until the scope closes, and waits until it is ready. `undefined`:
 * there is no keeper, or it is about to end.
 */
export const attach = (path: string): Effect.Effect<Attached | undefined, Errors.Reason, Scope.Scope> =>
  Effect.gen(function*() {
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const socket = Net.connect({ path, allowHalfOpen: true })
        // Its closing says the same.
        socket.on("error", () => undefined)
        return socket
      }),
      leave
    )
    const said = yield* Effect.callback<Said | undefined, Errors.Reason>((resume) => {
      let text = ""
      const onData = (bytes: Buffer) => {
        text += bytes.toString("latin1")
        const end = text.indexOf("\n")
        if (end === -1) return
        const result = decode(Buffer.from(text.slice(0, end), "latin1").toString())
        resume(
          Result.isSuccess(result)
            ? Effect.succeed(result.success)
            : Effect.fail(
              reason("Protocol", { operation: "connect", message: `${path} is not the socket of a keeper` })
            )
        )
      }
      const onEnd = () => resume(Effect.undefined)
      socket.on("data", onData).once("end", onEnd).once("close", onEnd)
      return Effect.sync(() => socket.off("data", onData).off("end", onEnd).off("close", onEnd))
    })
    if (said === undefined) return undefined
    if (said.is === "failed") {
      return yield* reason("Unavailable", { operation: "connect", message: said.message })
    }
    let isLost = false
    socket.once("close", () => {
      isLost = true
    })
    // The other side only ends when it goes; what it says of a daemon that it had to start again is of no use here.
    socket.once("end", () => socket.end()).resume().unref()
    return { socket: said.socket, started: said.started, isLost: () => isLost }
  })
