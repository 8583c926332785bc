import type { ContainerConfig } from "../../ContainerConfig.ts"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import type { SwarmConfig } from "./config.ts"

/** Whether the API is of this version at least. */
export const isSince = (apiVersion: string | undefined, minor: number): boolean =>
  Number((apiVersion ?? "").split(".")[1] ?? 0) >= minor

const isBelow = (folder: string, path: string): boolean => {
  const bare = folder.replace(/\/+$/, "")
  return path === bare || path.startsWith(`${bare}/`)
}

const anywhere: ReadonlySet<string> = new Set(["", "0.0.0.0", "::"])

/** What a service cannot be told, in words; each that is asked for is refused. */
const issueOf = (
  config: ContainerConfig,
  settings: SwarmConfig,
  apiVersion: string | undefined
): string | undefined => {
  const { mounts, noNewPrivileges, ports, resources, seccomp, apparmor, selinux = [] } = config
  const { cpuShares, cpuset, memory, memorySwap } = resources
  const mount = mounts.find(({ type }) => type === "bind")
  const shared = settings.sharedPaths ?? []
  if (mount?.type === "bind" && !shared.some((folder) => isBelow(folder, mount.source))) {
    return `volume (${mount.source} is not below one of the config's sharedPaths)`
  }
  const port = ports.find(({ hostIp }) => !anywhere.has(hostIp))
  if (port !== undefined) {
    return `port (on ${port.hostIp}: a node listens on all of its addresses, so say hostIp: "0.0.0.0")`
  }
  if (cpuShares !== undefined || cpuset !== undefined) return "cpuShares or cpuset"
  if (memorySwap !== undefined && memorySwap !== memory) return "memorySwap"
  if (isSince(apiVersion, 44)) return undefined
  if (noNewPrivileges) return "noNewPrivileges (of a Swarm before Docker 25)"
  if (seccomp !== undefined) return "seccomp (of a Swarm before Docker 25)"
  if (apparmor !== undefined) return "apparmor (of a Swarm before Docker 25)"
  return selinux.length > 0 ? "selinux" : undefined
}

/** As `Capabilities` would refuse it, before anything is made. */
export const refusal = (
  config: ContainerConfig,
  settings: SwarmConfig,
  apiVersion: string | undefined
): Errors.Unsupported | undefined => {
  const issue = issueOf(config, settings, apiVersion)
  return issue === undefined ? undefined : reason("Unsupported", {
    operation: "create",
    message: `swarm cannot honour the option ${issue}`,
    hint: "leave the option out or use another engine"
  })
}
