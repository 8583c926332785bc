import * as Effect from "effect/Effect"
import type { Capabilities } from "../../Capabilities.ts"
import { ask, type Client } from "../dockerApi/request.ts"
import * as Schemas from "../dockerApi/schemas.ts"

/**
 * What a Podman cannot do. It takes a filter of system calls as the path of a file on its host only, and drops a request for
 * GPUs or another runtime. Its health checks are timers of systemd, without which a container that has one does not start: where there is a
 * systemd, Podman leaves control groups to it.
 */
export const capabilities = (client: Client): Effect.Effect<Partial<Capabilities>> =>
  ask(client, { operation: "connect", method: "GET", path: "/info" }, Schemas.info).pipe(
    Effect.map(({ cgroupDriver }) => cgroupDriver === "systemd"),
    Effect.orElseSucceed(() => false),
    Effect.map((healthcheck) => ({ healthcheck, seccomp: false, gpus: false, runtime: false }))
  )
