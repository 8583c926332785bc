/**
 * What a container wrote, kept: the value that a finished run returns and that {@link ExitCode} carries.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The two streams a process writes to. A container with a TTY has only `"stdout"`.
 *
 * @category models
 * @since 0.1.0
 */
export const Source = Schema.Literals(["stdout", "stderr"])

/**
 * @category models
 * @since 0.1.0
 */
export type Source = typeof Source.Type

const Piece = Schema.Struct({ source: Source, bytes: Schema.Uint8Array })

// A byte order mark is a byte that the container wrote.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

const concat = (pieces: ReadonlyArray<{ readonly bytes: Uint8Array }>): Uint8Array => {
  let length = 0
  for (const piece of pieces) length += piece.bytes.length
  const out = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    out.set(piece.bytes, at)
    at += piece.bytes.length
  }
  return out
}

const of = (self: Output, source: Source) => self.pieces.filter((piece) => piece.source === source)

/**
 * Everything that was kept of a container's output, in the order in which it arrived. Neighbouring pieces of one source
 * are merged, so `pieces` alternates between the sources.
 *
 * `dropped` counts the bytes at the beginning that a limit made us forget (0 without a limit).
 *
 * **Example** (Reading both streams)
 *
 * ```ts import.meta.vitest
 * import { Output } from "effect-containers"
 *
 * const output = Output.fromText("compiled\n", "1 warning\n")
 * output.stdoutText // => "compiled\n"
 * output.stderrText // => "1 warning\n"
 * output.text // => "compiled\n1 warning\n"
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export class Output extends Schema.Class<Output>("effect-containers/Output")({
  pieces: Schema.Array(Piece),
  dropped: Schema.Int
}) {
  /** Makes one without looking at each piece again: for those that have just made them. */
  static makeUnsafe(pieces: ReadonlyArray<typeof Piece.Type>, dropped: number): Output {
    const self: { -readonly [K in keyof Output]: Output[K] } = Object.create(Output.prototype)
    self.pieces = pieces
    self.dropped = dropped
    return self
  }

  /** The bytes of standard output. */
  get stdout(): Uint8Array {
    return concat(of(this, "stdout"))
  }

  /** The bytes of standard error. */
  get stderr(): Uint8Array {
    return concat(of(this, "stderr"))
  }

  /** The bytes of both, in order of arrival. */
  get combined(): Uint8Array {
    return concat(this.pieces)
  }

  /** Standard output as UTF-8 text. */
  get stdoutText(): string {
    return decoder.decode(this.stdout)
  }

  /** Standard error as UTF-8 text. */
  get stderrText(): string {
    return decoder.decode(this.stderr)
  }

  /** Both as UTF-8 text, in order of arrival. */
  get text(): string {
    return decoder.decode(this.combined)
  }

  /** How many bytes are kept. */
  get size(): number {
    return this.pieces.reduce((sum, piece) => sum + piece.bytes.length, 0)
  }
}

/**
 * The output of a container that wrote nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty: Output = new Output({ pieces: [], dropped: 0 })

/**
 * An output made of text: first what went to standard output, then what went to standard error. For tests.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromText = (stdout: string, stderr = ""): Output => {
  const encoder = new TextEncoder()
  const pieces: Array<typeof Piece.Type> = []
  if (stdout !== "") pieces.push({ source: "stdout", bytes: encoder.encode(stdout) })
  if (stderr !== "") pieces.push({ source: "stderr", bytes: encoder.encode(stderr) })
  return new Output({ pieces, dropped: 0 })
}
