/** Output of a container without a terminal, as engines send it: a header of eight bytes, and what it says. */

/** Some MiB of frames whose contents are lines of text: two of standard output, one of standard error, and so on. */
export const frames = (size: number, total = 4 * 1024 * 1024): Buffer => {
  const line = "2024-05-17 12:31:07 INFO  request served in 17 ms, status=200 path=/items/"
  const contents = Buffer.alloc(size, Buffer.from(`${line}\n`))
  contents[size - 1] = 10
  const count = Math.max(3, Math.floor(total / (size + 8) / 3) * 3)
  const all = Buffer.alloc(count * (size + 8))
  for (let n = 0; n < count; n++) {
    const at = n * (size + 8)
    all[at] = n % 3 === 2 ? 2 : 1
    all.writeUInt32BE(size, at + 4)
    contents.copy(all, at + 8)
  }
  return all
}

/** In pieces of this size, as they are read from a socket: wherever they are cut. */
export const fragments = (all: Buffer, size: number): ReadonlyArray<Buffer> =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, n) => all.subarray(n * size, (n + 1) * size))
