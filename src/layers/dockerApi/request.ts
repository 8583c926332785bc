import * as NodeStream from "@effect/platform-node-shared/NodeStream"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Http from "node:http"
import * as Net from "node:net"
import type { Readable } from "node:stream"
import { inspect } from "node:util"
import type * as Errors from "../../Errors.ts"
import { incoming } from "./body.ts"
import type { Connection } from "./connection.ts"
import { cut, fromCause, fromResponse, late, reason } from "./errors.ts"

type Scalar = string | number | boolean | undefined

/** A request to an engine. */
export interface Request<E = never> {
  /** For errors: which operation of the backend this is a part of. */
  readonly operation: string
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE"
  /** Below the API's version, its parts encoded. */
  readonly path: string
  /** What is `undefined` is left out; a list is a parameter that is repeated. */
  readonly query?: Readonly<Record<string, Scalar | ReadonlyArray<string>>> | undefined
  readonly json?: object | undefined
  /** A tar archive to send. */
  readonly archive?: Stream.Stream<Uint8Array, E> | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** A status of a refusal that is an answer too. */
  readonly answer?: number | undefined
}

/** An engine to ask: a connection, and the version of the API that was agreed on. */
export interface Client {
  readonly connection: Connection
  /** `"1.41"`; `undefined` before it was agreed on. */
  readonly apiVersion: string | undefined
  /** Milliseconds within which an answer that needs no waiting must be there. */
  readonly requestTimeout: number
  readonly isPodman: boolean
}

/** A part of a path. A `/` stays: an image's name is several. */
export const segment = (text: string): string => text.split("/").map(encodeURIComponent).join("/")

/** Whatever its status, a response is judged here and not in the modem, which does not look at how a body ends. */
const everyStatus: Readonly<Record<number, true>> = Object.fromEntries(
  Array.from({ length: 500 }, (_, i) => [100 + i, true])
)

/** A request on its way, or answered. */
interface Call<E> {
  readonly controller: AbortController
  response: Http.IncomingMessage | Net.Socket | undefined
  /** What came after its head and is no HTTP. */
  unreadable: unknown
  /** Why there is no more to send. */
  failure: Cause.Cause<E> | undefined
}

const hide = (headers: Record<string, string>): Record<string, string> =>
  // Credentials are in them, and the modem prints its options.
  Object.defineProperty(headers, inspect.custom, { value: () => "headers" })

const close = (call: Call<unknown>): void => {
  const { response } = call
  // One that was read to its end has given its connection back for the next request.
  if (response instanceof Http.IncomingMessage && response.complete && response.readableEnded) return
  call.controller.abort()
  response?.destroy()
}

/** A body that is no HTTP breaks the connection, and only the request is told why. */
const watchParser = (call: Call<unknown>, response: Http.IncomingMessage): void => {
  if (!("req" in response) || !(response.req instanceof Http.ClientRequest)) return
  response.req.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code?.startsWith("HPE_") === true) call.unreadable = error
  })
}

const isReset = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "code" in error &&
  (error.code === "ECONNRESET" || error.code === "EPIPE")

/** Sends it and waits for the answer's head. The scope ends the exchange, and an interruption. */
const exchange = Effect.fnUntraced(function*<E>(
  client: Client,
  request: Request<E>,
  options: { readonly hijack: boolean }
): Effect.fn.Return<Call<E>, Errors.Reason | E, Scope.Scope> {
  const scope = yield* Effect.scope
  // Not aborted by the scope's end as such: a connection that is done with is kept.
  const call: Call<E> = {
    // @effect-diagnostics-next-line abortControllerInEffect:off
    controller: new AbortController(),
    response: undefined,
    unreadable: undefined,
    failure: undefined
  }
  // Before there is anything to end, so that there is no moment at which it would be missed.
  yield* Scope.addFinalizer(scope, Effect.sync(() => close(call)))

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

  const query = Object.fromEntries(
    Object.entries(request.query ?? {}).filter(([, value]) => value !== undefined)
  )
  const version = client.apiVersion === undefined ? "" : `/v${client.apiVersion}`
  const path = `${client.connection.prefix}${version}${request.path}`
  const sent = Effect.callback<void, Errors.Reason | E>((resume) => {
    const failed = (cause: unknown) =>
      Effect.suspend((): Effect.Effect<never, Errors.Reason | E> =>
        call.failure === undefined
          ? Effect.fail(fromCause(request.operation, cause))
          : Effect.failCause(call.failure)
      )
    client.connection.dial({
      // The modem wants the "?" to be there when there is a query, and only then.
      path: Object.keys(query).length > 0 ? `${path}?` : path,
      method: request.method,
      options: { _query: query, _body: request.json ?? {} },
      file,
      headers: hide({
        ...(file === undefined ? {} : { "Content-Type": archive === undefined ? "text/plain" : "application/x-tar" }),
        ...request.headers
      }),
      abortSignal: call.controller.signal,
      isStream: true,
      hijack: options.hijack,
      statusCodes: everyStatus
    }, (error, result) => {
      if (error !== null && error !== undefined) return resume(failed(error))
      if (!(result instanceof Http.IncomingMessage || result instanceof Net.Socket)) {
        return resume(failed(new Error("the engine's answer is of an unknown kind")))
      }
      call.response = result
      // From here on nobody may be missing who hears that the connection broke.
      result.on("error", () => {})
      if (result instanceof Http.IncomingMessage) watchParser(call, result)
      if (call.controller.signal.aborted) result.destroy()
      resume(Effect.void)
    })
    return Effect.sync(() => close(call))
  })
  // The other side may close a connection that is kept at the very moment in which it is used again.
  yield* request.method === "GET" ? Effect.retry(sent, { times: 1, while: isReset }) : sent
  return call
})

const bodyOf = <E>(
  operation: string,
  call: Call<E>,
  response: Http.IncomingMessage
): Stream.Stream<Uint8Array, Errors.Reason | E> =>
  incoming<E>(response, {
    operation,
    isComplete: () => response.complete,
    unreadable: () => call.unreadable,
    failure: () => call.failure
  })

/** An answer that is one value is never longer: bytes. */
const longestAnswer = 64 * 1024 * 1024

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

/** Of an answer that says no, this much is read: bytes. */
const longestRefusal = 64 * 1024

const refused = <E>(
  client: Client,
  operation: string,
  call: Call<E>,
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

const isFine = (status: number | undefined): boolean =>
  status !== undefined && status >= 200 && (status < 300 || status === 304)

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

/** Sends a request and gives the whole body of the answer. Fails `TimedOut` when it is not there in time. */
export const send = <E = never>(
  client: Client,
  request: Request<E>,
  options?: Deadline
): Effect.Effect<string, Errors.Reason | E> =>
  withDeadline(
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
