import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Errors from "../../Errors.ts"
import { type Containers, named, path } from "./known.ts"
import { open, send, stream } from "./request.ts"

/** Podman takes what is to go into a directory that is not there, and puts it nowhere. */
const isThere = (
  containers: Containers,
  operation: string,
  id: string,
  target: string
): Effect.Effect<void, Errors.Reason> => {
  const { client } = containers
  const asked = { operation, path: path(id, "/archive"), query: { path: target } }
  return send(client, { ...asked, method: "HEAD" }).pipe(
    // Which of them is missing, the container or the directory, is said in a body only.
    Effect.catchTag("NotFound", () => Effect.scoped(open(client, { ...asked, method: "GET" }))),
    Effect.mapError(named(containers, target)),
    Effect.asVoid
  )
}

/** Unpacks an archive into a directory of a container. */
export const copyIn = <E>(
  containers: Containers,
  id: string,
  target: string,
  archive: Stream.Stream<Uint8Array, E>
): Effect.Effect<void, Errors.Reason | E> => {
  const { client } = containers
  const copied = Effect.scoped(Effect.flatMap(
    open(client, {
      operation: "copyIn",
      method: "PUT",
      path: path(id, "/archive"),
      query: { path: target },
      archive
    }),
    ({ body }) => Stream.runDrain(body)
  ))
  return client.isPodman ? Effect.andThen(isThere(containers, "copyIn", id, target), copied) : copied
}

/** What is at a path of a container, as an archive. */
export const copyOut = (
  containers: Containers,
  id: string,
  source: string
): Stream.Stream<Uint8Array, Errors.Reason> =>
  Stream.mapError(
    stream(containers.client, {
      operation: "copyOut",
      method: "GET",
      path: path(id, "/archive"),
      query: { path: source }
    }),
    named(containers, source)
  )
