import * as Effect from "effect/Effect"
import * as Tar from "effect/encoding/Tar"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { posix } from "node:path"
import type * as Errors from "../../Errors.ts"
import { reason } from "../dockerApi/errors.ts"
import { open, stream } from "../dockerApi/request.ts"
import { type Containers, path as pathOf } from "./known.ts"

/**
 * What Podman does with a container's files in another way than Docker: its archive of a symbolic link is of what that
 * leads to, and what is to go into a directory that is none is put nowhere, or found out when half of it is sent.
 */

const Stat = Schema.fromJsonString(
  Schema.Struct({ size: Schema.Finite, mode: Schema.Finite, mtime: Schema.String, linkTarget: Schema.String })
)

const decodeStat = Schema.decodeUnknownResult(Stat)

/** Of the modes of Go's package `fs`, which do not fit into 32 bits with a sign. */
const has = (mode: number, bit: number): boolean => Math.floor(mode / 2 ** bit) % 2 === 1
const isDirectory = ({ mode }: typeof Stat.Type): boolean => has(mode, 31)
const isLink = ({ mode }: typeof Stat.Type): boolean => has(mode, 27)

interface Asked {
  readonly containers: Containers
  readonly operation: string
  readonly id: string
  readonly path: string
}

interface Found extends Readonly<typeof Stat.Type> {
  /** No link, or one that leads somewhere. */
  readonly isThere: boolean
}

/**
 * What is at a path, a link as such: also of one that leads nowhere, which is said where it is said that nothing is there.
 * Podman fails `Internal` of a link that leads round.
 */
const stat = ({ containers: { client }, id, operation, path }: Asked): Effect.Effect<Found, Errors.Reason> =>
  Effect.scoped(Effect.gen(function*() {
    const { body, headers, status } = yield* open(client, {
      operation,
      method: "HEAD",
      path: pathOf(id, "/archive"),
      query: { path },
      answer: 404
    })
    yield* Stream.runDrain(body)
    const said = headers["x-docker-container-path-stat"]
    if (status === 404 && said === undefined) {
      return yield* reason("NotFound", { operation, message: `${path}: no such file` })
    }
    return yield* Result.match(decodeStat(Buffer.from(String(said), "base64").toString("utf8")), {
      onSuccess: (found) => Effect.succeed({ ...found, isThere: status !== 404 }),
      onFailure: ({ message }) => Effect.fail(reason("Protocol", { operation, message: `${path}: ${message}` }))
    })
  }))

/** It may be empty, see {@link copyOut}. */
const archiveOf = ({ containers: { client }, id, operation, path }: Asked): Stream.Stream<Uint8Array, Errors.Reason> =>
  stream(client, { operation, method: "GET", path: pathOf(id, "/archive"), query: { path } })

/**
 * Where a link leads, in its own words. Podman says it with the directory in front, and how long the words are: one that
 * is absolute or has nothing to be left out is known by that.
 */
const targetOf = (path: string, { linkTarget, size }: typeof Stat.Type): string | undefined =>
  [linkTarget, posix.relative(posix.dirname(path), linkTarget)].find((words) => Buffer.byteLength(words) === size)

const depth = (path: string): number => path.split("/").filter((part) => part !== "").length

/** Everything else of a link stands in the archive of the directory that it is in. */
const fromAbove = (asked: Asked): Stream.Stream<Uint8Array, Errors.Reason> => {
  const { operation, path } = asked
  const above = posix.dirname(path)
  const name = posix.basename(path)
  const isIt = (at: string): boolean => posix.basename(at) === name && depth(at) === (above === "/" ? 1 : 2)
  return archiveOf({ ...asked, path: above }).pipe(
    Stream.pipeThroughChannel(Tar.decode<Errors.Reason>()),
    Stream.filter(({ header }) => isIt(header.path)),
    Stream.take(1),
    Stream.map(({ body, header }) => ({ body, header: { ...header, path: name } })),
    Stream.orElseIfEmpty(() => Stream.fail(reason("NotFound", { operation, message: `${path}: no such file` }))),
    Stream.pipeThroughChannel(
      Tar.encode<Tar.TarError | Errors.Reason, unknown, Tar.Entry<Tar.TarError | Errors.Reason>>()
    ),
    Stream.mapError((error) =>
      error._tag === "TarError" ? reason("Protocol", { operation, message: error.message, cause: error }) : error
    )
  )
}

/** How often an archive is asked for that comes without a word. */
const most = 5

/**
 * What is at a path, as an archive, and of a link the link. A container that has just ended may have its files taken away
 * while Podman looks at them: it has said by then that all is well, so the archive ends before it has begun. The next one
 * makes Podman bring them back.
 */
export const copyOut = (asked: Asked, tries = most): Stream.Stream<Uint8Array, Errors.Reason> =>
  once(asked).pipe(Stream.orElseIfEmpty(() =>
    tries > 1
      ? copyOut(asked, tries - 1)
      : Stream.fail(reason("Protocol", { operation: asked.operation, message: `${asked.path}: an empty archive` }))
  ))

const once = (asked: Asked): Stream.Stream<Uint8Array, Errors.Reason> => {
  const { operation, path } = asked
  const name = posix.basename(path)
  if (name === "" || path.endsWith("/")) return archiveOf(asked)
  return Stream.unwrap(
    stat(asked).pipe(
      Effect.map((found) => {
        if (!isLink(found)) return archiveOf(asked)
        const target = targetOf(path, found)
        if (target === undefined) return fromAbove(asked)
        return Stream.make(Tar.symlink(name, target, { mode: 0o777, mtime: new Date(found.mtime) })).pipe(
          Stream.pipeThroughChannel(Tar.encode<never, unknown, Tar.Entry>()),
          Stream.mapError((error) => reason("Protocol", { operation, message: error.message, cause: error }))
        )
      }),
      Effect.catchTags({
        // Which of them is missing, the container or the file, is said in a body only.
        NotFound: () => Effect.succeed(archiveOf(asked)),
        Internal: () => Effect.succeed(fromAbove(asked))
      })
    )
  )
}

/** Makes sure that something can be put there. */
export const isDirectoryThere = (asked: Asked): Effect.Effect<void, Errors.Reason> => {
  const { operation, path } = asked
  return stat(asked).pipe(
    Effect.flatMap((found): Effect.Effect<void, Errors.Reason> =>
      !found.isThere
        ? Effect.fail(reason("NotFound", { operation, message: `${path} leads nowhere` }))
        : isDirectory(found) || isLink(found)
        ? Effect.void
        : Effect.fail(reason("InvalidArgument", { operation, message: `${path} is not a directory` }))
    ),
    Effect.catchTag("NotFound", () => Stream.runDrain(Stream.take(archiveOf(asked), 1)))
  )
}
