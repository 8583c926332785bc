import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Credentials } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import type * as Reference from "../../Reference.ts"
import type { Options, Registries } from "./ask.ts"
import * as Auth from "./auth.ts"
import * as Blob from "./blob.ts"
import { type RegistryConfig, settings } from "./config.ts"
import * as Transport from "./http.ts"
import * as Manifests from "./manifest.ts"
import * as Uploads from "./upload.ts"

export type { Options } from "./ask.ts"
export type { Descriptor, Manifest } from "./manifest.ts"
export type { Upload } from "./upload.ts"

/** Speaks to registries as the OCI distribution specification has it. What fails, fails with a bare reason. */
export interface Client {
  /** A manifest or an index, whose digest has been checked. */
  readonly manifest: (
    reference: Reference.Reference,
    tagOrDigest: string,
    options: Options
  ) => Effect.Effect<Manifests.Manifest, Errors.Reason>
  /** The bytes of a blob from `offset` on, as they arrive. Its digest is for the consumer to check. */
  readonly blob: (
    reference: Reference.Reference,
    descriptor: Manifests.Descriptor,
    options: Options & { readonly offset?: number | undefined }
  ) => Stream.Stream<Uint8Array, Errors.Reason>
  readonly hasBlob: (
    reference: Reference.Reference,
    descriptor: Pick<Manifests.Descriptor, "digest">,
    options: Options
  ) => Effect.Effect<boolean, Errors.Reason>
  /** Sends a blob, or mounts it from another repository that has it. The stream is run again for each attempt. */
  readonly uploadBlob: <E>(
    reference: Reference.Reference,
    descriptor: Pick<Manifests.Descriptor, "digest" | "size">,
    stream: Stream.Stream<Uint8Array, E>,
    options: Options & { readonly mountFrom?: string | undefined }
  ) => Effect.Effect<Uploads.Upload, Errors.Reason | E>
  readonly putManifest: (
    reference: Reference.Reference,
    tagOrDigest: string,
    manifest: { readonly mediaType: string; readonly bytes: Uint8Array },
    options: Options
  ) => Effect.Effect<Manifests.Descriptor, Errors.Reason>
}

/**
 * A client whose connections live in the scope. `findCredentials` is asked when a registry wants credentials and none
 * were given: by the registry's domain, as references have it.
 */
export const make = Effect.fnUntraced(function*(
  config: RegistryConfig,
  findCredentials: (domain: string) => Effect.Effect<Credentials | undefined, Errors.Reason>
): Effect.fn.Return<Client, never, Scope.Scope> {
  const transport = yield* Transport.make(settings(config))
  const registries: Registries = { transport, auth: yield* Auth.make(transport, findCredentials) }
  return {
    manifest: (reference, tagOrDigest, options) => Manifests.get(registries, reference, tagOrDigest, options),
    blob: (reference, descriptor, options) => Blob.get(registries, reference, descriptor, options),
    hasBlob: (reference, descriptor, options) => Blob.has(registries, reference, descriptor, options),
    uploadBlob: (reference, descriptor, stream, options) =>
      Uploads.put(registries, reference, descriptor, stream, options),
    putManifest: (reference, tagOrDigest, manifest, options) =>
      Manifests.put(registries, reference, tagOrDigest, manifest, options)
  }
})
