import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { ImageInfo, ImageSummary, Primitives } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import { reason } from "./errors.ts"
import { filters } from "./filters.ts"
import { values } from "./ndjson.ts"
import * as Podman from "./podman.ts"
import { ask, type Client, segment, send, stream } from "./request.ts"
import * as Schemas from "./schemas.ts"
import * as Time from "./time.ts"
import { failureOf, parse } from "./transfer.ts"

/** Some engines write an image without a name as one that is called `<none>`. */
const named = (names: ReadonlyArray<string>): ReadonlyArray<string> => names.filter((name) => !name.includes("<none>"))

const infoOf = (found: Schemas.Image, shown: (name: string) => string): ImageInfo => ({
  id: found.id,
  references: named(found.references).map(shown),
  digests: named(found.digests).map(shown),
  size: found.size,
  createdAt: Time.read(found.created) ?? Time.epoch,
  arrivedAt: Time.read(found.metadata?.lastTagTime),
  os: found.os ?? "",
  architecture: found.architecture ?? "",
  labels: found.config?.labels ?? {},
  config: {
    env: found.config?.env ?? [],
    entrypoint: found.config?.entrypoint ?? [],
    command: found.config?.command ?? [],
    workDir: found.config?.workDir ?? "",
    user: found.config?.user ?? ""
  }
})

/** The names that a line of a load's answer tells of: `Loaded image: busybox:1`, `Loaded image ID: sha256:...`. */
export const loadedOf = (text: string): ReadonlyArray<string> => {
  const found = /^Loaded image(?:\(s\)| ID)?: (.+)$/m.exec(text.trim())
  return found === null ? [] : found[1]!.split(",").map((name) => name.trim()).filter((name) => name !== "")
}

/** Docker fails when another removal takes what the image was made of. */
const losesImage = ({ message }: Errors.Reason): boolean => message.startsWith("unrecognized image ID sha256:")

/** Asks again while others are removing too. That there is nothing left to remove is what was wanted, then. */
const amongOthers = <A>(
  asked: Effect.Effect<ReadonlyArray<A>, Errors.Reason>,
  isLost: (error: Errors.Reason) => boolean
): Effect.Effect<ReadonlyArray<A>, Errors.Reason> =>
  Effect.catchIf(asked, isLost, () =>
    asked.pipe(
      Effect.retry({ while: isLost, times: 19, schedule: Schedule.spaced("20 millis") }),
      Effect.catchTag("NotFound", () => Effect.succeed([]))
    ))

type Operations = Pick<
  Primitives,
  "inspectImage" | "listImages" | "tagImage" | "removeImage" | "importImages" | "exportImages"
>

export const make = (client: Client): Operations => {
  const idOf = client.isPodman ? Podman.imageId : (id: string) => id
  const shown = client.isPodman ? Podman.familiar : (name: string) => name
  const steady = <A>(asked: Effect.Effect<A, Errors.Reason>) =>
    client.isPodman ? Effect.retry(asked, Podman.questions) : asked
  return {
    inspectImage: (image) =>
      Effect.map(
        steady(ask(
          client,
          { operation: "inspectImage", method: "GET", path: `/images/${segment(image)}/json` },
          Schemas.image
        )),
        (found) => infoOf(found, shown)
      ),
    listImages: (filter) =>
      Effect.map(
        steady(ask(client, {
          operation: "listImages",
          method: "GET",
          path: "/images/json",
          query: { filters: filters(filter) }
        }, Schemas.images)),
        (list) =>
          list.map((found): ImageSummary => ({
            id: found.id,
            references: named(found.references).map(shown),
            digests: named(found.digests).map(shown),
            size: found.size,
            createdAt: Time.fromSeconds(found.created),
            labels: found.labels
          }))
      ),
    tagImage: (image, reference) =>
      Effect.flatMap(parse("tagImage", reference), ({ name, tag }) =>
        Effect.asVoid(send(client, {
          operation: "tagImage",
          method: "POST",
          path: `/images/${segment(image)}/tag`,
          query: { repo: name, tag }
        }))),
    removeImage: (image, { force }) =>
      Effect.map(
        amongOthers(
          ask(client, {
            operation: "removeImage",
            method: "DELETE",
            path: `/images/${segment(image)}`,
            query: { force: force ? 1 : 0 }
          }, Schemas.removedImages),
          client.isPodman ? (error) => force && Podman.losesContainer(error) : losesImage
        ),
        (list) => ({
          untagged: list.flatMap(({ untagged }) => untagged === undefined ? [] : [shown(untagged)]),
          deleted: list.flatMap(({ deleted }) => deleted === undefined ? [] : [idOf(deleted)])
        })
      ),
    importImages: (archive) =>
      values(
        stream(client, {
          operation: "importImages",
          method: "POST",
          path: "/images/load",
          query: { quiet: 1 },
          archive
        }),
        "importImages",
        Schemas.message,
        (message, out: Array<string>) => {
          const failure = failureOf("importImages", message)
          if (failure !== undefined) return failure
          for (const name of loadedOf(message.stream ?? "")) out.push(shown(name))
          return undefined
        }
      ).pipe(
        Stream.runCollect,
        Effect.filterOrFail(
          (names) => names.length > 0,
          () =>
            reason("InvalidArgument", {
              operation: "importImages",
              message: "there was no image in the archive",
              hint: "this is no image archive, or not a whole one"
            })
        )
      ),
    exportImages: (images) =>
      stream(client, { operation: "exportImages", method: "GET", path: "/images/get", query: { names: images } })
  }
}
