import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { ImageInfo, ImageSummary, RemovedImage } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import * as Filter from "../../Filter.ts"
import * as Reference from "../../Reference.ts"
import type { MemoryImage } from "./image.ts"
import { reasons } from "./reasons.ts"

/** An image that the engine holds. */
export interface Stored {
  readonly image: MemoryImage
  readonly arrivedAt: DateTime.Utc
  /** Full names with their tags. */
  readonly names: Set<string>
  /** Full names with their digests. */
  readonly digests: Set<string>
}

type Answer<A> = Result.Result<A, Errors.Reason>

/** A reference with its tag, or the reason that it is none. */
export const parse = (operation: string, name: string): Answer<Reference.Reference> =>
  Result.mapBoth(Reference.parseResult(name), {
    onSuccess: Reference.withDefaultTag,
    onFailure: (error) => reasons(operation).invalid(`${JSON.stringify(name)} is not a reference: ${error.issue}`)
  })

/** As people write it. */
export const familiar = (canonical: string): string =>
  Result.match(Reference.parseResult(canonical), { onSuccess: ({ familiar }) => familiar, onFailure: () => canonical })

const tagged = (reference: Reference.Reference): string =>
  new Reference.Reference({ domain: reference.domain, path: reference.path, tag: reference.tag ?? "latest" }).canonical

export const refused = (operation: string, refusal: Filter.Refusal): Errors.Reason =>
  reasons(operation).invalid(refusal.issue)

/** The images that the engine holds, as Docker's image store has them. */
export class Store {
  readonly #images = new Map<string, Stored>()
  readonly #names = new Map<string, Stored>()

  /** Puts an image there under a name, which another image may lose by it. */
  add(image: MemoryImage, name: string, arrivedAt: DateTime.Utc, from: "registry" | "here"): Stored {
    const stored = this.#images.get(image.id) ?? { image, arrivedAt, names: new Set(), digests: new Set() }
    this.#images.set(image.id, stored)
    const reference = Reference.parseResult(name)
    if (Result.isFailure(reference)) return stored
    const { name: repository } = reference.success
    if (reference.success.digest === undefined || reference.success.tag !== undefined) {
      this.#name(stored, tagged(reference.success))
    }
    if (from === "registry") stored.digests.add(`${repository}@${image.digest}`)
    return stored
  }

  #name(stored: Stored, name: string): void {
    this.#names.get(name)?.names.delete(name)
    this.#names.set(name, stored)
    stored.names.add(name)
  }

  get all(): ReadonlyArray<Stored> {
    return [...this.#images.values()]
  }

  /** What has this name, digest or id, `undefined` when nothing has. */
  find(operation: string, name: string): Answer<Stored | undefined> {
    const reference = Reference.parseResult(name)
    if (Result.isSuccess(reference)) {
      const { digest, name: repository } = reference.success
      const found = digest === undefined
        ? this.#names.get(tagged(reference.success))
        : this.all.find(({ digests }) => digests.has(`${repository}@${digest}`))
      if (found !== undefined) return Result.succeed(found)
    }
    if (Reference.isId(name)) {
      const prefix = name.startsWith("sha256:") ? name : `sha256:${name}`
      const found = this.all.filter(({ image }) => image.id.startsWith(prefix))
      return found.length > 1
        ? Result.fail(reasons(operation).invalid(`${name} is the beginning of the ids of ${found.length} images`))
        : Result.succeed(found[0])
    }
    return Result.isFailure(reference) ? Result.map(parse(operation, name), () => undefined) : Result.succeed(undefined)
  }

  get(operation: string, name: string): Answer<Stored> {
    return Result.flatMap(this.find(operation, name), (stored) =>
      stored === undefined
        ? Result.fail(reasons(operation).notFound(`there is no image ${name}`))
        : Result.succeed(stored))
  }

  tag(name: string, reference: string): Answer<Stored> {
    return Result.flatMap(
      this.get("tagImage", name),
      (stored) =>
        Result.flatMap(parse("tagImage", reference), (parsed) => {
          if (parsed.digest !== undefined) {
            return Result.fail(reasons("tagImage").invalid(`${reference} has a digest, which nobody can choose`))
          }
          this.#name(stored, tagged(parsed))
          return Result.succeed(stored)
        })
    )
  }

  /** `users` are the containers that use an image: how many run and how many do not. */
  remove(
    name: string,
    force: boolean,
    users: (id: string) => { readonly running: number; readonly stopped: number }
  ): Answer<RemovedImage> {
    const { conflict } = reasons("removeImage")
    return Result.flatMap(this.get("removeImage", name), (stored): Answer<RemovedImage> => {
      const reference = Reference.parseResult(name)
      const byName = Result.isSuccess(reference) && reference.success.digest === undefined
        ? tagged(reference.success)
        : undefined
      if (byName !== undefined && stored.names.has(byName) && stored.names.size > 1) {
        stored.names.delete(byName)
        this.#names.delete(byName)
        return Result.succeed({ untagged: [familiar(byName)], deleted: [] })
      }
      if (stored.names.size > 1 && !force) {
        return Result.fail(
          conflict(`image ${name} has ${stored.names.size} names`, "remove them one by one, or use force")
        )
      }
      const { running, stopped } = users(stored.image.id)
      if (running > 0) return Result.fail(conflict(`image ${name} is used by a container that runs`))
      if (stopped > 0 && !force) {
        return Result.fail(
          conflict(`image ${name} is used by a container that does not run`, "remove the container, or use force")
        )
      }
      for (const each of stored.names) this.#names.delete(each)
      this.#images.delete(stored.image.id)
      return Result.succeed({
        untagged: [...stored.names, ...stored.digests].map(familiar),
        deleted: [stored.image.id]
      })
    })
  }

  list(filter: Filter.Filter): Effect.Effect<ReadonlyArray<ImageSummary>, Errors.Reason> {
    return Effect.suspend(() => {
      const found: Array<ImageSummary> = []
      const nothing = Filter.matchImage(filter, { references: [], labels: {} })
      if (Result.isFailure(nothing)) return Effect.fail(refused("listImages", nothing.failure))
      for (const stored of this.all) {
        const { createdAt, digests, id, labels, references, size } = infoOf(stored)
        const passes = Filter.matchImage(filter, { references, labels })
        if (Result.isFailure(passes)) return Effect.fail(refused("listImages", passes.failure))
        if (passes.success) found.push({ id, references, digests, size, createdAt, labels })
      }
      return Effect.succeed(found)
    })
  }
}

/** An image as the `Backend` shows it. */
export const infoOf = ({ arrivedAt, digests, image, names }: Stored): ImageInfo => {
  const [os = "linux", architecture = "amd64"] = image.platform.split("/")
  const { command, entrypoint, env, labels, user, workDir } = image.config
  return {
    id: image.id,
    references: [...names].map(familiar),
    digests: [...digests].map(familiar),
    size: image.size,
    createdAt: image.createdAt,
    arrivedAt,
    os,
    architecture,
    labels,
    config: {
      env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      entrypoint,
      command,
      workDir,
      user
    }
  }
}
