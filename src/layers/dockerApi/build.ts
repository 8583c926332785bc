import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { BuildOptions, Primitives } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import { isReason } from "../../errors/isReason.ts"
import { BuildStatus } from "../../Progress.ts"
import * as Credentials from "./credentials.ts"
import type { Environment } from "./environment.ts"
import { values } from "./ndjson.ts"
import * as Podman from "./podman.ts"
import { type Client, stream } from "./request.ts"
import * as Schemas from "./schemas.ts"
import { failureOf } from "./transfer.ts"

/** How an engine says that it begins an instruction: `Step 2/5 : RUN make`, in Podman `STEP 2/5: RUN make`. */
const stepOf = (text: string): BuildStatus["step"] => {
  const found = /^step (\d+)\/(\d+) ?: (.*)/i.exec(text)
  return found === null
    ? undefined
    : { number: Number(found[1]), total: Number(found[2]), instruction: found[3]!.trim() }
}

const imageIdOf = (aux: unknown): string | undefined => {
  if (aux === undefined || aux === null) return undefined
  const image = Schemas.builtImage(aux)
  return Result.isSuccess(image) ? image.success.id : undefined
}

/** What a line of a build's answer says; `undefined` when it says nothing. */
export const statusOf = (message: Schemas.Message): BuildStatus | undefined => {
  const { aux, id, progress, status, stream } = message
  const imageId = imageIdOf(aux)
  if (stream === undefined && status === undefined && imageId === undefined) return undefined
  return BuildStatus.makeUnsafe({
    stream,
    step: stream === undefined ? undefined : stepOf(stream),
    imageId,
    id,
    status,
    current: progress?.current,
    total: progress?.total
  })
}

const query = (options: BuildOptions) => ({
  version: "1",
  t: options.tag,
  dockerfile: options.dockerfile,
  buildargs: JSON.stringify(
    Object.fromEntries(
      Object.entries(options.buildArgs).map((
        [name, value]
      ) => [name, Redacted.isRedacted(value) ? Redacted.value(value) : value])
    )
  ),
  labels: JSON.stringify(options.labels),
  target: options.target,
  platform: options.platform,
  nocache: options.noCache ? 1 : undefined,
  pull: options.pull ? 1 : undefined,
  // The containers of the steps go, also those of a build that fails.
  rm: 1,
  forcerm: 1
})

/**
 * Docker's own builder goes through images that others may be removing: those that were made of the same one, for a step
 * that it need not execute, and then the one that it found so. It fails when one of them is gone.
 */
const losesImage = ({ message }: Errors.Reason): boolean =>
  /^(?:unable to find image "|No such image: |failed to get digest |unknown parent image ID )sha256:[0-9a-f]{64}/.test(
    message
  )

/** How often a build is begun again that ended because of an image of others. */
const beginnings = 9

/** A context that can be read only once has an end of its own the second time: what it was begun again for is told then. */
const again = <E>(
  attempt: Stream.Stream<BuildStatus, E | Errors.Reason>,
  isLost: (error: Errors.Reason) => boolean,
  left = beginnings
): Stream.Stream<BuildStatus, E | Errors.Reason> =>
  Stream.catch(attempt, (error) =>
    left > 0 && isReason(error) && isLost(error)
      ? Stream.mapError(again(attempt, isLost, left - 1), (next) => isReason(next) ? next : error)
      : Stream.fail(error))

export const make = (client: Client, environment: Environment): Pick<Primitives, "build"> => ({
  build: (context, options) =>
    again(
      Stream.unwrap(Effect.map(Credentials.buildHeader(environment), (headers) =>
        values(
          stream(client, {
            operation: "build",
            method: "POST",
            path: "/build",
            query: query(options),
            archive: context,
            headers
          }),
          "build",
          Schemas.message,
          (message, out: Array<BuildStatus>) => {
            const failure = failureOf("build", message)
            if (failure !== undefined) return failure
            const status = statusOf(message)
            if (status !== undefined) out.push(status)
            return undefined
          }
        ))),
      client.isPodman ? Podman.losesImage : losesImage
    )
})
