import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Errors from "../../Errors.ts"
import type * as Schemas from "./schemas.ts"

/** The machines of a Swarm. */
export interface Nodes {
  /** Looks at them, where that is due. Whoever cannot is told by what else he asks. */
  readonly refresh: Effect.Effect<void>
  /** As a person calls it: its host name. */
  readonly nameOf: (id: string | undefined) => string
  /** By what others reach it. */
  readonly addressOf: (id: string | undefined) => string
  /** Its name, if it has been away for too long by `now`. */
  readonly lost: (id: string | undefined, now: number) => string | undefined
  readonly isAway: (id: string | undefined) => boolean
  /** Whether it is known of all managers that their engine is of this major version or a later one. */
  readonly areManagersAtLeast: (major: number) => boolean
}

/** Between two looks, while somebody waits for something: milliseconds. */
const rest = 1000

interface Options {
  /** After so many milliseconds it counts as lost. */
  readonly lostAfter: number
  readonly nodes: Effect.Effect<ReadonlyArray<Schemas.Node>, Errors.Reason>
}

export const make = ({ lostAfter, nodes }: Options): Nodes => {
  const known = new Map<string, Schemas.Node>()
  /** The major versions of the managers' engines, as they were seen last. */
  let managers: ReadonlyArray<number> = []
  /** Since when. */
  const away = new Map<string, number>()
  let due = 0
  const nameOf = (id: string | undefined) =>
    (id === undefined ? undefined : known.get(id)?.description?.host) ?? id ?? "?"
  return {
    nameOf,
    addressOf: (id) => (id === undefined ? undefined : known.get(id)?.status?.address) ?? "",
    isAway: (id) => id !== undefined && away.has(id),
    areManagersAtLeast: (major) => managers.length > 0 && managers.every((version) => version >= major),
    lost: (id, now) => {
      const since = id === undefined ? undefined : away.get(id)
      return since !== undefined && now - since >= lostAfter ? nameOf(id) : undefined
    },
    refresh: Effect.gen(function*() {
      const now = yield* Clock.currentTimeMillis
      if (now < due) return
      due = now + rest
      const found = yield* Effect.result(nodes)
      if (Result.isFailure(found)) return
      managers = found.success.filter(({ manager }) => manager !== undefined).map(({ description }) =>
        Number.parseInt(description?.engine?.version ?? "", 10)
      )
      for (const id of known.keys()) {
        // Who is no node any more does not come back as the same.
        if (!found.success.some((node) => node.id === id) && !away.has(id)) away.set(id, now)
      }
      for (const node of found.success) {
        known.set(node.id, node)
        // A new leader does not know them until they have come to it, which says nothing.
        if (node.status?.state !== "down" && node.status?.state !== "disconnected") away.delete(node.id)
        else if (!away.has(node.id)) away.set(node.id, now)
      }
    })
  }
}
