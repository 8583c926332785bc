// a mark at the beginning is kept: it is a part of what the container wrote
const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

/** How many bytes at the end are the beginning of a character of UTF-8 that has not ended. */
const unfinished = (bytes: Uint8Array): number => {
  const n = bytes.length
  for (let back = 1; back <= 3 && back <= n; back++) {
    const byte = bytes[n - back]!
    if (byte < 0x80) return 0
    if (byte >= 0xc0) {
      const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return size > back ? back : 0
    }
  }
  return 0
}

/** Decodes bytes that come in pieces, which may cut characters. `TextDecoder`'s own streaming mode is several times slower. */
export class Utf8 {
  #held = new Uint8Array(0)

  decode(bytes: Uint8Array): string {
    let all = bytes
    if (this.#held.length > 0) {
      all = new Uint8Array(this.#held.length + bytes.length)
      all.set(this.#held)
      all.set(bytes, this.#held.length)
      this.#held = new Uint8Array(0)
    }
    const open = unfinished(all)
    if (open === 0) return decoder.decode(all)
    this.#held = all.slice(all.length - open)
    return decoder.decode(all.subarray(0, all.length - open))
  }

  end(): string {
    const held = this.#held
    this.#held = new Uint8Array(0)
    return decoder.decode(held)
  }
}
