import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import type { Credentials, PullOptions } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import { type Phase, PullStatus } from "../../Progress.ts"
import type { Verdict } from "./faults.ts"
import { enginePlatform, type MemoryImage } from "./image.ts"
import { reasons } from "./reasons.ts"
import { familiar, parse } from "./store.ts"
import type { World } from "./world.ts"

const same = (wanted: Credentials, given: Credentials | undefined): boolean => {
  if (given === undefined) return false
  if ("identityToken" in wanted) {
    return "identityToken" in given && Redacted.value(wanted.identityToken) === Redacted.value(given.identityToken)
  }
  return "username" in given && wanted.username === given.username &&
    Redacted.value(wanted.password) === Redacted.value(given.password)
}

const status = (phase: Phase, words: string, id?: string, current?: number, total?: number): PullStatus =>
  PullStatus.makeUnsafe({ id, phase, status: words, current, total })

/** The transfer of one layer. */
const layerStatuses = ({ id, size }: MemoryImage["layers"][number]): ReadonlyArray<PullStatus> => [
  status("Downloading", "Downloading", id, 0, size),
  status("Downloading", "Downloading", id, Math.floor(size / 2), size),
  status("Downloading", "Downloading", id, size, size),
  status("Downloaded", "Download complete", id),
  status("Extracting", "Extracting", id, size, size),
  status("Complete", "Pull complete", id)
]

/** What the registry gives for a name, or why it gives nothing. */
export const resolve = Effect.fnUntraced(function*(
  world: World,
  name: string,
  options: PullOptions
): Effect.fn.Return<MemoryImage, Errors.Reason> {
  const { notFound, unauthenticated } = reasons("pull")
  const reference = yield* Effect.fromResult(parse("pull", name))
  const found = world.remotes(reference)
  const first = found[0]
  if (first === undefined) return yield* notFound(`the registry has no image ${name}`)
  const platform = options.platform ?? enginePlatform
  const image = world.remote(reference, platform)
  if (image === undefined) {
    const has = found.map((image) => image.platform).join(", ")
    return yield* notFound(`image ${name} is not there for the platform ${platform}`, `it is there for ${has}`)
  }
  if (image.credentials !== undefined && !same(image.credentials, options.credentials)) {
    return yield* unauthenticated(
      options.credentials === undefined
        ? `the registry asks for credentials to pull ${name}`
        : `the registry refuses the credentials for ${name}`
    )
  }
  return image
})

/** The transfer of an image that was resolved; layers that the engine has are not transferred again. */
export const transfer = (
  world: World,
  name: string,
  image: MemoryImage,
  layer: Verdict["layer"]
): Stream.Stream<PullStatus, Errors.Reason> =>
  Stream.suspend(() => {
    const present = world.store.all.some((stored) => stored.image.id === image.id)
    const had = new Set(world.store.all.flatMap((stored) => stored.image.layers.map(({ id }) => id)))
    const begin: ReadonlyArray<PullStatus> = [
      status("Resolving", `Pulling from ${name}`),
      ...image.layers.map(({ id }) =>
        had.has(id) ? status("Exists", "Already exists", id) : status("Waiting", "Pulling fs layer", id)
      )
    ]
    const parts: Array<Stream.Stream<PullStatus, Errors.Reason>> = [Stream.fromArray(begin)]
    for (const [index, each] of image.layers.entries()) {
      const statuses = had.has(each.id) ? [] : layerStatuses(each)
      if (layer === undefined || index + 1 !== layer.layer) {
        parts.push(Stream.fromArray(statuses))
        continue
      }
      parts.push(Stream.fromArray(statuses.slice(0, 2)))
      parts.push(layer.reason === undefined ? Stream.never : Stream.fail(layer.reason))
    }
    const words = present ? `Status: Image is up to date for ${name}` : `Status: Downloaded newer image for ${name}`
    parts.push(Stream.unwrap(Clock.clockWith((clock) =>
      Effect.sync(() => {
        const millis = clock.currentTimeMillisUnsafe()
        world.store.add(image, name, DateTime.makeUnsafe(millis), "registry")
        world.events.publish("image", "pull", image.id, { ...image.config.labels, name }, millis)
        return Stream.make(status("Message", `Digest: ${image.digest}`), status("Message", words))
      })
    )))
    return parts.reduce((all, part) => Stream.concat(all, part))
  })

/** Gets an image from the registry. */
export const pull = (
  world: World,
  name: string,
  options: PullOptions,
  { layer }: Verdict
): Stream.Stream<PullStatus, Errors.Reason> =>
  Stream.unwrap(Effect.map(resolve(world, name, options), (image) => transfer(world, name, image, layer)))

/** Puts an image into the registry, under the name that it has here. */
export const push = (world: World, name: string): Stream.Stream<PullStatus, Errors.Reason> =>
  Stream.unwrap(Effect.gen(function*() {
    const reference = yield* Effect.fromResult(parse("push", name))
    const stored = yield* Effect.fromResult(world.store.get("push", name))
    const { image } = stored
    const finish = Effect.map(Clock.currentTimeMillis, (millis) => {
      const canonical = reference.canonical
      // The newest of a name is the one that the registry gives.
      world.registry.push({ ...image, name: canonical })
      stored.digests.add(`${reference.name}@${image.digest}`)
      world.events.publish("image", "push", image.id, { ...image.config.labels, name: familiar(canonical) }, millis)
      return status("Message", `${reference.tag ?? "latest"}: digest: ${image.digest} size: ${image.size}`)
    })
    return Stream.make(status("Resolving", `The push refers to ${reference.name}`)).pipe(
      Stream.concat(Stream.fromArray(image.layers.flatMap(({ id, size }) => [
        status("Pushing", "Pushing", id, 0, size),
        status("Pushing", "Pushing", id, size, size),
        status("Complete", "Pushed", id)
      ]))),
      Stream.concat(Stream.fromEffect(finish))
    )
  }))
