import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Errors from "../../../Errors.ts"
import { reason } from "../errors.ts"
import type { Content } from "./content.ts"
import {
  type Decode,
  decodeConfig,
  decodeIndex,
  decodeManifest,
  type ImageConfig,
  type Index,
  type Manifest
} from "./manifest.ts"
import { Recent } from "./recent.ts"

/** No manifest that a registry takes is larger: bytes. */
export const longest = 8 * 1024 * 1024

type Get<A> = (digest: string, operation: string) => Effect.Effect<A, Errors.Reason>

/** Indices, manifests and configurations. What a digest names never changes: what was read is kept, up to a bound. */
export interface Documents {
  readonly index: Get<Index>
  readonly manifest: Get<Manifest>
  readonly config: Get<ImageConfig>
  /** Forgets all: what was there may be gone. */
  readonly forget: () => void
}

export const make = (content: Content): Documents => {
  const caches: Array<{ readonly clear: () => void }> = []
  const getter = <A>(decode: Decode<A>): Get<A> => {
    const known = new Recent<A>(200)
    caches.push(known)
    return (digest, operation) =>
      Effect.suspend(() => {
        const found = known.get(digest)
        if (found !== undefined) return Effect.succeed(found)
        return Effect.flatMap(content.read(digest, { operation, most: longest }), (bytes) => {
          const decoded = decode(bytes)
          if (Result.isFailure(decoded)) {
            return Effect.fail(reason("Protocol", { operation, message: `${digest}: ${decoded.failure}` }))
          }
          known.set(digest, decoded.success)
          return Effect.succeed(decoded.success)
        })
      })
  }
  return {
    index: getter(decodeIndex),
    manifest: getter(decodeManifest),
    config: getter(decodeConfig),
    forget: () => {
      for (const cache of caches) cache.clear()
    }
  }
}
