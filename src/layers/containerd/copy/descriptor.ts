/**
 * Files reached from descriptors of directories, as with `openat`: what is under `/proc/self/fd` leads to the very thing
 * that was opened, wherever it is moved, and one plain name after it is all that the kernel is ever given to resolve.
 */
import * as fs from "node:fs"
import { promisify } from "node:util"

/** The same number on every machine that Node runs on; Node does not name it. */
const O_PATH = 0o10000000
const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants

export type Stats = fs.BigIntStats

const openFile = promisify(fs.open)
const fstat = promisify(fs.fstat)
const statfs = promisify(fs.statfs)

export const close = promisify(fs.close)
export const fchown = promisify(fs.fchown)
export const fchmod = promisify(fs.fchmod)
export const futimes = promisify(fs.futimes)
export const chown = promisify(fs.chown)
export const chmod = promisify(fs.chmod)
export const opendir = promisify(fs.opendir)
const readlink = promisify(fs.readlink)
const read = promisify(fs.read)
const write = promisify(fs.writev)

/** What a descriptor was opened for. */
export const itself = (descriptor: number): string => `/proc/self/fd/${descriptor}`

const plain = (name: string): boolean => name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name)

/** What has this name in a directory. The name is one that a directory can have, or nothing may be done with it. */
export const at = (directory: number, name: string): string => {
  if (!plain(name)) throw new TypeError(`${JSON.stringify(name)} is not the name of a file`)
  return `/proc/self/fd/${directory}/${name}`
}

/** An opened place in a file system: opened neither for reading nor for writing, so nothing happens to what is there. */
export interface Place {
  readonly descriptor: number
  readonly stats: Stats
}

const stated = async (descriptor: number): Promise<Place> => {
  try {
    return { descriptor, stats: await fstat(descriptor, { bigint: true }) }
  } catch (cause) {
    await close(descriptor)
    throw cause
  }
}

/** Any thing at all: a link is opened itself, a pipe or a device does not notice. */
export const place = async (directory: number, name: string): Promise<Place> =>
  stated(await openFile(at(directory, name), O_PATH | O_NOFOLLOW))

/** A directory of the host, by its whole path, which the kernel resolves. */
export const hostDirectory = async (path: string): Promise<Place> => stated(await openFile(path, O_PATH | O_DIRECTORY))

/** Another descriptor of the same place. */
export const again = (directory: number): Promise<number> => openFile(itself(directory), O_PATH | O_DIRECTORY)

/** A file that was seen to be one, for reading. */
export const readable = (file: number): Promise<number> => openFile(itself(file), O_RDONLY | O_NONBLOCK)

/** A file that was not there before. */
export const created = (directory: number, name: string): Promise<number> =>
  openFile(at(directory, name), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)

export const target = (directory: number, name: string): Promise<string> => readlink(at(directory, name))

export const kindOf = async (directory: number): Promise<number> => (await statfs(itself(directory))).type

/** Fills a buffer from a position; how much of it, which is less at the end of the file only. */
export const fill = async (file: number, buffer: Uint8Array, position: number): Promise<number> => {
  let filled = 0
  while (filled < buffer.length) {
    const { bytesRead } = await read(file, buffer, filled, buffer.length - filled, position + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return filled
}

/** Appends all of them. */
export const append = async (file: number, chunks: ReadonlyArray<Uint8Array>): Promise<void> => {
  let left = chunks.filter((chunk) => chunk.length > 0)
  while (left.length > 0) {
    let { bytesWritten } = await write(file, left)
    const next: Array<Uint8Array> = []
    for (const chunk of left) {
      const done = Math.min(bytesWritten, chunk.length)
      bytesWritten -= done
      if (done < chunk.length) next.push(chunk.subarray(done))
    }
    left = next
  }
}
