import { fromBinary } from "@bufbuild/protobuf"
import type { Channel } from "effect-containers/layers/containerd/channel"
import { fromCause } from "effect-containers/layers/containerd/errors"
import { WriteContentRequestSchema } from "effect-containers/layers/containerd/protocol/content_pb"
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import { Duplex } from "node:stream"

interface Ingest {
  bytes: Buffer
  isOpen: boolean
  movedAt: number
}

const status = (code: number, details: string) => Object.assign(new Error(details), { code, details })

export const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`

/** The content of a containerd, as far as writing it goes. */
export class FakeContent {
  readonly blobs = new Map<string, { readonly bytes: Buffer; readonly labels: Record<string, string> }>()
  readonly ingests = new Map<string, Ingest>()
  /** How many messages were sent before the one was answered. */
  ahead = 0
  /** Milliseconds until an answer. */
  delay = 0

  private write(): Duplex {
    let ref = ""
    let expected = ""
    let ingest: Ingest | undefined
    let unanswered = 0
    const call = new Duplex({
      objectMode: true,
      read() {},
      write: (bytes: Uint8Array, _, done) => (done(), handle(bytes))
    })
    const fail = (code: number, details: string) => void call.destroy(status(code, details))
    const answer = (message: object) => {
      const say = () => {
        unanswered--
        call.push({ action: 0, offset: BigInt(ingest?.bytes.length ?? 0), ...message })
      }
      if (this.delay > 0) setTimeout(say, this.delay)
      else setImmediate(say)
    }
    const handle = (bytes: Uint8Array): void => {
      this.ahead = Math.max(this.ahead, ++unanswered)
      const request = fromBinary(WriteContentRequestSchema, bytes)
      expected = request.expected === "" ? expected : request.expected
      if (ingest === undefined) {
        ref = request.ref
        if (this.blobs.has(expected)) return fail(6, `content ${expected}: already exists`)
        const found = this.ingests.get(ref)
        if (found?.isOpen === true) return fail(14, `ref ns/1/${ref} locked for 1s: unavailable`)
        ingest = found ?? { bytes: Buffer.alloc(0), isOpen: true, movedAt: Date.now() }
        ingest.isOpen = true
        this.ingests.set(ref, ingest)
      }
      if (request.action === 0) return answer({})
      const offset = Number(request.offset)
      if (offset > 0 && offset !== ingest.bytes.length) return fail(11, "out of range")
      if (offset === 0) ingest.bytes = Buffer.alloc(0)
      ingest.bytes = Buffer.concat([ingest.bytes, request.data])
      ingest.movedAt = Date.now()
      if (request.action === 1) return answer({ action: 1 })
      const actual = digestOf(ingest.bytes)
      if (ingest.bytes.length !== Number(request.total)) return fail(9, "failed size validation")
      if (expected !== "" && actual !== expected) return fail(9, `unexpected commit digest ${actual}`)
      this.ingests.delete(ref)
      if (this.blobs.has(actual)) return fail(6, `content ${actual}: already exists`)
      this.blobs.set(actual, { bytes: ingest.bytes, labels: request.labels })
      answer({ action: 2, digest: actual })
    }
    call.on("close", () => {
      if (ingest !== undefined) ingest.isOpen = false
    })
    call.on("error", () => {})
    return call
  }

  private unary(method: string, request: { readonly ref: string }): object {
    const ingest = this.ingests.get(request.ref)
    if (method === "Abort") return this.ingests.delete(request.ref), {}
    if (ingest === undefined) throw status(5, `ref ${request.ref}: not found`)
    const millis = BigInt(ingest.movedAt)
    return {
      status: {
        offset: BigInt(ingest.bytes.length),
        updatedAt: { seconds: millis / 1000n, nanos: Number(millis % 1000n) * 1e6 }
      }
    }
  }

  readonly channel = {
    namespace: "fake",
    address: "fake",
    unary: (method: { readonly name: string }, request: never, { operation }: { readonly operation: string }) =>
      Effect.try({ try: () => this.unary(method.name, request), catch: (cause) => fromCause(operation, cause) }),
    duplex: () => Effect.acquireRelease(Effect.sync(() => this.write()), (call) => Effect.sync(() => call.destroy()))
  } as unknown as Channel
}
