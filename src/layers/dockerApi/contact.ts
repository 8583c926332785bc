import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Errors from "../../Errors.ts"
import type { Address } from "./address.ts"
import * as Connection from "./connection.ts"
import { type Candidate, candidates } from "./discover.ts"
import * as Environment from "./environment.ts"
import { late, reason } from "./errors.ts"
import * as Podman from "./podman.ts"
import { type Client, open } from "./request.ts"
import { isVersion, negotiate } from "./version.ts"

const operation = "connect"

/** Asks an engine whether it is one, and agrees on the version to speak. Nothing is kept open when it fails. */
const connect = Effect.fnUntraced(function*(
  candidate: Candidate,
  config: Address,
  environment: Environment.Environment
): Effect.fn.Return<Client, Errors.Reason, Scope.Scope> {
  const endpoint = yield* Effect.fromResult(candidate.endpoint)
  const healthTimeout = config.healthTimeout ?? 5000
  const connection = yield* Connection.make(endpoint, { connectTimeout: config.connectTimeout ?? 5000 })
  const first: Client = {
    connection,
    apiVersion: undefined,
    requestTimeout: config.requestTimeout ?? 60_000,
    isPodman: false
  }
  const { headers } = yield* Effect.scoped(Effect.gen(function*() {
    const answer = yield* open(first, { operation, method: "GET", path: "/_ping" })
    // Read to its end, so that the connection can be used again; there are two letters to it.
    yield* Stream.runDrain(Stream.take(answer.body, 16))
    return answer
  })).pipe(
    Effect.mapError(strange),
    Effect.timeoutOrElse({ duration: healthTimeout, orElse: () => Effect.fail(late(operation, healthTimeout)) })
  )
  const offered = headers["api-version"]
  if (typeof offered !== "string" || !isVersion(offered)) {
    return yield* reason("Protocol", {
      operation,
      message: "what listens there answers, but not as an engine with Docker's API does",
      hint: "is the address right?"
    })
  }
  const apiVersion = yield* Effect.fromResult(negotiate(offered, config.apiVersion ?? environment.DOCKER_API_VERSION))
  return { ...first, apiVersion, isPodman: Podman.isServer(headers.server?.toString()) }
})

/** An engine says yes to this question. Whoever says something else is none, or is not to be spoken with. */
const strange = (error: Errors.Reason): Errors.Reason =>
  error.code === "ENOENT"
    ? reason("NotFound", { operation, message: "there is no such socket", code: error.code })
    : error._tag === "NotFound" || error._tag === "InvalidArgument" || error._tag === "Conflict"
    ? reason("Protocol", {
      operation,
      message: `what listens there is not an engine: ${error.message}`,
      code: error.code,
      hint: "is the address right?"
    })
    : error

type Refused = Errors.BackendNotAvailable["candidates"][number]

/** An engine with this API, and what the engine's own client finds in the environment. */
export interface Contact {
  readonly client: Client
  readonly environment: Environment.Environment
}

/** Finds the engine. Fails with each address that was tried, how it was found, and why it would not do. */
export const contact = Effect.fnUntraced(function*(
  engine: string,
  config: Address
): Effect.fn.Return<Contact, Errors.BackendNotAvailable, Scope.Scope> {
  const environment = yield* Effect.mapError(Environment.read, (error) =>
    new Errors.BackendNotAvailable({
      candidates: [{
        engine,
        address: "the environment",
        reason: reason("InvalidArgument", { operation, message: error.message })
      }]
    }))
  const scope = yield* Effect.scope
  const refused: Array<Refused> = []
  for (const candidate of yield* candidates(config, environment)) {
    const own = yield* Scope.fork(scope)
    const result = yield* Effect.result(Scope.provide(connect(candidate, config, environment), own))
    if (Result.isSuccess(result)) {
      const client = result.success
      yield* Effect.logDebug(
        `using ${Connection.address(client.connection.endpoint)} with version ${client.apiVersion} of the API`
      )
      return { client, environment }
    }
    yield* Scope.close(own, Exit.void)
    refused.push({ engine, address: `${candidate.address} (${candidate.source})`, reason: result.failure })
  }
  return yield* new Errors.BackendNotAvailable({ candidates: refused })
})
