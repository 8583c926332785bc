import { codeOf } from "../errors.ts"
import { ifThere } from "../there.ts"
import { close, fill, type Place, readable } from "./descriptor.ts"
import { Refused } from "./failure.ts"
import { reach, Trail } from "./resolve.ts"

/** How much is read at a time: bytes. */
const piece = 64 * 1024

/** All of a file, however long it says that it is. */
const contents = async (file: number, longest: number): Promise<string> => {
  const pieces: Array<Uint8Array> = []
  for (let length = 0;;) {
    const buffer = Buffer.allocUnsafeSlow(piece)
    const filled = await fill(file, buffer, length)
    length += filled
    if (length > longest) throw new Refused("InvalidArgument", `this is longer than ${longest} bytes`)
    pieces.push(buffer.subarray(0, filled))
    if (filled < piece) return Buffer.concat(pieces).toString("utf8")
  }
}

const textOf = async ({ descriptor, stats }: Place, longest: number): Promise<string> => {
  // A pipe would have us wait, a device may do anything.
  if (!stats.isFile()) throw new Refused("InvalidArgument", "this is no regular file")
  const file = await readable(descriptor)
  try {
    return await contents(file, longest)
  } finally {
    await close(file)
  }
}

/**
 * A text file of a container, its links followed within the container's root; `undefined`: there is none. No more than
 * `longest` bytes are read, and none of what is no regular file: then it rejects with a {@link Refused}.
 */
export const readText = async (root: Place, path: string, longest: number): Promise<string | undefined> => {
  const trail = Trail.from(root)
  try {
    const found = await ifThere(reach(trail, path))
    if (found === undefined) return undefined
    try {
      return await textOf(found, longest)
    } finally {
      await close(found.descriptor)
    }
  } catch (cause) {
    if (codeOf(cause) === "EISDIR") throw new Refused("InvalidArgument", "this is no regular file")
    throw cause
  } finally {
    await trail.close()
  }
}
