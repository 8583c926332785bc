import type { BuildStatus } from "../Progress.ts"

const mostLines = 100
const mostCharacters = 64 * 1024

/** What a failed build's error tells: at which step it was, and the end of what it wrote. */
export class BuildLog {
  #step: BuildStatus["step"]
  #text = ""

  push(status: BuildStatus): void {
    if (status.step !== undefined) this.#step = status.step
    if (status.stream === undefined) return
    this.#text += status.stream
    // Cut now and then rather than each time: a build can write a great many short lines.
    if (this.#text.length > 2 * mostCharacters) this.#text = this.#text.slice(-mostCharacters)
  }

  state(): { readonly step?: NonNullable<BuildStatus["step"]>; readonly log: string } {
    const log = this.#text.slice(-mostCharacters).split("\n").slice(-mostLines - 1).join("\n")
    return this.#step === undefined ? { log } : { step: this.#step, log }
  }
}
