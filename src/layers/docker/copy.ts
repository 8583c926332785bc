import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Errors from "../../Errors.ts"
import { open, stream } from "../dockerApi/request.ts"
import { type Containers, named, path } from "./known.ts"
import * as PodmanFiles from "./podmanFiles.ts"

/** Unpacks an archive into a directory of a container. */
export const copyIn = <E>(
  containers: Containers,
  id: string,
  target: string,
  archive: Stream.Stream<Uint8Array, E>
): Effect.Effect<void, Errors.Reason | E> => {
  const { client } = containers
  const operation = "copyIn"
  const copied = Effect.scoped(Effect.flatMap(
    open(client, {
      operation,
      method: "PUT",
      path: path(id, "/archive"),
      query: { path: target },
      archive
    }),
    ({ body }) => Stream.runDrain(body)
  ))
  if (!client.isPodman) return copied
  return PodmanFiles.isDirectoryThere({ containers, operation, id, path: target }).pipe(
    Effect.mapError(named(containers, target)),
    Effect.andThen(copied)
  )
}

/** What is at a path of a container, as an archive. */
export const copyOut = (
  containers: Containers,
  id: string,
  source: string
): Stream.Stream<Uint8Array, Errors.Reason> => {
  const { client } = containers
  const operation = "copyOut"
  return Stream.mapError(
    client.isPodman
      ? PodmanFiles.copyOut({ containers, operation, id, path: source })
      : stream(client, { operation, method: "GET", path: path(id, "/archive"), query: { path: source } }),
    named(containers, source)
  )
}
