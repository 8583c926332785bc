import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Credentials, Primitives } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import { type Phase, PullStatus } from "../../Progress.ts"
import * as Reference from "../../Reference.ts"
import { explained } from "../registry/credentials.ts"
import { redacted } from "../registry/redact.ts"
import * as Credential from "./credentials.ts"
import type { Environment } from "./environment.ts"
import { fromMessage, reason } from "./errors.ts"
import { values } from "./ndjson.ts"
import * as Podman from "./podman.ts"
import { type Client, type Request, segment, stream } from "./request.ts"
import * as Schemas from "./schemas.ts"

/** The engine's words for what happens to a layer. */
const phases: ReadonlyArray<readonly [words: string, Phase]> = [
  ["Pulling fs layer", "Waiting"],
  ["Waiting", "Waiting"],
  ["Preparing", "Waiting"],
  ["Retrying", "Waiting"],
  ["Downloading", "Downloading"],
  ["Verifying Checksum", "Verifying"],
  ["Download complete", "Downloaded"],
  ["Extracting", "Extracting"],
  ["Loading layer", "Extracting"],
  ["Pull complete", "Complete"],
  ["Already exists", "Exists"],
  ["Layer already exists", "Exists"],
  ["Mounted from", "Exists"],
  ["Pushing", "Pushing"],
  ["Pushed", "Complete"]
]

const exactly = new Map(phases)

const phaseOf = (status: string, isPodman: boolean): Phase =>
  isPodman && status === Podman.lastOfLayer
    ? "Complete"
    : exactly.get(status) ?? phases.find(([words]) => status.startsWith(words))?.[1] ?? "Message"

/** The failure that a line reports. It comes in the middle of an answer that began as a success. */
export const failureOf = (operation: string, message: Schemas.Message): Errors.Reason | undefined => {
  const { error, errorDetail } = message
  if (error === undefined && errorDetail === undefined) return undefined
  // Either of them may be there without a word.
  return fromMessage(
    operation,
    [errorDetail?.message, error].find((words) => words !== undefined && words !== "") ?? ""
  )
}

/** What a line says of a layer; `undefined` when it says nothing. */
export const statusOf = (message: Schemas.Message, isPodman = false): PullStatus | undefined => {
  const { id, progress } = message
  const status = message.status ?? message.stream?.trimEnd()
  if (status === undefined || status === "") return undefined
  const phase = id === undefined ? "Message" : phaseOf(status, isPodman)
  // What is not about a layer has a tag, or the image's name, for an id.
  if (phase === "Message") return PullStatus.makeUnsafe({ phase, status })
  // Some engines count seconds while they extract.
  const isBytes = progress?.units === undefined || progress.units === ""
  return PullStatus.makeUnsafe({
    id,
    phase,
    status,
    current: isBytes ? progress?.current : undefined,
    total: isBytes && progress?.total !== undefined && progress.total > 0 ? progress.total : undefined
  })
}

/** The statuses of an answer. */
export const statuses = <E, R>(
  body: Stream.Stream<Uint8Array, E, R>,
  operation: string,
  isPodman = false
): Stream.Stream<PullStatus, E | Errors.Reason, R> =>
  values(body, operation, Schemas.message, (message, out: Array<PullStatus>) => {
    const failure = failureOf(operation, message)
    if (failure !== undefined) return failure
    const status = statusOf(message, isPodman)
    if (status !== undefined) out.push(status)
    return undefined
  })

/** A name, taken apart. Ids have nowhere to be pulled from. */
export const parse = (operation: string, image: string): Effect.Effect<Reference.Reference, Errors.InvalidArgument> =>
  Effect.suspend(() => {
    const parsed = Reference.parseResult(image)
    return Result.isSuccess(parsed)
      ? Effect.succeed(Reference.withDefaultTag(parsed.success))
      : Effect.fail(reason("InvalidArgument", { operation, message: parsed.failure.message }))
  })

/** The engine gives a registry's words on, in which there may be what it was sent. */
const without = (secrets: ReadonlyArray<string>, error: Errors.Reason): Errors.Reason => {
  const { _tag, cause, code, hint, operation } = error
  const message = redacted(error.message, secrets)
  return message === error.message ? error : reason(_tag, { operation, message, hint, code, cause })
}

const transfer = (
  client: Client,
  environment: Environment,
  image: string,
  credentials: Credentials | undefined,
  operation: "pull" | "push",
  request: (reference: Reference.Reference) => Pick<Request, "path" | "query">
): Stream.Stream<PullStatus, Errors.Reason> =>
  Stream.unwrap(Effect.gen(function*() {
    const reference = yield* parse(operation, image)
    const { headers, issue, secrets } = yield* Credential.header(environment, reference, credentials, operation)
    return Stream.mapError(
      statuses(
        stream(client, { operation, method: "POST", ...request(reference), headers }),
        operation,
        client.isPodman
      ),
      (error) => explained(without(secrets, error), issue)
    )
  }))

export const make = (client: Client, environment: Environment): Pick<Primitives, "pull" | "push"> => ({
  pull: (image, { credentials, platform }) =>
    transfer(client, environment, image, credentials, "pull", (reference) => ({
      path: "/images/create",
      // A digest says all; a name without either is the tag "latest", where the API would take every tag there is.
      query: { fromImage: reference.name, tag: reference.digest ?? reference.tag, platform }
    })),
  push: (image, { credentials }) =>
    transfer(client, environment, image, credentials, "push", (reference) => ({
      path: `/images/${segment(reference.name)}/push`,
      query: { tag: reference.tag }
    }))
})
