import * as Effect from "effect/Effect"
import type * as Errors from "../../Errors.ts"
import { type Found, send, servicePath, type Swarm } from "./known.ts"
import { jobOf } from "./service.ts"

/** How often its service is to have run. Each time that it is said a further run begins, or what runs is ended. */
export const setTotal = (
  swarm: Swarm,
  operation: string,
  { service }: Found,
  total: 0 | 1
): Effect.Effect<void, Errors.Reason> =>
  Effect.asVoid(send(swarm, {
    operation,
    method: "POST",
    path: servicePath(service.id, "/update"),
    query: { version: service.version.index },
    json: { ...service.spec as object, Mode: jobOf(total) }
  }))
