import type { Credentials } from "effect-containers/Backend"
import * as Client from "effect-containers/layers/registry/client"
import type { RegistryConfig } from "effect-containers/layers/registry/config"
import * as Reference from "effect-containers/Reference"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type Handler, serve, sha256 } from "../../layers/registry/fake.ts"
import { outcome, soon } from "../case.ts"

export const person: Credentials = { username: "user", password: Redacted.make("s3cr3t-pw") }

/** A layer, of which a registry should give all. */
export const content = Buffer.alloc(100_000, "layer")
export const layer = {
  mediaType: "application/vnd.oci.image.layer.v1.tar",
  digest: sha256(content),
  size: content.length
}

/** Once more is enough; what never comes is given up soon. */
export const config: RegistryConfig = { retries: { times: 1, delay: 1, maximumDelay: 10 } }
export const hurried: RegistryConfig = { ...config, answerTimeout: 500, stallTimeout: 500, connectTimeout: 5000 }

type Uses = (client: Client.Client, registry: Reference.Reference, tag?: string) => Effect.Effect<string>

/** Asks for a manifest. */
export const manifest: Uses = (client, registry, tag = "1") =>
  outcome(client.manifest(registry, tag, { operation: "pull" }), () => "a manifest")

/** Reads a layer, and says how much of it came. */
export const blob: Uses = (client, registry) =>
  Effect.suspend(() => {
    let size = 0
    const read = Stream.runForEach(client.blob(registry, layer, { operation: "pull" }), (bytes) =>
      Effect.sync(() => {
        size += bytes.length
      }))
    return Effect.map(outcome(read, () => "the end"), (end) => `${size} bytes, then ${end}`)
  })

/** Somebody who has credentials asks a registry. */
export const asking = (host: string, use: Uses, config: RegistryConfig): Effect.Effect<string> =>
  Effect.scoped(Effect.flatMap(
    Client.make(config, () => Effect.succeed(person)),
    (client) => use(client, new Reference.Reference({ domain: host, path: "team/app" }))
  ))

/** A registry that does as it likes, and a client of it. When the client is closed no connection is open. */
export const against = (
  handler: Handler,
  use: Uses,
  options: { readonly config?: RegistryConfig | undefined } = {}
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.gen(function*() {
    const fake = yield* serve(handler)
    const gets = yield* asking(fake.host, use, options.config ?? config)
    const isClosed = yield* soon(() => fake.sockets.size === 0)
    return isClosed ? gets : `${gets}, ${fake.sockets.size} connections left open`
  })
