import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type * as Errors from "../../../Errors.ts"
import { type Phase, PullStatus } from "../../../Progress.ts"

/** Tells how far an operation is. */
export interface Report {
  readonly message: (status: string, phase?: "Message" | "Resolving") => Effect.Effect<void>
  readonly layer: (digest: string, phase: Phase, status: string) => Effect.Effect<void>
  /** Left out when nobody listens. */
  readonly unheard: (status: Parameters<typeof PullStatus.makeUnsafe>[0]) => void
  /** For one layer: what comes sooner than a tenth of a second after another, or finds nobody listening, is left out. */
  readonly progress: (digest: string, phase: Phase, status: string, total: number) => (current: number) => void
}

const interval = 100

/** A layer as Docker shows it. */
export const shortId = (digest: string): string => digest.slice(digest.indexOf(":") + 1).slice(0, 12)

/** The statuses of an operation. Leaving the stream interrupts it; its end waits until it has cleaned up. */
export const reporting = (
  run: (report: Report) => Effect.Effect<void, Errors.Reason>
): Stream.Stream<PullStatus, Errors.Reason> =>
  Stream.callback<PullStatus, Errors.Reason>((queue) => {
    const tell = (status: PullStatus) => Effect.asVoid(Queue.offer(queue, status))
    const report: Report = {
      message: (status, phase = "Message") => tell(PullStatus.makeUnsafe({ phase, status })),
      layer: (digest, phase, status) => tell(PullStatus.makeUnsafe({ id: shortId(digest), phase, status })),
      unheard: (status) => void Queue.offerUnsafe(queue, PullStatus.makeUnsafe(status)),
      progress: (digest, phase, status, total) => {
        const id = shortId(digest)
        let last = -interval
        return (current) => {
          const now = performance.now()
          if (now - last < interval) return
          last = now
          Queue.offerUnsafe(queue, PullStatus.makeUnsafe({ id, phase, status, current, total }))
        }
      }
    }
    return Effect.andThen(run(report), Queue.end(queue))
  }, { bufferSize: 64, strategy: "suspend" })
