import * as Effect from "effect/Effect"
import { randomUUID } from "node:crypto"
import * as Fs from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Errors from "../Errors.ts"

const FIRST_BLOCK = 1024
const LARGEST_BLOCK = 64 * 1024
/** How much is read back at once. */
const READ = 256 * 1024

const exhausted = (path: string) => (cause: unknown): Errors.ResourceExhausted => {
  const code = cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined
  return new Errors.ResourceExhausted({
    operation: "logs",
    message: `output that is not read yet could not be kept in ${path}: ${
      cause instanceof Error ? cause.message : String(cause)
    }`,
    ...(code === undefined ? {} : { code }),
    cause
  })
}

/** A temporary file that nobody else can open. Gone from its directory at once where the system allows it. */
class SpillFile {
  readonly path: string
  readonly #handle: Fs.FileHandle
  readonly #linked: boolean
  read = 0
  written = 0

  private constructor(path: string, handle: Fs.FileHandle, linked: boolean) {
    this.path = path
    this.#handle = handle
    this.#linked = linked
  }

  static async open(directory: string): Promise<SpillFile> {
    const path = join(directory, `effect-containers-${randomUUID()}.log`)
    const handle = await Fs.open(path, "wx+", 0o600)
    const linked = await Fs.unlink(path).then(() => false, () => true)
    return new SpillFile(path, handle, linked)
  }

  async append(pieces: ReadonlyArray<Uint8Array>): Promise<void> {
    if (this.read === this.written && this.written > 0) {
      this.read = this.written = 0
      await this.#handle.truncate(0)
    }
    let position = this.written
    for (const piece of pieces) {
      for (let at = 0; at < piece.length;) {
        const { bytesWritten } = await this.#handle.write(piece, at, piece.length - at, position)
        if (bytesWritten === 0) throw new Error("nothing was written")
        at += bytesWritten
        position += bytesWritten
      }
    }
    // only now may the reader go there
    this.written = position
  }

  async next(): Promise<Uint8Array> {
    const buffer = new Uint8Array(Math.min(READ, this.written - this.read))
    const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, this.read)
    if (bytesRead === 0) throw new Error("the file has become shorter")
    this.read += bytesRead
    return buffer.subarray(0, bytesRead)
  }

  async close(): Promise<void> {
    await this.#handle.close()
    if (this.#linked) await Fs.unlink(this.path)
  }
}

/**
 * A first-in first-out buffer of bytes: up to `limit` bytes in memory, the rest in a file. One fiber puts, one takes.
 *
 * What is put is copied into blocks: frames are views, and a frame of one byte would keep alive all of the chunk that it
 * came in.
 */
export class Spool {
  readonly #limit: number
  readonly #directory: string
  #blocks: Array<{ readonly buffer: Uint8Array; used: number }> = []
  #inMemory = 0
  #file: SpillFile | undefined = undefined
  #closed = false

  constructor(limit: number, directory: string | undefined) {
    this.#limit = limit
    this.#directory = directory ?? tmpdir()
  }

  get isEmpty(): boolean {
    return this.#inMemory === 0 && !this.#onDisk
  }

  get #onDisk(): boolean {
    return this.#file !== undefined && this.#file.read < this.#file.written
  }

  put(pieces: ReadonlyArray<Uint8Array>, bytes: number): Effect.Effect<void, Errors.ResourceExhausted> {
    if (this.#closed) return Effect.void
    if (!this.#onDisk && this.#inMemory + bytes <= this.#limit) {
      for (const piece of pieces) this.#copy(piece)
      return Effect.void
    }
    return this.#spill(pieces)
  }

  /** Everything in memory, or the next part of the file. Only when not empty. */
  take(): Effect.Effect<Array<Uint8Array>, Errors.ResourceExhausted> {
    if (this.#inMemory > 0) {
      const out = this.#blocks.map((block) => block.buffer.subarray(0, block.used))
      this.#blocks = []
      this.#inMemory = 0
      return Effect.succeed(out)
    }
    const file = this.#file!
    return Effect.uninterruptible(
      Effect.tryPromise({ try: async () => [await file.next()], catch: exhausted(file.path) })
    )
  }

  /** Forgets everything; what is put from now on is not kept. */
  close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#closed = true
      this.#blocks = []
      this.#inMemory = 0
      const file = this.#file
      this.#file = undefined
      return file === undefined ? Effect.void : Effect.catch(
        Effect.tryPromise(() => file.close()),
        ({ cause }) => Effect.logWarning(`${file.path} was not closed or removed: ${String(cause)}`)
      )
    })
  }

  #copy(piece: Uint8Array): void {
    this.#inMemory += piece.length
    let last = this.#blocks.at(-1)
    let from = 0
    while (from < piece.length) {
      if (last === undefined || last.used === last.buffer.length) {
        const size = Math.max(
          piece.length - from,
          Math.min(LARGEST_BLOCK, last === undefined ? FIRST_BLOCK : last.buffer.length * 2)
        )
        last = { buffer: new Uint8Array(size), used: 0 }
        this.#blocks.push(last)
      }
      const part = piece.subarray(from, from + last.buffer.length - last.used)
      last.buffer.set(part, last.used)
      last.used += part.length
      from += part.length
    }
  }

  #spill(pieces: ReadonlyArray<Uint8Array>): Effect.Effect<void, Errors.ResourceExhausted> {
    return Effect.uninterruptible(Effect.tryPromise({
      try: async () => {
        const file = this.#file ??= await SpillFile.open(this.#directory)
        await file.append(pieces)
      },
      catch: exhausted(this.#file?.path ?? this.#directory)
    })).pipe(
      // closed while the file was being opened
      Effect.ensuring(Effect.suspend(() => this.#closed ? this.close() : Effect.void))
    )
  }
}
