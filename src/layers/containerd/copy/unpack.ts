import * as Effect from "effect/Effect"
import * as Tar from "effect/encoding/Tar"
import * as Stream from "effect/Stream"
import { posix } from "node:path"
import type * as Errors from "../../../Errors.ts"
import { reason } from "../errors.ts"
import { decompressed } from "../images/decompress.ts"
import { append, close, created, fchmod, fchown, futimes } from "./descriptor.ts"
import * as Make from "./entry.ts"
import { type Operation, Refused, step } from "./failure.ts"
import { Trail, walk } from "./resolve.ts"
import type { Root } from "./root.ts"

const operation: Operation = "copyIn"

/** The name of an entry below the directory that is unpacked into: no way leads out of it. */
const nameOf = (path: string): string => {
  const name = posix.normalize(`./${path}`).replace(/\/+$/, "")
  if (name === ".." || name.startsWith("../")) {
    throw new Refused("InvalidArgument", "the archive's entry lies outside of the directory that it is for")
  }
  if (name.includes("\uFFFD")) throw new Refused("Unsupported", "the archive's entry has a name that is not UTF-8")
  return name
}

/** Of all that an archive can say of a file, what would be missed if it were left out. */
const refuse = ({ pax, type, typeflag }: Tar.Header): void => {
  if (type === "CharDevice" || type === "BlockDevice") {
    throw new Refused("Unsupported", "a device cannot be made in a container", "leave it out of the archive")
  }
  if (type === "Other") throw new Refused("Unsupported", `the archive's entry is of the unknown type ${typeflag}`)
  if ("SCHILY.xattr.security.capability" in pax) {
    throw new Refused("Unsupported", "the capabilities of a file cannot be set", "leave them out of the archive")
  }
}

const ownersOf = ({ gid, uid }: Tar.Header, { groups, users }: Root): Make.Owners => {
  const owners = { uid: users.outside(uid), gid: groups.outside(gid) }
  if (owners.uid === undefined || owners.gid === undefined) {
    throw new Refused("InvalidArgument", `the container has no user ${uid}:${gid}`)
  }
  return { uid: owners.uid, gid: owners.gid }
}

const openTrail = (root: Root, path: string): Effect.Effect<Trail, Errors.Reason> =>
  step(operation, path, async () => {
    const trail = Trail.from(root)
    try {
      await walk(trail, path)
      return trail
    } catch (cause) {
      await trail.close()
      if (cause instanceof Error && "code" in cause && cause.code === "ENOTDIR") {
        throw new Refused("InvalidArgument", "this is not a directory")
      }
      throw cause
    }
  })

/** Unpacks an archive into a directory of a container. */
export const unpack = <E>(
  root: Root,
  path: string,
  archive: Stream.Stream<Uint8Array, E>
): Effect.Effect<void, Errors.Reason | E> =>
  Effect.scoped(Effect.gen(function*() {
    const top = yield* Effect.acquireRelease(openTrail(root, path), (trail) => Effect.promise(() => trail.close()))
    const directories: Array<{ readonly name: string; readonly mtime: Date }> = []
    // Where the last entry went: most often the next one goes there as well.
    let near: { readonly name: string; readonly trail: Trail } | undefined
    const leave = async () => {
      const left = near
      near = undefined
      await left?.trail.close()
    }
    yield* Effect.addFinalizer(() => Effect.promise(leave))

    const parentOf = async (name: string): Promise<Trail> => {
      const parent = posix.dirname(name)
      if (near?.name === parent) return near.trail
      await leave()
      const trail = await top.fork()
      try {
        await walk(trail, parent, { missing: Make.missing })
      } catch (cause) {
        await trail.close()
        throw cause
      }
      near = { name: parent, trail }
      return trail
    }

    /** Links of another name may lead through what is removed. */
    const vacate = async (parent: Trail, base: string): Promise<void> => {
      if (await Make.vacate(parent.last, base)) await leave()
    }

    const apply = (entry: Tar.Entry<Tar.TarError | Errors.Reason | E>) => {
      const { header } = entry
      const label = posix.join(path, header.path)
      const run = <A>(act: () => Promise<A>) => step(operation, label, act)
      const begun = run(async (): Promise<number | undefined> => {
        const name = nameOf(header.path)
        if (name === ".") return undefined
        refuse(header)
        const owners = ownersOf(header, root)
        const base = posix.basename(name)
        if (header.type === "Directory") {
          await Make.directory((await parentOf(name)).last, base, header, owners)
          directories.push({ name, mtime: header.mtime })
          return undefined
        }
        if (header.type === "Hardlink") {
          const leads = nameOf(header.linkTarget ?? "")
          if (leads === name) return undefined
          const source = await top.fork()
          try {
            await walk(source, posix.dirname(leads))
            await vacate(await parentOf(name), base)
            await Make.hardLink(source.last, posix.basename(leads), (await parentOf(name)).last, base)
          } finally {
            await source.close()
          }
          return undefined
        }
        await vacate(await parentOf(name), base)
        const { last } = await parentOf(name)
        if (header.type === "File") return Make.insist(last, base, () => created(last.descriptor, base))
        if (header.type === "Symlink") await Make.symbolicLink(last, base, header, owners)
        else await Make.pipe(last, base, header, owners)
        return undefined
      })
      const written = (file: number) =>
        Effect.andThen(
          Stream.runForEachArray(entry.body, (chunks) => run(() => append(file, chunks))),
          run(async () => {
            const { gid, uid } = ownersOf(header, root)
            await fchown(file, uid, gid)
            // After the owner, whose change takes setuid away.
            await fchmod(file, header.mode)
            await futimes(file, header.mtime, header.mtime)
          })
        )
      return Effect.acquireUseRelease(
        begun,
        (file) => file === undefined ? Effect.void : written(file),
        (file) => file === undefined ? Effect.void : Effect.promise(() => close(file))
      )
    }

    yield* decompressed(archive, operation).pipe(
      Stream.pipeThroughChannel(Tar.decode()),
      Stream.runForEach(apply),
      Effect.mapError((error) =>
        Tar.isTarError(error)
          ? reason("InvalidArgument", {
            operation,
            message: `this is not a tar archive: ${error.message}`,
            cause: error
          })
          : error
      )
    )
    // Whatever was put into them since has changed their times.
    yield* Effect.forEach(
      directories,
      ({ mtime, name }) =>
        step(operation, posix.join(path, name), async () => {
          const { last } = await parentOf(name)
          await Make.touch(last, posix.basename(name), mtime)
        }),
      { discard: true }
    )
  }))
