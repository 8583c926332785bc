import * as Effect from "effect/Effect"
import type { Primitives } from "../../../Backend.ts"
import type * as Errors from "../../../Errors.ts"
import * as Reference from "../../../Reference.ts"
import type { Client } from "../../registry/client.ts"
import type { Channel } from "../channel.ts"
import { reason } from "../errors.ts"
import * as Export from "./export.ts"
import * as Files from "./files.ts"
import * as Import from "./import.ts"
import * as Inspect from "./inspect.ts"
import * as Parts from "./parts.ts"
import * as Pull from "./pull.ts"
import * as Push from "./push.ts"
import * as Remove from "./remove.ts"
import { type Found, parsed, type Store } from "./store.ts"
import type { Transfer } from "./transfer.ts"

type Operations = Pick<
  Primitives,
  | "pull"
  | "push"
  | "inspectImage"
  | "listImages"
  | "tagImage"
  | "removeImage"
  | "importImages"
  | "exportImages"
>

export interface Images extends Operations {
  readonly store: Store
  /** Small text files of an image, read where the engine keeps what it was pulled as. */
  readonly readFiles: (
    image: Found,
    paths: ReadonlyArray<string>,
    operation: string
  ) => Effect.Effect<ReadonlyMap<string, string | undefined>, Errors.Reason>
  /** Succeeds when the snapshots of an image are there. */
  readonly ensureUnpacked: (image: Found, operation: string) => Effect.Effect<void, Errors.Reason>
}

export interface Options {
  readonly channel: Channel
  readonly snapshotter: string
  readonly registry: Client
  readonly transfer: Transfer | undefined
  readonly findCredentials: Pull.FindCredentials
}

/** The images side of the engine. */
export const make = ({ channel, findCredentials, registry, snapshotter, transfer }: Options): Images => {
  const parts = Parts.make(channel, snapshotter)
  const { content, records, store, unpack } = parts
  return {
    pull: Pull.make(parts, registry, { transfer, findCredentials }),
    push: Push.make(parts, registry),
    ...Inspect.make(parts),
    tagImage: Effect.fnUntraced(function*(image, reference) {
      const operation = "tagImage"
      const name = Reference.withDefaultTag(yield* parsed(reference, operation))
      if (name.digest !== undefined) {
        const message = `${reference} has a digest, which is not for us to give`
        return yield* reason("InvalidArgument", { operation, message })
      }
      const { target } = yield* store.record(image, operation)
      yield* records.put(name.canonical, target, operation)
    }),
    removeImage: Remove.make(parts),
    importImages: Import.make(parts),
    exportImages: Export.make(parts),
    store,
    readFiles: ({ manifest }, paths, operation) => Files.read(content, manifest.layers, paths, operation),
    ensureUnpacked: unpack.ensure
  }
}
