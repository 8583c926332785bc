import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import { mkdir, readFile, realpath, stat } from "node:fs/promises"
import { join, sep } from "node:path"
import type * as Errors from "../../../Errors.ts"
import { close, hostDirectory } from "../copy/descriptor.ts"
import { type Ids, same } from "../copy/ids.ts"
import { unpack } from "../copy/unpack.ts"
import { fromCause, reason } from "../errors.ts"

const operation = "build"

/** Only root gives files away; a builder makes them root's in the image anyway. */
const mine = (id: number | undefined): Ids => ({ inside: () => 0, outside: () => id })

/** Unpacks a context into a folder: nothing is written beside it, whatever the archive says. */
export const unpackInto = <E>(
  folder: string,
  archive: Stream.Stream<Uint8Array, E>
): Effect.Effect<void, Errors.Reason | E> =>
  Effect.scoped(Effect.gen(function*() {
    const isRoot = process.getuid?.() === 0
    const root = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: async () => {
          await mkdir(folder)
          return hostDirectory(folder)
        },
        catch: (cause) => fromCause(operation, cause)
      }),
      ({ descriptor }) => Effect.promise(() => close(descriptor))
    )
    yield* unpack(
      {
        ...root,
        users: isRoot ? same : mine(process.getuid?.()),
        groups: isRoot ? same : mine(process.getgid?.())
      },
      "/",
      archive
    )
  }))

const missing = (name: string) =>
  reason("NotFound", {
    operation,
    message: `the context has no file ${name}`,
    hint: "name the Dockerfile's path in it"
  })

/** Longer than any Dockerfile: bytes. */
const longest = 16 * 1024 * 1024

/** The text of a context's Dockerfile, which must not lead out of it. */
export const dockerfile = (context: string, name: string): Effect.Effect<string, Errors.Reason> =>
  Effect.tryPromise({
    try: async () => {
      const root = await realpath(context)
      const path = await realpath(join(root, name))
      const found = await stat(path)
      return path.startsWith(root + sep) && found.isFile() && found.size <= longest
        ? await readFile(path, "utf8")
        : undefined
    },
    catch: (cause) => {
      const error = fromCause(operation, cause)
      return error._tag === "NotFound" ? missing(name) : error
    }
  }).pipe(Effect.filterOrFail((text) => text !== undefined, () => missing(name)))
