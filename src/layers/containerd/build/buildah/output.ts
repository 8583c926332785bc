import type { BuildStatus } from "../../../../Progress.ts"
import { BuildStatus as Status } from "../../../../Progress.ts"
import { type Dockerfile, position } from "../dockerfile.ts"

/** `[1/2] STEP 2/3: RUN make`; without the stages where there is one. */
const announcement = /(?:\[(\d+)\/(\d+)\] )?STEP (\d+)\/(\d+): (.*)$/

/** What Buildah says about itself and not about the build. */
const chatter =
  /^(?:(?:\[\d+\/\d+\] )?COMMIT(?: .*)?|--> (?:Using cache )?[0-9a-f]{12,64}|(?:sub)?process exited (?:with status \d+|on \w+)|time="[^"]*" level=\w+ msg=.*)$/

const failure = /^Error: /

/** Of what has no end: characters. */
const longest = 64 * 1024

/** Turns what Buildah writes into statuses. Steps are numbered through all stages, as in a Dockerfile. */
export class Output {
  #rest = ""
  #failure = ""
  #stage = 0
  #step = 0
  #total = 0
  readonly #dockerfile: Dockerfile
  readonly #names: ReadonlyMap<string, string>

  /** `names` are what Buildah calls base images, by their names in the Dockerfile. */
  constructor(dockerfile: Dockerfile, names: ReadonlyMap<string, string>) {
    this.#dockerfile = dockerfile
    this.#names = names
  }

  push(text: string, out: Array<BuildStatus>): void {
    const lines = (this.#rest + text).split(/(?<=\n|\r(?!\n|$))/)
    const last = lines.pop() ?? ""
    const isWhole = last.endsWith("\n")
    this.#rest = isWhole || last.length > longest ? "" : last
    for (const line of isWhole || last.length > longest ? [...lines, last] : lines) this.#line(line, out)
  }

  /** What it failed with; empty when it did not say. */
  end(out: Array<BuildStatus>, failed: boolean): string {
    if (this.#rest !== "") this.#line(this.#rest, out)
    this.#rest = ""
    if (!failed) this.#flush(out)
    return this.named(this.#failure.trim().replace(failure, ""))
  }

  /** With the names of base images that a Dockerfile has. */
  named(text: string): string {
    let named = text
    for (const [theirs, ours] of this.#names) named = named.replaceAll(ours, theirs)
    return named
  }

  #line(line: string, out: Array<BuildStatus>): void {
    const text = line.trimEnd()
    const step = announcement.exec(text)
    if (step !== null && this.#isNext(step)) {
      this.#flush(out)
      if (step.index > 0) out.push(Status.makeUnsafe({ stream: text.slice(0, step.index) }))
      this.#announce(step, out)
    } else if (failure.test(text)) {
      this.#flush(out)
      this.#failure = line
    } else if (this.#failure !== "" && this.#failure.length < longest && /^(?:\s|$)/.test(line)) this.#failure += line
    else {
      this.#flush(out)
      // What a step wrote last may have had no end.
      const at = Math.max(text.lastIndexOf("Error: building at STEP "), text.search(/subprocess exited (?:with|on) /))
      if (at > 0) {
        out.push(Status.makeUnsafe({ stream: text.slice(0, at) }))
        this.#line(line.slice(at), out)
      } else if (!chatter.test(text)) out.push(Status.makeUnsafe({ stream: line }))
    }
  }

  /** What looked like a failure was written by a step. */
  #flush(out: Array<BuildStatus>): void {
    if (this.#failure !== "") out.push(Status.makeUnsafe({ stream: this.#failure }))
    this.#failure = ""
  }

  /** A step writes what it likes: only the step that has to come is believed. */
  #isNext([, stage = "1", , number, total]: RegExpExecArray): boolean {
    return Number(stage) === this.#stage
      ? Number(number) === this.#step + 1 && Number(total) === this.#total
      : Number(stage) > this.#stage && number === "1"
  }

  #announce([, stage = "1", , number, total, words = ""]: RegExpExecArray, out: Array<BuildStatus>): void {
    this.#stage = Number(stage)
    this.#step = Number(number)
    this.#total = Number(total)
    const index = this.#stage - 1
    const all = position(this.#dockerfile, index)
    const added = this.#total - (this.#dockerfile.stages[index]?.steps ?? this.#total)
    const step = {
      number: all.first + this.#step - 1,
      total: all.total + added,
      // Buildah has other names for base images, and one for all that are the same.
      instruction: (this.#step === 1 ? this.#dockerfile.stages[index]?.from.text : undefined) ?? this.named(words)
    }
    out.push(Status.makeUnsafe({
      step,
      stream: `Step ${step.number}/${step.total} : ${step.instruction}\n`
    }))
  }
}
