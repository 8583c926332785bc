import * as NodeStream from "@effect/platform-node-shared/NodeStream"
import * as Stream from "effect/Stream"
import { createReadStream } from "node:fs"
import { lstat, readdir, readlink } from "node:fs/promises"
import { join } from "node:path"
import type * as Errors from "../../../../Errors.ts"
import { fromCause } from "../../errors.ts"

const operation = "build"

/** A file, a directory or a link, as BuildKit is told of it. */
export interface Entry {
  /** With `/` between its parts, and none before. */
  readonly path: string
  /** As Go has it. */
  readonly mode: number
  readonly size: bigint
  /** Nanoseconds. */
  readonly modTime: bigint
  readonly linkname: string
  /** Of a file. */
  readonly content: Stream.Stream<Uint8Array, Errors.Reason> | undefined
}

/** In the order that BuildKit wants: each directory before what is in it, names by their bytes. */
export type Tree = Stream.Stream<Entry, Errors.Reason>

/** Go's bits for what is no plain file. */
const directory = 2 ** 31
const link = 2 ** 27

/** Unix has these three elsewhere. */
const special: ReadonlyArray<readonly [unix: number, go: number]> = [
  [0o4000, 2 ** 23],
  [0o2000, 2 ** 22],
  [0o1000, 2 ** 20]
]

const permissions = (mode: number): number =>
  special.reduce((sum, [unix, go]) => (mode & unix) === 0 ? sum : sum + go, mode & 0o777)

/** Files of a folder are read in such pieces: bytes. */
const piece = 256 * 1024

const content = (path: string) =>
  NodeStream.fromReadable<Uint8Array, Errors.Reason>({
    evaluate: () => createReadStream(path, { highWaterMark: piece }),
    onError: (cause) => fromCause(operation, cause)
  })

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

async function* walk(root: string, below: string): AsyncGenerator<Entry> {
  const names = await readdir(join(root, below))
  for (const name of names.toSorted(byBytes)) {
    const path = below === "" ? name : `${below}/${name}`
    const full = join(root, path)
    const stat = await lstat(full, { bigint: true })
    const entry = {
      path,
      mode: permissions(Number(stat.mode)),
      size: 0n,
      modTime: stat.mtimeNs,
      linkname: "",
      content: undefined
    }
    if (stat.isDirectory()) {
      yield { ...entry, mode: entry.mode + directory }
      yield* walk(root, path)
    } else if (stat.isSymbolicLink()) {
      yield { ...entry, mode: entry.mode + link, linkname: await readlink(full) }
    } else if (stat.isFile()) yield { ...entry, size: stat.size, content: content(full) }
    // Pipes and devices are not for an image.
  }
}

/** What is in a folder. Files with several names are several files. */
export const ofFolder = (folder: string): Tree =>
  Stream.fromAsyncIterable(walk(folder, ""), (cause) => fromCause(operation, cause))

/** Files that are nowhere else, by their names. */
export const ofTexts = (texts: Readonly<Record<string, string>>): Tree =>
  Stream.fromArray(
    Object.entries(texts).toSorted(([a], [b]) => byBytes(a, b)).map(([path, text]) => {
      const bytes = Buffer.from(text)
      return {
        path,
        mode: 0o644,
        size: BigInt(bytes.length),
        modTime: 0n,
        linkname: "",
        content: Stream.succeed(bytes)
      }
    })
  )
