/**
 * Writes tar archives (POSIX ustar) in memory: what a test image needs and no more.
 */
export interface Entry {
  /** Path without a leading slash, at most 100 bytes. */
  readonly path: string
  readonly type: "file" | "directory" | "link"
  /** Of a file. */
  readonly contents?: Uint8Array | undefined
  /** Of a symbolic link. */
  readonly target?: string | undefined
  readonly mode?: number | undefined
  readonly uid?: number | undefined
  readonly gid?: number | undefined
}

const block = 512

const header = (entry: Entry): Buffer => {
  const bytes = Buffer.alloc(block)
  const path = entry.type === "directory" ? `${entry.path}/` : entry.path
  if (Buffer.byteLength(path) > 100 || Buffer.byteLength(entry.target ?? "") > 100) {
    throw new RangeError(`too long a path for a test image: ${path}`)
  }
  const octal = (value: number, at: number, width: number) =>
    bytes.write(`${value.toString(8).padStart(width - 1, "0")}\0`, at, "latin1")
  bytes.write(path, 0)
  octal(entry.mode ?? (entry.type === "file" ? 0o644 : 0o755), 100, 8)
  octal(entry.uid ?? 0, 108, 8)
  octal(entry.gid ?? 0, 116, 8)
  octal(entry.contents?.byteLength ?? 0, 124, 12)
  octal(0, 136, 12)
  bytes.write("        ", 148)
  bytes.write({ file: "0", link: "2", directory: "5" }[entry.type], 156)
  bytes.write(entry.target ?? "", 157)
  bytes.write("ustar\x0000", 257, "latin1")
  octal(bytes.reduce((sum, byte) => sum + byte, 0), 148, 7)
  return bytes
}

/** The archive of these entries, in this order. The same entries give the same bytes. */
export const tar = (entries: ReadonlyArray<Entry>): Buffer =>
  Buffer.concat([
    ...entries.flatMap((entry) => {
      const contents = entry.contents ?? new Uint8Array()
      return [header(entry), contents, Buffer.alloc((block - contents.byteLength % block) % block)]
    }),
    Buffer.alloc(2 * block)
  ])
