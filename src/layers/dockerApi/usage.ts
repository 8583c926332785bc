import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { Usage } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import { reason } from "./errors.ts"
import { type Client, decoded, segment, send } from "./request.ts"
import * as Schemas from "./schemas.ts"
import * as Time from "./time.ts"

const operation = "usage"

/** More than any machine has: what an engine says where there is no limit. */
const unlimited = 2 ** 62

const sum = (entries: ReadonlyArray<{ readonly op: string; readonly value: number }>, op: string): number =>
  entries.reduce((sum, entry) => entry.op.toLowerCase() === op ? sum + entry.value : sum, 0)

export const usage = (client: Client, id: string): Effect.Effect<Usage, Errors.Reason> => {
  const notRunning = reason("Conflict", { operation, message: `container ${id} is not running` })
  return send(client, {
    operation,
    method: "GET",
    path: `/containers/${segment(id)}/stats`,
    query: { stream: "false", "one-shot": "true" }
  }).pipe(
    // Of one that does not run the engine tells nothing, and does not call it a failure: older Podmans not even in JSON.
    Effect.filterOrFail((body) => !client.isPodman || body.trim() !== "", () => notRunning),
    Effect.flatMap((body) => decoded(operation, body, Schemas.usage)),
    Effect.flatMap(({ block, cpu, memory, networks, pids, read }) => {
      if ((pids?.current ?? 0) === 0 && (memory?.usage ?? 0) === 0) return Effect.fail(notRunning)
      const used = memory?.usage ?? 0
      const cache = memory?.stats?.["total_inactive_file"] ?? memory?.stats?.["inactive_file"] ?? 0
      const limit = memory?.limit ?? unlimited
      const entries = block?.entries ?? []
      const interfaces = Object.values(networks ?? {})
      return Effect.succeed<Usage>({
        time: Time.read(read) ?? DateTime.makeUnsafe(Date.now()),
        cpuTime: BigInt(cpu?.usage?.total ?? 0),
        memory: cache < used ? used - cache : used,
        ...(limit < unlimited ? { memoryLimit: limit } : {}),
        pids: pids?.current ?? 0,
        blockRead: sum(entries, "read"),
        blockWritten: sum(entries, "write"),
        ...(interfaces.length === 0 ? {} : {
          networkReceived: interfaces.reduce((sum, { received = 0 }) => sum + received, 0),
          networkSent: interfaces.reduce((sum, { sent = 0 }) => sum + sent, 0)
        })
      })
    })
  )
}
