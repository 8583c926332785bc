import type * as Cause from "effect/Cause"
import type * as Stream from "effect/Stream"
import * as Http from "node:http"
import * as Net from "node:net"
import type { Readable } from "node:stream"
import { inspect } from "node:util"
import { type Connection, onRequest } from "./connection.ts"

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
export interface Call<E> {
  request: Http.ClientRequest | undefined
  response: Http.IncomingMessage | Net.Socket | undefined
  isClosed: boolean
  /** What came after its head and is no HTTP. */
  unreadable: unknown
  /** Why there is no more to send. */
  failure: Cause.Cause<E> | undefined
}

export const make = <E>(): Call<E> => ({
  request: undefined,
  response: undefined,
  isClosed: false,
  unreadable: undefined,
  failure: undefined
})

/** Ends it, wherever it is. One that was read to its end has given its connection back for the next request. */
export const close = (call: Call<unknown>): void => {
  const { request, response } = call
  if (response instanceof Http.IncomingMessage && response.complete && response.readableEnded) return
  call.isClosed = true
  request?.destroy()
  response?.destroy()
}

/** A body that is no HTTP breaks the connection, and only the request is told why. */
const watchParser = (call: Call<unknown>): void => {
  call.request?.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code?.startsWith("HPE_") === true) call.unreadable = error
  })
}

/** Sends it, and says what it is answered, or why it is not: once, or never when it is closed before. */
export const dial = <E>(
  client: Client,
  request: Request<E>,
  call: Call<E>,
  options: {
    /** What is sent, in place of the request's own JSON. */
    readonly file?: Readable | Buffer | undefined
    /** Turns the connection into a process's input and output. */
    readonly hijack?: boolean | undefined
  },
  answered: (cause: unknown, response: Http.IncomingMessage | Net.Socket | undefined) => void
): void => {
  const { file } = options
  const query = Object.fromEntries(
    Object.entries(request.query ?? {}).filter(([, value]) => value !== undefined)
  )
  const version = client.apiVersion === undefined ? "" : `/v${client.apiVersion}`
  const path = `${client.connection.prefix}${version}${request.path}`
  const headers: Record<string, string> = {
    ...(file === undefined
      ? {}
      : { "Content-Type": request.archive === undefined ? "text/plain" : "application/x-tar" }),
    ...request.headers
  }
  // Credentials are in them, and the modem prints its options.
  Object.defineProperty(headers, inspect.custom, { value: () => "headers" })
  Object.defineProperty(headers, onRequest, {
    value: (made: Http.ClientRequest) => {
      call.request = made
      if (call.isClosed) made.destroy()
    }
  })
  client.connection.dial({
    // The modem wants the "?" to be there when there is a query, and only then.
    path: Object.keys(query).length > 0 ? `${path}?` : path,
    method: request.method,
    options: { _query: query, _body: request.json ?? {} },
    file,
    headers,
    isStream: true,
    hijack: options.hijack === true,
    statusCodes: everyStatus
  }, (cause, result) => {
    if (cause !== null && cause !== undefined) return answered(cause, undefined)
    if (!(result instanceof Http.IncomingMessage || result instanceof Net.Socket)) {
      return answered(new Error("the engine's answer is of an unknown kind"), undefined)
    }
    call.response = result
    // From here on nobody may be missing who hears that the connection broke.
    result.on("error", () => {})
    if (result instanceof Http.IncomingMessage) watchParser(call)
    if (call.isClosed) result.destroy()
    answered(undefined, result)
  })
}
