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

/** What a service cannot be told, in words; each that is asked for is refused. */
const issueOf = (
  config: ContainerConfig,
  settings: SwarmConfig,
  apiVersion: string | undefined
): string | undefined => {
  const { apparmor, logDriver, mounts, seccomp, selinux = [] } = config
  const mount = mounts.find(({ type }) => type === "bind")
  const shared = settings.sharedPaths ?? []
  if (mount?.type === "bind" && !shared.some((folder) => isBelow(folder, mount.source))) {
    return `volume (${mount.source} is not below one of the config's sharedPaths)`
  }
  if (logDriver?.name === "none") return "logDriver (none: what is read of a container is what its node keeps)"
  if (selinux.length > 0) return "selinux"
  if (isSince(apiVersion, 44)) return undefined
  if (seccomp !== undefined) return "seccomp (of a Swarm before Docker 25)"
  return apparmor === undefined ? undefined : "apparmor (of a Swarm before Docker 25)"
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
