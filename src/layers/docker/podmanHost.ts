import * as Effect from "effect/Effect"
import type { Capabilities } from "../../Capabilities.ts"
import { ask, type Client } from "../dockerApi/request.ts"
import * as Schemas from "../dockerApi/schemas.ts"

/** What there is where a Podman runs. */
export interface PodmanHost {
  readonly capabilities: Partial<Capabilities>
  /** Whether a container has a control group, by which it can be paused and counted. */
  readonly hasCgroups: boolean
}

const operation = "connect"

/**
 * What a Podman cannot do. It takes a filter of system calls as the path of a file on its host only, and drops a request for
 * GPUs or another runtime. Its health checks are timers of systemd, without which a container that has one does not start: where there is a
 * systemd, Podman leaves control groups to it. Who is not root makes none of version 1, and then Podman drops limits.
 * Podman 4 makes a container of whatever platform has the image's name, and before 4.7 it writes `host-gateway` into a
 * container's hosts as if that were an address.
 */
export const look = (client: Client): Effect.Effect<PodmanHost> =>
  Effect.gen(function*() {
    const { cgroupDriver, cgroupVersion, security = [] } = yield* ask(
      client,
      { operation, method: "GET", path: "/info" },
      Schemas.info
    ).pipe(Effect.catch((error) =>
      Effect.as(Effect.logWarning(`what Podman's host can do is not known: ${error.message}`), {
        cgroupDriver: undefined,
        cgroupVersion: undefined,
        security: undefined
      })
    ))
    const version = yield* ask(client, { operation, method: "GET", path: "/version" }, Schemas.version).pipe(
      Effect.map(({ version }) =>
        version
      ),
      Effect.catch((error) => Effect.as(Effect.logWarning(`Podman's version is not known: ${error.message}`), ""))
    )
    const [major = 0, minor = 0] = version.split(".").map((part) => Number.parseInt(part, 10))
    const hasCgroups = cgroupVersion !== "1" || !security.includes("name=rootless")
    return {
      hasCgroups,
      capabilities: {
        healthcheck: cgroupDriver === "systemd",
        platforms: major > 4,
        hostAccess: major > 4 || (major === 4 && minor >= 7),
        memoryLimit: hasCgroups,
        memoryReservation: hasCgroups,
        cpuLimit: hasCgroups,
        cpuShares: hasCgroups,
        pidsLimit: hasCgroups,
        // Dropped together with the others.
        ulimits: hasCgroups,
        seccomp: false,
        gpus: false,
        runtime: false
      }
    }
  })
