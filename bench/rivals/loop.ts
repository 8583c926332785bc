/** What is written by hand: no checks, no errors, no pauses. */

/** The frames of Docker's attach, by a loop that knows that it has all of them. */
export const separate = (all: Buffer): { readonly stdout: string; readonly stderr: string } => {
  let stdout = ""
  let stderr = ""
  for (let at = 0; at < all.length;) {
    const end = at + 8 + all.readUInt32BE(at + 4)
    const text = all.toString("utf8", at + 8, end)
    if (all[at] === 2) stderr += text
    else stdout += text
    at = end
  }
  return { stdout, stderr }
}

/** The frames of pieces that are cut anywhere, as views. */
export class Walker {
  #left = 0
  #source = 1
  #have = 0
  readonly #header = new Uint8Array(8)

  push(chunk: Uint8Array, take: (source: number, payload: Uint8Array) => void): void {
    for (let at = 0; at < chunk.length;) {
      if (this.#left > 0) {
        const end = Math.min(chunk.length, at + this.#left)
        take(this.#source, chunk.subarray(at, end))
        this.#left -= end - at
        at = end
      } else if (this.#have === 0 && chunk.length - at >= 8) {
        this.#source = chunk[at]!
        this.#left = (chunk[at + 4]! << 24) | (chunk[at + 5]! << 16) | (chunk[at + 6]! << 8) | chunk[at + 7]!
        at += 8
      } else {
        this.#header[this.#have++] = chunk[at++]!
        if (this.#have < 8) continue
        this.#have = 0
        const [source, , , , a, b, c, d] = this.#header
        this.#source = source!
        this.#left = (a! << 24) | (b! << 16) | (c! << 8) | d!
      }
    }
  }
}

/** Lines out of frames, each source by itself. */
export class Lines {
  readonly #decoders = [1, 2].map(() => new TextDecoder())
  readonly #rest = ["", ""]
  readonly #take: (line: string, source: number) => void

  constructor(take: (line: string, source: number) => void) {
    this.#take = take
  }

  push(source: number, bytes: Uint8Array): void {
    const text = this.#rest[source - 1]! + this.#decoders[source - 1]!.decode(bytes, { stream: true })
    let from = 0
    for (let to = text.indexOf("\n"); to >= 0; to = text.indexOf("\n", from)) {
      this.#take(text.slice(from, to), source)
      from = to + 1
    }
    this.#rest[source - 1] = text.slice(from)
  }

  end(): void {
    for (const source of [1, 2]) if (this.#rest[source - 1] !== "") this.#take(this.#rest[source - 1]!, source)
  }
}
