import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Channel } from "../../channel.ts"
import { reason } from "../../errors.ts"
import { Content } from "../../protocol/content_pb.ts"
import type { Base } from "../builder.ts"
import { method, type Served, unary } from "./serve.ts"

const operation = "build"

/** What the store of base images is called. */
export const store = "containerd"

/** The blobs that make up base images. */
export const blobsOf = (bases: ReadonlyArray<Base>): ReadonlySet<string> =>
  new Set(
    bases.flatMap(({ image: { digest, manifest: { config, layers } } }) => [
      digest,
      config.digest,
      ...layers.map((layer) => layer.digest)
    ])
  )

/** Lets BuildKit read these blobs of containerd's, and no others. */
export const serve = (channel: Channel, blobs: ReadonlySet<string>): ReadonlyArray<Served> => {
  const check = (digest: string) =>
    blobs.has(digest)
      ? Effect.void
      : Effect.fail(reason("NotFound", { operation, message: `content ${digest}: not found` }))
  return [
    unary(
      Content.method.info,
      ({ digest }) => Effect.andThen(check(digest), channel.unary(Content.method.info, { digest }, { operation }))
    ),
    method(Content.method.read, ({ answer, messages }) =>
      Stream.take(messages, 1).pipe(
        Stream.runForEach(({ digest, offset, size }) =>
          Effect.andThen(
            check(digest),
            Stream.runForEach(channel.stream(Content.method.read, { digest, offset, size }, { operation }), answer)
          )
        )
      ))
  ]
}
