import * as Effect from "effect/Effect"
import type { ContainerConfig, NetworkAttachment } from "../../ContainerConfig.ts"
import type * as Errors from "../../Errors.ts"
import { reason } from "../dockerApi/errors.ts"
import { ask, type Client, segment, send } from "../dockerApi/request.ts"
import * as Schemas from "../dockerApi/schemas.ts"
import * as Confinement from "./confinement.ts"
import { creation, endpoint } from "./creation.ts"
import { type Containers, named } from "./known.ts"
import { removeOrSay } from "./remove.ts"

/** A driver that is not there would read as an image that is not there, and not every engine names it. */
const aboutLogDriver = ({ logDriver }: ContainerConfig, error: Errors.Reason): Errors.Reason =>
  logDriver !== undefined && /log driver|logging (?:driver|plugin)|logger: /i.test(error.message)
    ? reason("InvalidArgument", { ...error, message: `log driver ${logDriver.name}: ${error.message}` })
    : error

/** Some limits are dropped by engines whose kernel cannot keep them, with a remark. Nothing is to be dropped. */
const refuseDropped = (
  containers: Containers,
  id: string,
  warnings: ReadonlyArray<string>
): Effect.Effect<void, Errors.Reason> => {
  const dropped = warnings.find((warning) => /discarded/i.test(warning))
  if (dropped === undefined) {
    return Effect.forEach(warnings, (warning) => Effect.logWarning(warning), { discard: true })
  }
  return Effect.andThen(
    removeOrSay(containers, id),
    Effect.fail(reason("Unsupported", { operation: "create", message: dropped, hint: "leave the option out" }))
  )
}

const join = (client: Client, id: string, network: NetworkAttachment) =>
  send(client, {
    operation: "create",
    method: "POST",
    path: `/networks/${segment(network.name)}/connect`,
    json: { Container: id, EndpointConfig: endpoint(network) }
  }).pipe(
    // Of a creation it would mean that there is no image.
    Effect.catchTag(
      "NotFound",
      ({ message }) => Effect.fail(reason("InvalidArgument", { operation: "create", message }))
    )
  )

/** Makes a container, and all of what was asked or nothing. */
export const create = Effect.fnUntraced(function*(
  containers: Containers,
  config: ContainerConfig
): Effect.fn.Return<string, Errors.Reason> {
  const { client, known, network } = containers
  yield* Confinement.check(client, config)
  const { id, warnings = [] } = yield* ask(client, {
    operation: "create",
    method: "POST",
    path: "/containers/create",
    query: { name: config.name, platform: config.platform },
    json: creation(config, { isPodman: client.isPodman, network })
  }, Schemas.created).pipe(
    Effect.mapError((error) => aboutLogDriver(config, named(containers, config.platform)(error)))
  )
  yield* refuseDropped(containers, id, warnings)
  yield* Effect.forEach(config.networks.slice(1), (network) => join(client, id, network), { discard: true }).pipe(
    Effect.tapError(() => removeOrSay(containers, id))
  )
  known.set(id, {
    tty: config.tty,
    isLimited: config.resources.memory !== undefined,
    isRestarted: config.restart !== undefined,
    isStarted: false,
    isSignalled: false
  })
  return id
})
