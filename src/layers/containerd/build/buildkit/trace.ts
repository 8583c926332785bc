import { StringDecoder } from "node:string_decoder"
import { BuildStatus } from "../../../../Progress.ts"
import type { StatusResponse } from "../../protocol/buildkit-control_pb.ts"
import type { Dockerfile } from "../dockerfile.ts"
import { type Place, placeOf, type Stage, stagesOf } from "./steps.ts"

/** Of what a step wrote, so much is kept until it has ended: characters. */
const longest = 64 * 1024

interface Vertex {
  readonly place: Place | undefined
  readonly decoder: StringDecoder
  log: string
}

/** Others end with this one because one of them has failed. */
const isConsequence = (error: string): boolean => /context canceled/.test(error)

/**
 * Turns what BuildKit tells into statuses. Instructions that only change settings are no work for it: they are told of
 * before the next one that is.
 */
export class Trace {
  readonly #dockerfile: Dockerfile
  readonly #stages: ReadonlyArray<Stage>
  readonly #vertexes = new Map<string, Vertex>()
  /** How many instructions of each stage have been told of. */
  readonly #told: Array<number>
  #current: Place | undefined
  #failed: Vertex | undefined

  constructor(dockerfile: Dockerfile) {
    this.#dockerfile = dockerfile
    this.#stages = stagesOf(dockerfile)
    this.#told = this.#stages.map(() => 0)
  }

  push({ logs, statuses, vertexes }: StatusResponse, out: Array<BuildStatus>): void {
    for (const { completed, digest, error, name, started } of vertexes) {
      const vertex = this.#vertex(digest, name)
      if (started !== undefined && vertex.place !== undefined) this.#tell(vertex.place, out)
      if (error !== "" && !isConsequence(error)) this.#failed ??= vertex
      if (completed !== undefined && error === "") vertex.log = ""
    }
    for (const { completed, current, id, total } of statuses) {
      if (!id.startsWith("sha256:") || total === 0n) continue
      out.push(BuildStatus.makeUnsafe({
        id: id.slice("sha256:".length, "sha256:".length + 12),
        status: completed === undefined ? "Downloading" : "Download complete",
        current: Number(current),
        total: Number(total)
      }))
    }
    for (const { msg, vertex: digest } of logs) {
      const vertex = this.#vertex(digest, "")
      if (vertex.place === undefined) continue
      const stream = vertex.decoder.write(Buffer.from(msg.buffer, msg.byteOffset, msg.byteLength))
      if (stream === "") continue
      vertex.log = (vertex.log + stream).slice(-longest)
      out.push(BuildStatus.makeUnsafe({ stream }))
    }
  }

  /** What remains to be told; of a build that has failed, at which step, when that is not the last one told of. */
  end(out: Array<BuildStatus>, failed: boolean): void {
    if (!failed) {
      for (const [stage, told] of this.#told.entries()) {
        if (told > 0 || stage === this.#stages.length - 1) this.#tellUpTo(stage, Number.POSITIVE_INFINITY, out)
      }
      return
    }
    const { log = "", place } = this.#failed ?? {}
    if (place === undefined) return
    this.#tell(place, out)
    if (this.#current?.stage === place.stage && this.#current.at === place.at) return
    this.#announce(place, out)
    if (log !== "") out.push(BuildStatus.makeUnsafe({ stream: log }))
  }

  #vertex(digest: string, name: string): Vertex {
    const known = this.#vertexes.get(digest)
    if (known !== undefined) return known
    const vertex = {
      place: placeOf(this.#dockerfile, this.#stages, name),
      decoder: new StringDecoder("utf8"),
      log: ""
    }
    // A log may come before its vertex, whose name says more.
    if (name !== "") this.#vertexes.set(digest, vertex)
    return vertex
  }

  #tell({ at, stage }: Place, out: Array<BuildStatus>): void {
    if ((this.#told[stage] ?? 0) > at) return
    // The ends of earlier stages, as in the Dockerfile: nothing of theirs is to come.
    for (let before = 0; before < stage; before++) {
      const told = this.#told[before] ?? 0
      if (told > (this.#stages[before]?.counted.at(-1) ?? 0)) {
        this.#tellUpTo(before, Number.POSITIVE_INFINITY, out)
      }
    }
    this.#tellUpTo(stage, at + 1, out)
  }

  #tellUpTo(stage: number, end: number, out: Array<BuildStatus>): void {
    const steps = this.#stages[stage]?.steps ?? []
    const last = Math.min(end, steps.length)
    for (let at = this.#told[stage] ?? 0; at < last; at++) this.#announce({ stage, at }, out)
    this.#told[stage] = Math.max(this.#told[stage] ?? 0, last)
  }

  #announce(place: Place, out: Array<BuildStatus>): void {
    const step = this.#stages[place.stage]?.steps[place.at]
    if (step === undefined) return
    this.#current = place
    out.push(BuildStatus.makeUnsafe({
      step,
      stream: `Step ${step.number}/${step.total} : ${step.instruction}\n`
    }))
  }
}
