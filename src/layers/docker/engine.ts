import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { EngineEvent, EngineInfo, Primitives } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import * as Filter from "../../Filter.ts"
import type { DockerConfig } from "./config.ts"
import * as Connection from "./connection.ts"
import type { Candidate } from "./discover.ts"
import type { Environment } from "./environment.ts"
import { late, reason } from "./errors.ts"
import { filters } from "./filters.ts"
import { values } from "./ndjson.ts"
import * as Podman from "./podman.ts"
import { ask, type Client, open, stream } from "./request.ts"
import * as Schemas from "./schemas.ts"
import * as Time from "./time.ts"

const operation = "connect"

/** The versions of the API between which this library was tried: Docker 20.10 has the first, 28.5 the last. */
export const oldest = "1.41"
export const newest = "1.51"

/** Negative when `a` is older. */
const compare = (a: string, b: string): number => {
  const [majorA = 0, minorA = 0] = a.split(".").map(Number)
  const [majorB = 0, minorB = 0] = b.split(".").map(Number)
  return majorA - majorB || minorA - minorB
}

const isVersion = (text: string): boolean => /^\d{1,5}\.\d{1,5}$/.test(text)

/**
 * The version to speak with an engine that offers `offered` at most. `wanted` is the user's choice.
 */
export const negotiate = (
  offered: string,
  wanted: string | undefined
): Result.Result<string, Errors.Unsupported | Errors.InvalidArgument> => {
  if (wanted !== undefined && !isVersion(wanted)) {
    return Result.fail(
      reason("InvalidArgument", {
        operation,
        message: `${JSON.stringify(wanted)} is not a version of the API`,
        hint: `such as ${JSON.stringify(newest)}`
      })
    )
  }
  if (compare(offered, oldest) < 0) {
    return Result.fail(
      reason("Unsupported", {
        operation,
        message: `the engine speaks version ${offered} of the API, and ${oldest} is the oldest that will do`,
        hint: "Docker 20.10 and Podman 4 are new enough"
      })
    )
  }
  if (wanted === undefined) return Result.succeed(compare(offered, newest) < 0 ? offered : newest)
  if (compare(wanted, offered) > 0 || compare(wanted, oldest) < 0) {
    return Result.fail(
      reason("Unsupported", {
        operation,
        message: `version ${wanted} of the API was asked for, and the engine has ${oldest} to ${offered}`,
        hint: "leave the version out: it is agreed on with the engine"
      })
    )
  }
  return Result.succeed(wanted)
}

/** Asks an engine whether it is one, and agrees on the version to speak. Nothing is kept open when it fails. */
export const connect = Effect.fnUntraced(function*(
  candidate: Candidate,
  config: DockerConfig,
  environment: Environment
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

const eventOf = (event: Schemas.Event, isPodman: boolean): EngineEvent => ({
  type: event.type,
  action: isPodman ? Podman.action(event.type, event.action) : event.action,
  id: event.actor.id,
  attributes: isPodman
    ? Podman.attributes(event.actor.attributes ?? {}, event.type)
    : event.actor.attributes ?? {},
  time: event.timeNano === undefined
    ? Time.fromSeconds(event.time)
    : Time.fromMillis(Math.floor(event.timeNano / 1e6))
})

export const make = (client: Client): Pick<Primitives, "health" | "events"> => ({
  health: Effect.map(
    ask(client, { operation: "health", method: "GET", path: "/version" }, Schemas.version),
    (version): EngineInfo => {
      const podman = version.components?.find(({ name }) => name === Podman.component)
      return {
        name: client.isPodman || podman !== undefined ? "podman" : "docker",
        version: podman?.version ?? version.version,
        apiVersion: client.apiVersion,
        os: version.os ?? "linux",
        architecture: version.architecture ?? "",
        address: Connection.address(client.connection.endpoint)
      }
    }
  ),
  events: ({ filter = Filter.all, since }) =>
    values(
      stream(client, {
        operation: "events",
        method: "GET",
        path: "/events",
        query: { since: Time.parameter(since), filters: filters(client.isPodman ? Podman.eventFilter(filter) : filter) }
      }),
      "events",
      Schemas.event,
      (event, out: Array<EngineEvent>) => {
        out.push(eventOf(event, client.isPodman))
        return undefined
      }
    )
})
