import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import type * as Reference from "../../Reference.ts"
import { bytes } from "./answer.ts"
import { ask, type Options, type Registries, scopeOf, subjectOf, urlOf } from "./ask.ts"
import { digestOf, isDigest, isKnown } from "./digest.ts"
import { registry } from "./endpoint.ts"
import { odd, type Subject } from "./errors.ts"
import { first } from "./mirrors.ts"
import { retrying } from "./retry.ts"

/** What the content of a digest is: as OCI's descriptors have it. */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

/** A manifest or an index, byte for byte. */
export interface Manifest {
  readonly descriptor: Descriptor
  readonly bytes: Uint8Array
}

const ociIndex = "application/vnd.oci.image.index.v1+json"
const ociManifest = "application/vnd.oci.image.manifest.v1+json"
const dockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json"
const dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"

const mediaTypes: ReadonlyArray<string> = [ociIndex, ociManifest, dockerIndex, dockerManifest]

/** No registry has to take a larger one than half of this: bytes. */
const longest = 8 * 1024 * 1024

const has = (value: object, name: string): boolean => name in value && Reflect.get(value, name) !== null

/** What kind of manifest it is, by what the registry says and what is in it. */
const mediaTypeOf = (
  subject: Subject,
  body: Uint8Array,
  contentType: string | undefined
): Effect.Effect<string, Errors.Reason> =>
  Effect.suspend((): Effect.Effect<string, Errors.Reason> => {
    let json: unknown
    try {
      json = JSON.parse(Buffer.from(body).toString("utf8"))
    } catch {
      return Effect.fail(odd(subject, "answered with a manifest that is not JSON"))
    }
    if (typeof json !== "object" || json === null || Array.isArray(json)) {
      return Effect.fail(odd(subject, "answered with JSON that is no manifest"))
    }
    const isIndex = has(json, "manifests")
    const isManifest = has(json, "layers") || has(json, "config")
    // Read as the one or the other it would be two images.
    if (isIndex && isManifest) return Effect.fail(odd(subject, "answered with a manifest that is an index as well"))
    const said = contentType?.split(";")[0]?.trim().toLowerCase()
    const own = "mediaType" in json ? json.mediaType : undefined
    const named = mediaTypes.find((type) => type === said) ?? mediaTypes.find((type) => type === own)
    if (named !== undefined) return Effect.succeed(named)
    if (isIndex) return Effect.succeed(ociIndex)
    if (isManifest) return Effect.succeed(ociManifest)
    if (has(json, "fsLayers")) {
      return Effect.fail(reason("Unsupported", {
        operation: subject.operation,
        message: `${subject.image}: ${subject.host} has it in Docker's first format only`,
        hint: "build and push the image again with a newer engine"
      }))
    }
    return Effect.fail(odd(subject, "answered with JSON that is no manifest"))
  })

const compared = (
  subject: Subject,
  body: Uint8Array,
  wanted: string,
  whose: string
): Effect.Effect<void, Errors.Reason> => {
  const actual = digestOf(body, wanted)
  return actual === wanted
    ? Effect.void
    : Effect.fail(odd(subject, `answered with a manifest of ${actual}, where ${whose} ${wanted}`))
}

/** Asks for a manifest or an index, and checks that it is what was asked for and what the registry says it is. */
export const get = (
  registries: Registries,
  reference: Reference.Reference,
  tagOrDigest: string,
  { credentials, operation }: Options
): Effect.Effect<Manifest, Errors.Reason> => {
  const { settings } = registries.transport
  return first(settings, reference, operation, (endpoint) =>
    Effect.scoped(Effect.gen(function*() {
      const subject = subjectOf(endpoint, reference, tagOrDigest, operation)
      const answer = yield* ask(registries, {
        endpoint,
        subject,
        method: "GET",
        url: urlOf(endpoint, reference, `manifests/${tagOrDigest}`),
        scopes: [scopeOf(reference, operation)],
        // They are for the registry, and not for its mirrors.
        credentials: endpoint.domain === reference.domain ? credentials : undefined,
        headers: { Accept: mediaTypes.join(", ") }
      })
      const body = yield* bytes(answer, { deadline: settings.answerTimeout, most: longest })
      if (isDigest(tagOrDigest)) yield* compared(subject, body, tagOrDigest, "asked for was")
      const said = answer.headers["docker-content-digest"]
      if (typeof said === "string" && isKnown(said)) yield* compared(subject, body, said, "its own header says")
      const mediaType = yield* mediaTypeOf(subject, body, answer.headers["content-type"])
      const digest = isDigest(tagOrDigest) ? tagOrDigest : digestOf(body)
      return { descriptor: { mediaType, digest, size: body.length }, bytes: body }
    })))
}

/** Stores a manifest or an index, under a tag or under its digest. What it names has to be there. */
export const put = (
  registries: Registries,
  reference: Reference.Reference,
  tagOrDigest: string,
  { bytes: body, mediaType }: { readonly mediaType: string; readonly bytes: Uint8Array },
  { credentials, operation }: Options
): Effect.Effect<Descriptor, Errors.Reason> => {
  const { settings } = registries.transport
  const stored = Effect.scoped(Effect.gen(function*() {
    const endpoint = yield* registry(settings, reference, operation)
    const subject = subjectOf(endpoint, reference, tagOrDigest, operation)
    const answer = yield* ask(registries, {
      endpoint,
      subject,
      method: "PUT",
      url: urlOf(endpoint, reference, `manifests/${tagOrDigest}`),
      scopes: [scopeOf(reference, "push")],
      credentials,
      headers: { "Content-Type": mediaType },
      body: { size: body.length, stream: Stream.succeed(body) }
    })
    yield* bytes(answer, { deadline: settings.answerTimeout, most: longest })
    const said = answer.headers["docker-content-digest"]
    if (typeof said === "string" && isKnown(said)) {
      const actual = digestOf(body, said)
      if (actual !== said) return yield* odd(subject, `stored ${said} where ${actual} was sent`)
    }
    return { mediaType, digest: digestOf(body), size: body.length }
  }))
  return retrying(settings.retries, stored, (reason) => reason)
}
