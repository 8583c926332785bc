/**
 * Whether bytes are the beginning of something that an engine can unpack.
 *
 * @internal
 */
import * as Zlib from "node:zlib"

/** A tar archive is made of blocks of so many bytes. */
const block = 512

/** How many bytes of an archive {@link check} wants to see, unless there are fewer. */
export const sample = 4096

const begins = (bytes: Uint8Array, magic: ReadonlyArray<number>): boolean =>
  magic.every((byte, index) => bytes[index] === byte)

const compressions: ReadonlyArray<readonly [name: string, magic: ReadonlyArray<number>]> = [
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]]
]

const gzip = [0x1f, 0x8b, 0x08]

/** The sum of a header's bytes, its own field counted as spaces; old writers added them as signed numbers. */
const sums = (header: Uint8Array): readonly [unsigned: number, signed: number] => {
  let unsigned = 0
  let signed = 0
  for (let at = 0; at < block; at++) {
    const byte = at >= 148 && at < 156 ? 0x20 : header[at]!
    unsigned += byte
    signed += byte < 128 ? byte : byte - 256
  }
  return [unsigned, signed]
}

const checkTar = (bytes: Uint8Array): string | undefined => {
  if (bytes.length < block) return `is not a tar archive: it ends after ${bytes.length} of the 512 bytes of a header`
  const header = bytes.subarray(0, block)
  if (header.every((byte) => byte === 0)) return "is a tar archive with nothing in it"
  const field = String.fromCharCode(...header.subarray(148, 156)).replace(/[\0 ]+$/, "").trimStart()
  const recorded = /^[0-7]+$/.test(field) ? Number.parseInt(field, 8) : undefined
  if (recorded === undefined || !sums(header).includes(recorded)) {
    return "is not a tar archive: its first 512 bytes are no tar header, as their checksum is wrong"
  }
  return undefined
}

/**
 * What is wrong with an archive that begins with these bytes, `undefined` if nothing is. `whole` says that there is
 * nothing after them. Inside of bzip2, xz and zstd only the engine can look.
 */
export const check = (bytes: Uint8Array, whole: boolean): string | undefined => {
  if (bytes.length === 0) return "is not a tar archive: it is empty"
  if (compressions.some(([, magic]) => begins(bytes, magic))) return undefined
  if (!begins(bytes, gzip)) return checkTar(bytes)
  let inside: Uint8Array
  try {
    inside = Zlib.gunzipSync(bytes.subarray(0, sample), { finishFlush: Zlib.constants.Z_SYNC_FLUSH })
  } catch (cause) {
    return `begins like gzip, but cannot be decompressed: ${cause instanceof Error ? cause.message : String(cause)}`
  }
  // a long gzip header can leave too little to judge by
  if (inside.length < block && (!whole || bytes.length > sample)) return undefined
  const issue = checkTar(inside)
  return issue === undefined ? undefined : `${issue} (after decompressing it)`
}
