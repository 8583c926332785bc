import * as Effect from "effect/Effect"
import * as Http from "node:http"
import type * as Errors from "../../Errors.ts"
import { broke } from "./body.ts"
import * as Call from "./call.ts"
import { cut, fromCause, fromResponse, late, reason } from "./errors.ts"

/** An answer that is one value is never longer: bytes. */
export const longestAnswer = 64 * 1024 * 1024

/** Of an answer that says no, this much is read: bytes. */
export const longestRefusal = 64 * 1024

export const isFine = (status: number | undefined): boolean =>
  status !== undefined && status >= 200 && (status < 300 || status === 304)

/** The other side may close a connection that is kept at the very moment in which it is used again. */
export const isReset = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "code" in error &&
  (error.code === "ECONNRESET" || error.code === "EPIPE")

/**
 * A request whose answer is one value: the whole body as text. It is what most requests of a run are, and so it is done in
 * one step, without a scope, a stream or a race for the deadline (milliseconds; `undefined`: none).
 */
export const collect = (
  client: Call.Client,
  request: Call.Request,
  deadline: number | undefined
): Effect.Effect<string, Errors.Reason> =>
  Effect.callback((resume) => {
    const { operation } = request
    const call = Call.make<never>()
    const chunks: Array<Uint8Array> = []
    let size = 0
    let timer: NodeJS.Timeout | undefined
    let isOver = false
    const text = () => Buffer.concat(chunks).toString("utf8")
    const finish = (result: Effect.Effect<string, Errors.Reason>) => {
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      Call.close(call)
      resume(result)
    }
    const fail = (error: Errors.Reason) => finish(Effect.fail(error))

    /** What an engine did say is worth more than that it was cut off, or did not end. */
    const refused = (response: Http.IncomingMessage) => {
      const refuse = () => fail(fromResponse(operation, response.statusCode ?? 0, text()))
      clearTimeout(timer)
      timer = setTimeout(refuse, Math.min(client.requestTimeout, deadline ?? Infinity))
      response.on("data", (chunk: Uint8Array) => {
        chunks.push(chunk)
        if ((size += chunk.length) >= longestRefusal) refuse()
      })
      response.on("end", refuse).on("error", refuse).on("close", refuse)
    }
    const fine = (response: Http.IncomingMessage) => {
      response.on("data", (chunk: Uint8Array) => {
        chunks.push(chunk)
        if ((size += chunk.length) <= longestAnswer) return
        fail(reason("Protocol", { operation, message: `the engine's answer is longer than ${longestAnswer} bytes` }))
      })
      response.on("end", () => response.complete ? finish(Effect.succeed(text())) : fail(cut(operation)))
      response.on("error", (cause) => fail(broke(operation, cause, call.unreadable)))
      response.on("close", () => {
        if (!isOver) fail(cut(operation))
      })
    }
    const send = (isAgain: boolean): void =>
      Call.dial(client, request, call, {}, (cause, response) => {
        if (isOver) return
        if (response === undefined) {
          return request.method === "GET" && !isAgain && isReset(cause) ? send(true) : fail(fromCause(operation, cause))
        }
        if (!(response instanceof Http.IncomingMessage)) return fail(cut(operation))
        return isFine(response.statusCode) || response.statusCode === request.answer
          ? fine(response)
          : refused(response)
      })
    if (deadline !== undefined) timer = setTimeout(() => fail(late(operation, deadline)), deadline)
    send(false)
    return Effect.sync(() => {
      isOver = true
      clearTimeout(timer)
      Call.close(call)
    })
  })
