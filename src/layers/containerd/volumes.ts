import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { mkdir, readdir } from "node:fs/promises"
import { join, posix } from "node:path"
import type { ContainerConfig } from "../../ContainerConfig.ts"
import type * as Errors from "../../Errors.ts"
import { chmod, chown, close, hostDirectory, itself, type Stats } from "./copy/descriptor.ts"
import { step } from "./copy/failure.ts"
import { pack } from "./copy/pack.ts"
import { Trail, walk } from "./copy/resolve.ts"
import * as Root from "./copy/root.ts"
import { unpack } from "./copy/unpack.ts"
import type { Engine } from "./engine.ts"
import { codeOf, reason } from "./errors.ts"
import { Tasks } from "./protocol/tasks_pb.ts"
import type { Mount as Rootfs } from "./protocol/types_pb.ts"
import type { Mount } from "./spec/model.ts"
import * as Task from "./task.ts"

const operation = "create"

/**
 * A path of the image that holds data: it gets a directory of the container's own, which begins with what the image has
 * there and goes with the container.
 */
export interface Volume {
  readonly path: string
  /** The directory, on the host. */
  readonly source: string
}

/** Whose an empty volume is. */
interface Owned {
  readonly uid: number
  readonly gid: number
  readonly mode: number
}

/** The volumes that are empty at first, by image and path: they need no look at the image's files. */
const empty = new Map<string, Owned>()
const mostRemembered = 1024

const keyOf = (chainId: string, { path }: Volume): string => `${chainId} ${path}`

/** Those for which nothing else was asked to be mounted there. */
export const of = (
  config: ContainerConfig,
  paths: ReadonlyArray<string>,
  folder: string
): Effect.Effect<ReadonlyArray<Volume>, Errors.InvalidArgument> => {
  const taken = new Set(config.mounts.map(({ target }) => posix.resolve("/", target)))
  const wanted = [...new Set(paths.map((path) => posix.resolve("/", path)))].filter((path) => !taken.has(path))
  return wanted.includes("/")
    ? Effect.fail(reason("InvalidArgument", { operation, message: `${config.image} has its root for a volume` }))
    : Effect.succeed(wanted.map((path, n) => ({ path, source: join(folder, "volumes", String(n)) })))
}

export const mounts = (volumes: ReadonlyArray<Volume>): ReadonlyArray<Mount> =>
  volumes.map(({ path, source }) => ({
    destination: path,
    type: "bind",
    source,
    options: ["rbind", "rprivate", "rw"]
  }))

/** Whether what they begin with is known already. */
export const areKnown = (volumes: ReadonlyArray<Volume>, chainId: string): boolean =>
  volumes.every((volume) => empty.has(keyOf(chainId, volume)))

/** The command of a container whose files are only looked at: it is there in every image, and never run. */
export const placeholder: ReadonlyArray<string> = ["/proc/self/exe"]

/** The image's files, of which one and the same process is the way to all; it is gone when the scope closes. */
const openImage = Effect.fnUntraced(function*(
  engine: Engine,
  id: string,
  rootfs: ReadonlyArray<Rootfs>
): Effect.fn.Return<Root.Root, Errors.Reason, Scope.Scope> {
  const { pid } = yield* Effect.acquireRelease(
    engine.channel.unary(Tasks.method.create, {
      containerId: id,
      rootfs,
      stdin: "",
      stdout: "",
      stderr: "",
      terminal: false
    }, { operation }),
    () =>
      Effect.catch(
        Task.destroy(engine, operation, id),
        (error) => Effect.logWarning(`a process of container ${id} is left behind: ${error.message}`)
      )
  )
  return yield* Root.open("copyOut", pid, rootfs)
})

/** What the image has at a path, its links followed; `undefined`: nothing. */
const look = async (root: Root.Root, path: string): Promise<Stats | undefined> => {
  const trail = Trail.from(root)
  try {
    await walk(trail, path)
    return trail.last.stats
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined
    throw cause
  } finally {
    await trail.close()
  }
}

const nobodys: Owned = { uid: 0, gid: 0, mode: 0o755 }

const own = async (descriptor: number, { gid, mode, uid }: Owned): Promise<void> => {
  await chown(itself(descriptor), uid, gid)
  await chmod(itself(descriptor), mode)
}

const make = ({ source }: Volume): Promise<unknown> => mkdir(source, { recursive: true, mode: 0o700 })

const opened = (source: string) =>
  Effect.acquireRelease(
    step("copyOut", source, () => hostDirectory(source)),
    ({ descriptor }) => Effect.promise(() => close(descriptor))
  )

const fillOne = Effect.fnUntraced(function*(
  root: Root.Root,
  volume: Volume,
  chainId: string
): Effect.fn.Return<void, Errors.Reason, Scope.Scope> {
  const { path, source } = volume
  const stats = yield* step("copyOut", path, async () => {
    await make(volume)
    return look(root, path)
  })
  const place = yield* opened(source)
  if (stats !== undefined) yield* unpack({ ...root, ...place }, "/", pack(root, `${path}/.`))
  const owned = stats === undefined
    ? nobodys
    : { uid: Number(stats.uid), gid: Number(stats.gid), mode: Number(stats.mode & 0o7777n) }
  yield* step("copyOut", path, async () => {
    await own(place.descriptor, owned)
    if ((await readdir(itself(place.descriptor))).length > 0) return
    if (empty.size >= mostRemembered) empty.clear()
    empty.set(keyOf(chainId, volume), owned)
  })
}, Effect.scoped)

/** Makes the directories of volumes of which all is known. */
export const makeEmpty = (volumes: ReadonlyArray<Volume>, chainId: string): Effect.Effect<void, Errors.Reason> =>
  Effect.forEach(volumes, (volume) =>
    step("copyIn", volume.path, async () => {
      await make(volume)
      const { descriptor } = await hostDirectory(volume.source)
      try {
        await own(descriptor, empty.get(keyOf(chainId, volume)) ?? nobodys)
      } finally {
        await close(descriptor)
      }
    }), { discard: true }).pipe(Effect.mapError(ofCreate))

/** Errors of copies say that they are one. */
const ofCreate = (error: Errors.Reason): Errors.Reason => reason(error._tag, { ...error, operation })

/** The image's files are not for us to look at, or their owners not for us to give. */
const isOutOfReach = ({ _tag, code }: Errors.Reason): boolean =>
  _tag === "Unsupported" || _tag === "PermissionDenied" || _tag === "Unavailable" && typeof code === "string"

/**
 * Makes the directories of volumes, with what the image has there; which of them are to be mounted. The container has to
 * be one of {@link placeholder}.
 *
 * What cannot be made from here is left to the container's own layer, which can be written as well and also goes with the
 * container; but not if its root is read-only.
 */
export const fill = (
  engine: Engine,
  id: string,
  volumes: ReadonlyArray<Volume>,
  { chainId, isReadOnly, rootfs }: {
    readonly chainId: string
    readonly isReadOnly: boolean
    readonly rootfs: ReadonlyArray<Rootfs>
  }
): Effect.Effect<ReadonlyArray<Volume>, Errors.Reason> =>
  Effect.gen(function*() {
    // Who has no root cannot give files away, nor remove those that a container has given to its users.
    if (engine.host.rootless) {
      return yield* reason("Unsupported", { operation, message: "an engine without root makes no volumes of an image" })
    }
    const root = yield* openImage(engine, id, rootfs)
    yield* Effect.forEach(volumes, (volume) => fillOne(root, volume, chainId), { discard: true })
    return volumes
  }).pipe(
    Effect.scoped,
    Effect.catch((error) =>
      !isOutOfReach(error)
        ? Effect.fail(ofCreate(error))
        : isReadOnly
        ? Effect.fail(reason(error._tag, {
          ...error,
          operation,
          message: `the image's volume ${volumes.map(({ path }) => path).join(", ")}: ${error.message}`,
          hint: "mount something there, as with Container.tmpfs, or let the root be written"
        }))
        : Effect.as(Effect.logDebug(`container ${id} has its volumes in its own layer: ${error.message}`), [])
    )
  )
