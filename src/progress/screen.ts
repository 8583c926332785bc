import { stripVTControlCharacters } from "node:util"
import { cells } from "./text.ts"

/**
 * Where progress is drawn: `process.stderr`, `process.stdout`, or anything like them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Terminal {
  readonly isTTY?: boolean | undefined
  /** Cells in a line, read anew for each drawing. Default 80. */
  readonly columns?: number | undefined
  /** Lines on the screen, read anew for each drawing. Default 24. */
  readonly rows?: number | undefined
  readonly write: (text: string) => unknown
}

const ignore = () => {}

/** Standard error. A reader that went away is nothing to end the program for, as for `console`. */
export const standardError: Terminal = {
  get isTTY() {
    return process.stderr.isTTY
  },
  get columns() {
    return process.stderr.columns
  },
  get rows() {
    return process.stderr.rows
  },
  write: (text) => {
    process.stderr.once("error", ignore)
    process.stderr.write(text)
    process.stderr.removeListener("error", ignore)
  }
}

const positive = (n: number | undefined, otherwise: number): number =>
  n !== undefined && Number.isFinite(n) && n >= 1 ? Math.floor(n) : otherwise

/**
 * The lines at the bottom of a terminal, drawn over themselves. The cursor always stands below them and is never hidden,
 * so that nothing has to be put right when the program dies.
 */
export class Screen {
  readonly #terminal: Terminal
  #widths: ReadonlyArray<number> = []
  #columns = 0
  #last = ""
  #broken = false

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  get columns(): number {
    return positive(this.#terminal.columns, 80)
  }

  get rows(): number {
    return positive(this.#terminal.rows, 24)
  }

  /** Writes lines that stay as they are. */
  print(lines: ReadonlyArray<string>): void {
    if (lines.length > 0) this.#write(lines.map((line) => `${line}\n`).join(""))
  }

  /** Replaces the lines that were drawn last. */
  draw(lines: ReadonlyArray<string>): void {
    const columns = this.columns
    const text = lines.join("\n")
    if (text === this.#last && columns === this.#columns) return
    // terminals break lines that have become too long, so those take more rows now
    const up = this.#widths.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0)
    const start = up === 0 ? "" : `\r\u001b[${up}A${columns === this.#columns ? "" : "\u001b[J"}`
    const end = up === 0 ? "" : "\u001b[J"
    this.#write(start + lines.map((line) => `${line}\u001b[K\n`).join("") + end)
    this.#widths = lines.map((line) => cells(stripVTControlCharacters(line)))
    this.#columns = columns
    this.#last = text
  }

  #write(text: string): void {
    if (this.#broken) return
    try {
      this.#terminal.write(text)
    } catch {
      // nothing can be shown any more, which is no reason for the work itself to fail
      this.#broken = true
    }
  }
}
