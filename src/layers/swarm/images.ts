import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { ImageInfo, Primitives } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import * as Reference from "../../Reference.ts"
import * as Credentials from "../dockerApi/credentials.ts"
import * as Images from "../dockerApi/images.ts"
import { segment } from "../dockerApi/request.ts"
import * as Transfer from "../dockerApi/transfer.ts"
import { ask, imageIdLabel, send, type Swarm } from "./known.ts"
import * as Schemas from "./schemas.ts"

const operation = "create"

/** An image as every node finds it. */
export interface Pinned {
  readonly reference: string
  /** On the manager. */
  readonly id: string
  /** With what its nodes get it. */
  readonly headers: Readonly<Record<string, string>>
}

const repositoryOf = (name: string): string | undefined => {
  const parsed = Reference.parseResult(name)
  return Result.isSuccess(parsed) ? parsed.success.name : undefined
}

/** The digest that its own name led to, else any other by which a registry has it. */
const digestOf = (image: string, { digests }: ImageInfo): string | undefined => {
  const repository = Reference.isId(image) ? undefined : repositoryOf(image)
  return digests.find((digest) => repositoryOf(digest) === repository) ?? digests[0]
}

const headersOf = (swarm: Swarm, image: string): Effect.Effect<Readonly<Record<string, string>>> => {
  const parsed = Reference.parseResult(image)
  return Result.isSuccess(parsed)
    ? Effect.map(Credentials.header(swarm.environment, parsed.success, undefined, "pull"), ({ headers }) => headers)
    : Effect.succeed({})
}

/** Whether its registry says that it has it. Some engines have digests for what never was in one. */
const isPublic = (swarm: Swarm, digest: string): Effect.Effect<boolean> =>
  Effect.flatMap(
    headersOf(swarm, digest),
    (headers) =>
      send(swarm, { operation, method: "GET", path: `/distribution/${segment(digest)}/json`, headers }).pipe(
        Effect.as(true),
        Effect.catch((error) => Effect.as(Effect.logDebug(`${digest} is in no registry: ${error.message}`), false))
      )
  )

/** How many machines there are. */
const size = (swarm: Swarm) =>
  Effect.map(
    ask(swarm, { operation, method: "GET", path: "/info" }, Schemas.info),
    ({ swarm }) => swarm?.nodes ?? 1
  )

/** The name that an image gets in the registry to which what is in none is brought. */
const published = (registry: string, image: string, id: string): string => {
  const parsed = Reference.isId(image) ? undefined : Reference.parseResult(image)
  const path = parsed !== undefined && Result.isSuccess(parsed) ? parsed.success.path : "image"
  return `${registry}/${path}:${id.replace(/^sha256:/, "").slice(0, 32)}`
}

/** Brings an image to the registry of the config. */
const publish = Effect.fnUntraced(function*(swarm: Swarm, registry: string, image: string, info: ImageInfo) {
  const { client, environment } = swarm
  const images = Images.make(client)
  const name = published(registry, image, info.id)
  yield* images.tagImage(info.id, name)
  yield* Stream.runDrain(Transfer.make(client, environment).push(name, {}))
  const { digests } = yield* images.inspectImage(name)
  // What it is called there is nobody's business here.
  yield* Effect.catch(
    images.removeImage(name, { force: false }),
    (error) => Effect.logWarning(`the name ${name} is left on the manager: ${error.message}`)
  )
  const repository = repositoryOf(name)
  const digest = digests.find((one) => repositoryOf(one) === repository)
  if (digest !== undefined) return digest
  return yield* reason("Protocol", {
    operation,
    message: `the engine does not know the digest of ${name}, which it pushed`
  })
})

/**
 * What the nodes are told in the place of an image's name: the digest that it led to when the manager got it, so that all of
 * them have the same. Asked for once for each image.
 */
export const pin = Effect.fnUntraced(function*(
  swarm: Swarm,
  image: string
): Effect.fn.Return<Pinned, Errors.Reason> {
  const { registry } = swarm.config
  const info = yield* Images.make(swarm.client).inspectImage(image)
  const known = swarm.pinned.get(info.id)
  if (known !== undefined) return { id: info.id, reference: known, headers: yield* headersOf(swarm, known) }
  // Somebody else brings it there already: once is enough.
  const digest = yield* swarm.publishing.withPermits(1)(Effect.suspend(() => {
    const meanwhile = swarm.pinned.get(info.id)
    if (meanwhile !== undefined) return Effect.succeed(meanwhile)
    const found = digestOf(image, info)
    if (registry === undefined) return Effect.succeed(found)
    const isThere = found === undefined ? Effect.succeed(false) : isPublic(swarm, found)
    return Effect.flatMap(
      isThere,
      (isThere) => isThere ? Effect.succeed(found) : publish(swarm, registry, image, info)
    ).pipe(
      Effect.tap((digest) => Effect.sync(() => digest === undefined || swarm.pinned.set(info.id, digest)))
    )
  }))
  if (digest !== undefined) return { id: info.id, reference: digest, headers: yield* headersOf(swarm, digest) }
  // The manager is the only node: what it has, all have.
  if ((yield* size(swarm)) === 1) return { id: info.id, reference: info.id, headers: {} }
  return yield* reason("InvalidArgument", {
    operation,
    message: `the image ${image} is in no registry, so that the other nodes cannot have it`,
    hint: "name a registry in the config, to which such images are brought"
  })
})

/** Whether a container is of it: the nodes, which have it, are not asked. */
const isUsed = (swarm: Swarm, id: string): Effect.Effect<boolean, Errors.Reason> => {
  const filters = JSON.stringify({ label: [`${imageIdLabel}=${id}`] })
  return Effect.map(
    ask(swarm, { operation: "removeImage", method: "GET", path: "/services", query: { filters } }, Schemas.services),
    (services) => services.length > 0
  )
}

/** What is done with images is done on the manager; the nodes get them by digest when they need them. */
export const make = (
  swarm: Swarm
): Pick<
  Primitives,
  "inspectImage" | "listImages" | "tagImage" | "removeImage" | "importImages" | "exportImages"
> => {
  const images = Images.make(swarm.client)
  return {
    ...images,
    removeImage: Effect.fnUntraced(function*(image, options) {
      if (!options.force) {
        const { id, references } = yield* images.inspectImage(image)
        // One of several names can go.
        if (references.length <= 1 && (yield* isUsed(swarm, id))) {
          return yield* reason("Conflict", {
            operation: "removeImage",
            message: `the image ${image} is used by a container`,
            hint: "remove the container first"
          })
        }
      }
      return yield* images.removeImage(image, options)
    })
  }
}
