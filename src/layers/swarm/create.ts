import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { ContainerConfig } from "../../ContainerConfig.ts"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import { pin } from "./images.ts"
import { ask, send, type Swarm } from "./known.ts"
import { Placement, type SecretFile } from "./options.ts"
import { refusal } from "./refuse.ts"
import * as Schemas from "./schemas.ts"
import { type Reference, serviceOf } from "./service.ts"
import { check } from "./suited.ts"

const operation = "create"

type Kind = "secrets" | "configs"

/** Where Docker puts a secret that is given no folder. */
const isNamed = (target: string): boolean => !target.includes("/")

const checked = (kind: Kind, { target }: SecretFile): Effect.Effect<void, Errors.InvalidArgument> =>
  target !== "" && (kind === "secrets" && isNamed(target) || target.startsWith("/"))
    ? Effect.void
    : Effect.fail(
      reason("InvalidArgument", { operation, message: `${JSON.stringify(target)} is no path for one of the ${kind}` })
    )

const makeOne = Effect.fnUntraced(function*(
  swarm: Swarm,
  kind: Kind,
  config: ContainerConfig,
  file: SecretFile,
  index: number
): Effect.fn.Return<Reference, Errors.Reason> {
  const name = `${config.name}-${kind}-${index}`
  const labels = Object.fromEntries(
    Object.entries(config.labels).filter(([key]) => key.startsWith("effect-containers."))
  )
  const { id } = yield* ask(swarm, {
    operation,
    method: "POST",
    path: `/${kind}/create`,
    json: { Name: name, Labels: labels, Data: Buffer.from(Redacted.value(file.value)).toString("base64") }
  }, Schemas.created)
  return { id, name, target: file.target, mode: file.mode ?? 0o444, uid: file.uid ?? 0, gid: file.gid ?? 0 }
})

/** Takes away what was made for a container alone; that it is gone already is as well. */
export const discard = (swarm: Swarm, kind: Kind, names: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.forEach(names, (name) =>
    send(swarm, { operation: "remove", method: "DELETE", path: `/${kind}/${name}` }).pipe(
      Effect.retry({ times: 2, while: (error) => error.isRetryable }),
      Effect.catchTag("NotFound", () => Effect.void),
      Effect.catch((error) => Effect.logWarning(`one of the ${kind}, ${name}, is left behind: ${error.message}`))
    ), { discard: true })

/** Makes the service. It has no task until it is started. */
export const create = Effect.fnUntraced(function*(
  swarm: Swarm,
  config: ContainerConfig
): Effect.fn.Return<string, Errors.Reason> {
  const refused = refusal(config, swarm.config, swarm.client.apiVersion)
  if (refused !== undefined) return yield* refused
  yield* check(swarm, config)
  const placement = yield* Placement
  const image = yield* pin(swarm, config.image)
  const secrets: Array<Reference> = []
  const configs: Array<Reference> = []
  const undo = Effect.suspend(() =>
    Effect.andThen(
      discard(swarm, "secrets", secrets.map(({ name }) => name)),
      discard(swarm, "configs", configs.map(({ name }) => name))
    )
  )
  return yield* Effect.gen(function*() {
    for (
      const [kind, files, made] of [
        ["secrets", placement.secrets ?? [], secrets],
        ["configs", placement.configs ?? [], configs]
      ] as const
    ) {
      for (const [index, file] of files.entries()) {
        yield* checked(kind, file)
        made.push(yield* makeOne(swarm, kind, config, file, index))
      }
    }
    const { id } = yield* ask(swarm, {
      operation,
      method: "POST",
      path: "/services/create",
      json: serviceOf({
        config,
        image: image.reference,
        imageId: image.id,
        layer: swarm.layer,
        placement,
        secrets,
        configs
      }),
      headers: image.headers
    }, Schemas.created).pipe(
      // Of a creation it would mean that there is no image.
      Effect.catchTag(
        "NotFound",
        (error) => Effect.fail(reason("InvalidArgument", { operation, message: error.message, code: error.code }))
      )
    )
    swarm.known.set(id, {
      tty: config.tty,
      isAlone: secrets.length === 0 && configs.length === 0,
      isLimited: config.resources.memory !== undefined,
      run: 0,
      standIn: undefined,
      image: undefined,
      isKilled: false,
      ended: undefined
    })
    return id
  }).pipe(Effect.tapError(() => undo))
})
