/** The bytes of data in one message: the server takes no more than 16 MiB, and gains nothing beyond this. */
export const capacity = 1024 * 1024

/** Action, offset and length take no more than 2 + 11 + 11 bytes. */
const room = 24

const varint = (bytes: Uint8Array, at: number, value: number): number => {
  let rest = value
  let end = at
  while (rest > 0x7f) {
    bytes[end++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  bytes[end++] = rest
  return end
}

/**
 * A `WriteContentRequest` with action WRITE that is filled as data arrives: its header goes in front of data that already
 * stands where it is to be, so that nothing is copied twice.
 */
export class WriteMessage {
  private readonly bytes: Uint8Array
  private readonly header = new Uint8Array(room)
  private readonly size: number
  private filled = 0

  /** `size`: bytes of data that it can hold. */
  constructor(size: number) {
    this.size = size
    // Uninitialised: what is sent has been written before.
    this.bytes = Buffer.allocUnsafeSlow(room + size)
  }

  get length(): number {
    return this.filled
  }

  get isFull(): boolean {
    return this.filled === this.size
  }

  /** Takes of the chunk from `at` on what fits; gives how much that was. */
  fill(chunk: Uint8Array, at: number): number {
    const count = Math.min(chunk.length - at, this.size - this.filled)
    this.bytes.set(at === 0 && count === chunk.length ? chunk : chunk.subarray(at, at + count), room + this.filled)
    this.filled += count
    return count
  }

  /** The message, whose data belongs at `offset`. Valid until it is filled again, from the beginning. */
  encode(offset: number): Uint8Array {
    const { header } = this
    header[0] = 0x08 // action
    header[1] = 1
    let end = 2
    if (offset > 0) {
      header[end++] = 0x28
      end = varint(header, end, offset)
    }
    if (this.filled > 0) {
      header[end++] = 0x32 // data
      end = varint(header, end, this.filled)
    }
    this.bytes.set(header.subarray(0, end), room - end)
    const message = this.bytes.subarray(room - end, room + this.filled)
    this.filled = 0
    return message
  }
}
