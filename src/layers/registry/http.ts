import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as Http from "node:http"
import * as Https from "node:https"
import type * as Net from "node:net"
import type * as Errors from "../../Errors.ts"
import { agents } from "./agents.ts"
import { incoming } from "./body.ts"
import type { Settings } from "./config.ts"
import { broken, cut, late, type Subject, unreachable } from "./errors.ts"
import { write } from "./outgoing.ts"

/** What is sent along. The stream is run again when the request is. */
export interface Body<E> {
  readonly size: number
  readonly stream: Stream.Stream<Uint8Array, E>
}

/** One request, and nothing of what its answer may ask for. */
export interface Request<E = never> {
  readonly subject: Subject
  readonly method: "GET" | "HEAD" | "POST" | "PUT"
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Body<E> | undefined
  /** Milliseconds from the request's end to the answer's beginning, if not the configured ones. */
  readonly answerTimeout?: number | undefined
}

/** An answer whose body is still to come. */
export interface Answer {
  /** Whoever gave it in the end. */
  readonly subject: Subject
  readonly url: URL
  readonly status: number
  readonly headers: Http.IncomingHttpHeaders
  readonly body: Stream.Stream<Uint8Array, Errors.Reason>
}

/** Sends requests. */
export interface Transport {
  readonly settings: Settings
  /** The exchange lives in the scope, which closes the connection unless the answer was read to its end. */
  readonly send: <E = never>(request: Request<E>) => Effect.Effect<Answer, Errors.Reason | E, Scope.Scope>
}

interface Call {
  readonly request: Http.ClientRequest
  readonly connected: Deferred.Deferred<void, Errors.Reason>
  readonly answered: Deferred.Deferred<Http.IncomingMessage, Errors.Reason>
  response: Http.IncomingMessage | undefined
}

const open = (request: Request<unknown>, agent: Http.Agent): Call => {
  const { headers, method, subject, url } = request
  const isTls = url.protocol === "https:"
  const call: Call = {
    request: (isTls ? Https : Http).request(url, { method, headers, agent }),
    connected: Deferred.makeUnsafe(),
    answered: Deferred.makeUnsafe(),
    response: undefined
  }
  const failed = (reason: Errors.Reason) => {
    Deferred.doneUnsafe(call.connected, Effect.fail(reason))
    Deferred.doneUnsafe(call.answered, Effect.fail(reason))
  }
  call.request.on("socket", (socket: Net.Socket) => {
    const connected = () => Deferred.doneUnsafe(call.connected, Effect.void)
    if (call.request.reusedSocket) connected()
    else socket.once(isTls ? "secureConnect" : "connect", connected)
  })
  call.request.on("response", (response) => {
    call.response = response
    // Whoever reads it hears of its errors; a connection may break before anybody does.
    response.on("error", () => {})
    Deferred.doneUnsafe(call.connected, Effect.void)
    Deferred.doneUnsafe(call.answered, Effect.succeed(response))
  })
  call.request.on("error", (cause) => failed(broken(subject, cause)))
  call.request.on("close", () => failed(cut(subject)))
  return call
}

const close = ({ request, response }: Call): void => {
  // One that is done with has given its connection back for the next request.
  if (response?.complete === true && response.readableEnded && request.writableFinished) return
  request.destroy()
}

const exchange = Effect.fnUntraced(function*<E>(
  settings: Settings,
  request: Request<E>,
  agent: Http.Agent
): Effect.fn.Return<Answer, Errors.Reason | E, Scope.Scope> {
  const { body, subject, url } = request
  const scope = yield* Effect.scope
  const call = yield* Effect.uninterruptible(
    Effect.try({ try: () => open(request, agent), catch: (cause) => broken(subject, cause) }).pipe(
      Effect.tap((call) => Scope.addFinalizer(scope, Effect.sync(() => close(call))))
    )
  )
  const { connectTimeout, stallTimeout } = settings
  if (body === undefined) call.request.end()
  yield* Effect.timeoutOrElse(Deferred.await(call.connected), {
    duration: connectTimeout,
    orElse: () => Effect.fail(unreachable(subject, connectTimeout))
  })
  const deadline = request.answerTimeout ?? settings.answerTimeout
  const answered = Effect.timeoutOrElse(Deferred.await(call.answered), {
    duration: deadline,
    orElse: () => Effect.fail(late(subject, deadline))
  })
  // A registry may say no before it has heard everything.
  const response = yield* body === undefined ? answered : Effect.raceFirst(
    Deferred.await(call.answered),
    Effect.andThen(write(call.request, { ...body, subject, stallTimeout }), answered)
  )
  return {
    subject,
    url,
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: incoming(subject, response, stallTimeout)
  }
})

/** Its connections, kept for the next request, live in the scope. */
export const make = Effect.fnUntraced(function*(settings: Settings): Effect.fn.Return<Transport, never, Scope.Scope> {
  const agentOf = yield* agents(settings)
  return {
    settings,
    send: (request) =>
      Effect.flatMap(agentOf(request.subject, request.url), (agent) => exchange(settings, request, agent))
  }
})
