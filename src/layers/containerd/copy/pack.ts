import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Tar from "effect/encoding/Tar"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type * as Errors from "../../../Errors.ts"
import { close, fill, readable } from "./descriptor.ts"
import { failure, type Operation, Refused, step } from "./failure.ts"
import type { Root } from "./root.ts"
import { type Found, tree } from "./tree.ts"

const operation: Operation = "copyOut"

/** Files up to this size are read at once: bytes. */
const small = 64 * 1024

/** How much of a larger one is read at a time: bytes. */
const piece = 1024 * 1024

/** How much is put into one batch at most: bytes, and entries. */
const batchBytes = 256 * 1024
const batchEntries = 128

/** The seconds that a `Date` can have. */
const latest = 8_640_000_000_000n

const clamped = (seconds: bigint): number => Number(seconds > latest ? latest : seconds < -latest ? -latest : seconds)

const floor = (nanos: bigint): bigint =>
  (nanos - ((nanos % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n) / 1_000_000_000n

type Entry = Tar.Entry<Errors.Reason>

const optionsOf = ({ stats }: Found, { groups, users }: Root) => ({
  mode: Number(stats.mode & 0o7777n),
  uid: users.inside(Number(stats.uid)),
  gid: groups.inside(Number(stats.gid)),
  mtime: new Date(clamped(floor(stats.mtimeNs)) * 1000)
})

/** The number of a device, taken apart as glibc has it. */
export const deviceOf = (rdev: bigint) => ({
  devMajor: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn)),
  devMinor: Number((rdev & 0xffn) | ((rdev >> 12n) & ~0xffn & 0xffffffffn))
})

const special = (found: Found, root: Root): Entry => {
  const { path, stats } = found
  const type = stats.isFIFO() ? "Fifo" : stats.isBlockDevice() ? "BlockDevice" : "CharDevice"
  // Links have all of a header but what is particular to a device.
  const { body, header } = Tar.symlink(path, "", optionsOf(found, root))
  return { body, header: { ...header, type, ...(type === "Fifo" ? {} : deviceOf(stats.rdev)) } }
}

/** So many bytes of a file, whatever becomes of it: zeros stand for those that it has lost. */
const contentOf = async (file: number, size: number, position: number): Promise<Uint8Array> => {
  const buffer = Buffer.allocUnsafeSlow(size)
  buffer.fill(0, await fill(file, buffer, position))
  return buffer
}

/** The files from a path of a container on, as an archive. */
export const pack = (root: Root, path: string): Stream.Stream<Uint8Array, Errors.Reason> =>
  Stream.unwrap(Effect.gen(function*() {
    // The one file that is being read while the next entry is not asked for.
    const open: { file?: number } = {}
    const closeFile = async () => {
      const { file } = open
      delete open.file
      if (file !== undefined) await close(file)
    }
    const files = yield* Effect.acquireRelease(
      step(operation, path, () => tree(root, path)),
      (files) => Effect.promise(() => Promise.all([files.close(), closeFile()]))
    )

    const large = (size: number): Stream.Stream<Uint8Array, Errors.Reason> => {
      let position = 0
      const next: Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>, Errors.Reason> = Effect.suspend((): typeof next => {
        const { file } = open
        if (position >= size || file === undefined) return Cause.done()
        return Effect.map(
          step(operation, path, () => contentOf(file, Math.min(piece, size - position), position)),
          (bytes): Arr.NonEmptyReadonlyArray<Uint8Array> => {
            position += bytes.length
            return [bytes]
          }
        )
      })
      return Stream.fromPull(Effect.succeed(next))
    }

    const fileOf = async (found: Found): Promise<Entry> => {
      const size = Number(found.stats.size)
      const options = optionsOf(found, root)
      if (size === 0) return Tar.file(found.path, new Uint8Array(), options)
      const file = open.file = await readable(found.descriptor)
      if (size > small) return Tar.fileStream(found.path, size, large(size), options)
      const bytes = await contentOf(file, size, 0)
      await closeFile()
      return Tar.file(found.path, bytes, options)
    }

    const entryOf = async (found: Found): Promise<Entry> => {
      const { linkTarget, path, stats } = found
      if (found.sameAs !== undefined) return Tar.hardlink(path, found.sameAs, optionsOf(found, root))
      if (stats.isDirectory()) return Tar.directory(path, optionsOf(found, root))
      if (linkTarget !== undefined) return Tar.symlink(path, linkTarget, optionsOf(found, root))
      return stats.isFile() ? fileOf(found) : special(found, root)
    }

    const batch = async (): Promise<Array<Entry>> => {
      await closeFile()
      const entries: Array<Entry> = []
      let bytes = 0
      while (entries.length < batchEntries && bytes < batchBytes && open.file === undefined) {
        const found = await files.next()
        if (found === undefined) break
        try {
          const entry = await entryOf(found)
          entries.push(entry)
          bytes += entry.header.size
        } finally {
          await found.done()
        }
      }
      return entries
    }

    const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<Entry>, Errors.Reason> = Effect.flatMap(
      step(operation, path, batch),
      ([first, ...rest]) => first === undefined ? Cause.done() : Effect.succeed([first, ...rest])
    )
    return Stream.fromPull(Effect.succeed(pull)).pipe(
      Stream.pipeThroughChannel(Tar.encode<Errors.Reason, unknown, Entry>()),
      Stream.mapError((error) =>
        Tar.isTarError(error) ? failure(operation, path, new Refused("Unsupported", error.message)) : error
      )
    )
  }))
