import type { ContainerState } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"

/**
 * What Podman's API does in another way than the Docker that it stands in for. Everything of that kind is here.
 */

/** How a server names itself in the header `Server`: `Libpod/5.4.2 (linux)`. */
export const isServer = (server: string | undefined): boolean => server?.startsWith("Libpod/") === true

/** One of the parts that `/version` lists. */
export const component = "Podman Engine"

/**
 * Removing with force first stops the container in the polite way, for 10 seconds if need be, where Docker kills it. So
 * it is killed beforehand.
 */
export const killBeforeRemoval = true

const states: Readonly<Record<string, ContainerState>> = {
  configured: "created",
  initialized: "created",
  stopping: "running",
  stopped: "exited",
  unknown: "dead"
}

/** Podman has states that Docker does not have. */
export const state = (status: string): ContainerState | undefined => states[status]

/**
 * Attaching makes the container's process first, which cannot be done for a command that is none. That is for starting it to
 * say, as elsewhere.
 */
export const isAboutStarting = ({ message }: Errors.Reason): boolean => message.includes("for attach: ")
