import * as NodeStream from "@effect/platform-node-shared/NodeStream"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Http from "node:http"
import * as Net from "node:net"
import type { Readable } from "node:stream"
import type * as Errors from "../../Errors.ts"
import { collect, isFine, isReset, longestAnswer, longestRefusal } from "./answer.ts"
import { incoming } from "./body.ts"
import * as Call from "./call.ts"
import { type Client, type Request, segment } from "./call.ts"
import { cut, fromCause, fromResponse, late, reason } from "./errors.ts"

export { type Client, type Request, segment }

/** Sends it and waits for the answer's head. The scope ends the exchange, and an interruption. */
const exchange = Effect.fnUntraced(function*<E>(
  client: Client,
  request: Request<E>,
  options: { readonly hijack: boolean }
): Effect.fn.Return<Call.Call<E>, Errors.Reason | E, Scope.Scope> {
  const scope = yield* Effect.scope
  const call = Call.make<E>()
  // Before there is anything to end, so that there is no moment at which it would be missed.
  yield* Scope.addFinalizer(scope, Effect.sync(() => Call.close(call)))

  const { archive } = request
  let file: Readable | Buffer | undefined
  if (archive !== undefined) {
    const readable = yield* NodeStream.toReadable(Stream.onError(archive, (cause) =>
      Effect.sync(() => {
        call.failure = cause
      })))
    // The modem listens only once the connection is there.
    readable.on("error", () => {})
    yield* Scope.addFinalizer(scope, Effect.sync(() => void readable.destroy()))
    file = readable
  } else if (options.hijack && request.json === undefined) {
    // Otherwise the modem sends an empty chunked body, whose end could be taken for the process's input.
    file = Buffer.alloc(0)
  }

  const sent = Effect.callback<void, Errors.Reason | E>((resume) => {
    const failed = (cause: unknown) =>
      Effect.suspend((): Effect.Effect<never, Errors.Reason | E> =>
        call.failure === undefined
          ? Effect.fail(fromCause(request.operation, cause))
          : Effect.failCause(call.failure)
      )
    Call.dial(client, request, call, { file, hijack: options.hijack }, (cause, response) => {
      resume(response === undefined ? failed(cause) : Effect.void)
    })
    return Effect.sync(() => Call.close(call))
  })
  // The other side may close a connection that is kept at the very moment in which it is used again.
  yield* request.method === "GET" ? Effect.retry(sent, { times: 1, while: isReset }) : sent
  return call
})

const bodyOf = <E>(
  operation: string,
  call: Call.Call<E>,
  response: Http.IncomingMessage
): Stream.Stream<Uint8Array, Errors.Reason | E> =>
  incoming<E>(response, {
    operation,
    isComplete: () => response.complete,
    unreadable: () => call.unreadable,
    failure: () => call.failure
  })

const text = <E>(operation: string, body: Stream.Stream<Uint8Array, E>): Effect.Effect<string, E | Errors.Protocol> =>
  Effect.suspend(() => {
    const chunks: Array<Uint8Array> = []
    let size = 0
    return body.pipe(
      Stream.runForEachArray((some) => {
        for (const chunk of some) {
          chunks.push(chunk)
          size += chunk.length
        }
        return size <= longestAnswer ? Effect.void : Effect.fail(reason("Protocol", {
          operation,
          message: `the engine's answer is longer than ${longestAnswer} bytes`
        }))
      }),
      Effect.map(() => Buffer.concat(chunks).toString("utf8"))
    )
  })

const refused = <E>(
  client: Client,
  operation: string,
  call: Call.Call<E>,
  response: Http.IncomingMessage
): Effect.Effect<never, Errors.Reason | E> =>
  Effect.suspend(() => {
    const chunks: Array<Uint8Array> = []
    let size = 0
    return bodyOf(operation, call, response).pipe(
      Stream.takeUntil((chunk) => {
        chunks.push(chunk)
        return (size += chunk.length) >= longestRefusal
      }),
      Stream.runDrain,
      Effect.timeoutOption(client.requestTimeout),
      // What it did say is worth more than that it was cut off, or did not end.
      Effect.ignore,
      Effect.andThen(Effect.suspend(() =>
        Effect.fail(fromResponse(operation, response.statusCode ?? 0, Buffer.concat(chunks).toString("utf8")))
      ))
    )
  })

/** An answer whose body is still to come. */
export interface Answer<E> {
  readonly status: number
  readonly headers: Http.IncomingHttpHeaders
  readonly body: Stream.Stream<Uint8Array, Errors.Reason | E>
}

/** Sends a request; fails as the engine says when it says no. The body lives in the scope, and has no deadline. */
export const open = Effect.fnUntraced(function*<E = never>(
  client: Client,
  request: Request<E>
): Effect.fn.Return<Answer<E>, Errors.Reason | E, Scope.Scope> {
  const call = yield* exchange(client, request, { hijack: false })
  const { response } = call
  if (!(response instanceof Http.IncomingMessage)) return yield* cut(request.operation)
  if (!isFine(response.statusCode) && response.statusCode !== request.answer) {
    return yield* refused(client, request.operation, call, response)
  }
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: bodyOf(request.operation, call, response)
  }
})

const withDeadline = <A, E, R>(
  operation: string,
  deadline: number | undefined,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | Errors.TimedOut, R> =>
  deadline === undefined ? effect : Effect.timeoutOrElse(effect, {
    duration: deadline,
    orElse: () => Effect.fail(late(operation, deadline))
  })

/** Milliseconds; `"none"` for an answer that may take any time. */
type Deadline = { readonly deadline?: number | "none" | undefined }

const deadlineOf = (client: Client, options?: Deadline): number | undefined =>
  options?.deadline === "none" ? undefined : options?.deadline ?? client.requestTimeout

const isWithoutArchive = <E>(request: Request<E>): request is Request<never> => request.archive === undefined

/** Sends a request and gives the whole body of the answer. Fails `TimedOut` when it is not there in time. */
export const send = <E = never>(
  client: Client,
  request: Request<E>,
  options?: Deadline
): Effect.Effect<string, Errors.Reason | E> =>
  isWithoutArchive(request)
    ? collect(client, request, deadlineOf(client, options))
    : withDeadline(
      request.operation,
      deadlineOf(client, options),
      Effect.scoped(Effect.flatMap(open(client, request), ({ body }) => text(request.operation, body)))
    )

/** Reads one JSON value; `Protocol` when it is none, or not what a schema asks for. */
export const decoded = <A>(
  operation: string,
  body: string,
  decode: (input: unknown) => Result.Result<A, { readonly message: string }>
): Effect.Effect<A, Errors.Protocol> => {
  const odd = (message: string) => Effect.fail(reason("Protocol", { operation, message }))
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch {
    return odd(`the engine's answer is not JSON: ${JSON.stringify(body.slice(0, 100))}`)
  }
  const result = decode(json)
  return Result.isSuccess(result)
    ? Effect.succeed(result.success)
    : odd(`the engine's answer is not of the form that its API says: ${result.failure.message}`)
}

/** {@link send}, and the answer's JSON as a schema decodes it. */
export const ask = <A, E = never>(
  client: Client,
  request: Request<E>,
  decode: (input: unknown) => Result.Result<A, { readonly message: string }>,
  options?: Deadline
): Effect.Effect<A, Errors.Reason | E> =>
  Effect.flatMap(send(client, request, options), (body) => decoded(request.operation, body, decode))

/** Sends a request and gives the body of the answer as it arrives. Whoever stops reading ends the exchange. */
export const stream = <E = never>(
  client: Client,
  request: Request<E>
): Stream.Stream<Uint8Array, Errors.Reason | E> => Stream.unwrap(Effect.map(open(client, request), ({ body }) => body))

/** Sends a request that turns the connection into a process's input and output. It lives in the scope. */
export const hijack = Effect.fnUntraced(function*(
  client: Client,
  request: Request
): Effect.fn.Return<Net.Socket, Errors.Reason, Scope.Scope> {
  const call = yield* withDeadline(
    request.operation,
    client.requestTimeout,
    exchange(client, request, { hijack: true })
  )
  const { response } = call
  if (response instanceof Net.Socket) return response
  if (response === undefined) return yield* cut(request.operation)
  if (!isFine(response.statusCode)) return yield* refused(client, request.operation, call, response)
  return yield* reason("Protocol", {
    operation: request.operation,
    message: `the engine answered HTTP ${response.statusCode} in place of handing over the connection`
  })
})
