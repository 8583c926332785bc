import * as Logs from "../Logs.ts"
import { Output } from "../Output.ts"

/** From so many frames on they are copied: one that is small keeps more alive than it says. */
const many = 4096

/**
 * The end of an output that somebody else reads, for the error that may come behind it. Most of it is forgotten before
 * anybody asks, so frames are kept as they came.
 */
export class Tail {
  readonly #limit: number
  #kept: Array<{ readonly frames: ReadonlyArray<Logs.Frame>; readonly size: number }> = []
  #size = 0
  #count = 0
  #most = many
  #total = 0

  /** How many bytes are kept. */
  constructor(limit: number) {
    this.#limit = limit
  }

  push(frames: ReadonlyArray<Logs.Frame>): void {
    let size = 0
    for (let i = 0; i < frames.length; i++) size += frames[i]!.bytes.length
    this.#total += size
    this.#keep(frames, size)
    while (this.#size - this.#kept[0]!.size >= this.#limit) {
      const { frames, size } = this.#kept.shift()!
      this.#size -= size
      this.#count -= frames.length
    }
    if (this.#count > this.#most) this.#copy()
  }

  output(): Output {
    const { pieces, size } = this.#collected()
    return Output.makeUnsafe(pieces, this.#total - size)
  }

  #keep(frames: ReadonlyArray<Logs.Frame>, size: number): void {
    this.#kept.push({ frames, size })
    this.#size += size
    this.#count += frames.length
  }

  #collected(): Output {
    const collector = new Logs.Collector({ limit: this.#limit })
    for (const { frames } of this.#kept) collector.pushAll(frames)
    return collector.output()
  }

  #copy(): void {
    const { pieces, size } = this.#collected()
    this.#kept = []
    this.#size = this.#count = 0
    this.#keep(pieces, size)
    // Where sources take turns byte by byte, there are as many as before.
    this.#most = Math.max(many, 2 * pieces.length)
  }
}
