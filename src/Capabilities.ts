/**
 * What an engine can do. What it cannot is refused with reason `Unsupported` before anything is made; nothing that was
 * asked for is ever dropped in silence.
 *
 * @since 0.1.0
 */
import type { ContainerConfig } from "./ContainerConfig.ts"
import * as Errors from "./Errors.ts"

/**
 * What an engine can do.
 *
 * @category models
 * @since 0.1.0
 */
export interface Capabilities {
  /** The engine sees the paths of this machine, so that a bind mount's source can be checked here. */
  readonly localPaths: boolean
  readonly bindMounts: boolean
  readonly namedVolumes: boolean
  readonly tmpfs: boolean
  /** Publishing a container's ports on the engine's host. */
  readonly ports: boolean
  /** Publishing them on some of its addresses only, as on the loopback one, which is what a port gets that says nothing. */
  readonly portAddresses: boolean
  readonly bridgeNetworks: boolean
  readonly hostNetwork: boolean
  /** To have no network at all. */
  readonly noNetwork: boolean
  /** Networks that are made and removed by programs, several for one container, and aliases in them. */
  readonly networks: boolean
  /** Names and addresses of one's own choice in `/etc/hosts`. */
  readonly extraHosts: boolean
  /** A name for the engine's host, by which a container reaches it. */
  readonly hostAccess: boolean
  /** Name servers of one's own choice. */
  readonly dns: boolean
  readonly memoryLimit: boolean
  /** How much memory it is left when the machine has little. */
  readonly memoryReservation: boolean
  /** How much swap there is besides, or that it has no limit. */
  readonly swapLimit: boolean
  /** How much time of a CPU. */
  readonly cpuLimit: boolean
  /** Which part of the CPUs' time, and of which CPUs. */
  readonly cpuShares: boolean
  readonly pidsLimit: boolean
  readonly ulimits: boolean
  /** The size of `/dev/shm`. */
  readonly shmSize: boolean
  readonly oomScoreAdj: boolean
  readonly sysctls: boolean
  readonly tty: boolean
  readonly stdin: boolean
  readonly users: boolean
  readonly hostname: boolean
  readonly init: boolean
  /** Health checks that the engine makes by itself. */
  readonly healthcheck: boolean
  /** Starting again what has ended. */
  readonly restart: boolean
  /** Log drivers of one's own choice. */
  readonly logDriver: boolean
  readonly readOnlyRoot: boolean
  readonly privileged: boolean
  /** Linux capabilities of one's own choice. */
  readonly linuxCapabilities: boolean
  /** The promise not to gain new privileges. */
  readonly noNewPrivileges: boolean
  readonly devices: boolean
  /** GPUs by their number, as the engine finds them. */
  readonly gpus: boolean
  /** A filter of system calls of one's own. To have none at all every engine can, but a Swarm before Docker 25. */
  readonly seccomp: boolean
  /** Profiles of AppArmor, on hosts that have it. */
  readonly apparmor: boolean
  /** Labels of SELinux, on hosts that have it. */
  readonly selinux: boolean
  /** Another runtime than the engine's own. */
  readonly runtime: boolean
  /** Images of other platforms than the engine's own. */
  readonly platforms: boolean
  /** Telling what happened before somebody asked. */
  readonly eventHistory: boolean
}

/**
 * Everything. An engine takes away what it cannot do: `{ ...Capabilities.all, privileged: false }`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const all: Capabilities = {
  localPaths: true,
  bindMounts: true,
  namedVolumes: true,
  tmpfs: true,
  ports: true,
  portAddresses: true,
  bridgeNetworks: true,
  hostNetwork: true,
  noNetwork: true,
  networks: true,
  extraHosts: true,
  hostAccess: true,
  dns: true,
  memoryLimit: true,
  memoryReservation: true,
  swapLimit: true,
  cpuLimit: true,
  cpuShares: true,
  pidsLimit: true,
  ulimits: true,
  shmSize: true,
  oomScoreAdj: true,
  sysctls: true,
  tty: true,
  stdin: true,
  users: true,
  hostname: true,
  init: true,
  healthcheck: true,
  restart: true,
  logDriver: true,
  readOnlyRoot: true,
  privileged: true,
  linuxCapabilities: true,
  noNewPrivileges: true,
  devices: true,
  gpus: true,
  seccomp: true,
  apparmor: true,
  selinux: true,
  runtime: true,
  platforms: true,
  eventHistory: true
}

/** All addresses of a host. */
const anywhere: ReadonlySet<string> = new Set(["", "0.0.0.0", "::"])

const needed: ReadonlyArray<readonly [keyof Capabilities, option: string, (config: ContainerConfig) => boolean]> = [
  ["bindMounts", "volume (a bind mount)", (config) => config.mounts.some((mount) => mount.type === "bind")],
  ["namedVolumes", "volume (a named volume)", (config) => config.mounts.some((mount) => mount.type === "volume")],
  ["tmpfs", "tmpfs", (config) => config.mounts.some((mount) => mount.type === "tmpfs")],
  ["ports", "port", (config) => config.ports.length > 0],
  [
    "portAddresses",
    "port (on one of its host's addresses alone)",
    (config) => config.ports.some(({ hostIp }) => !anywhere.has(hostIp))
  ],
  ["noNetwork", "network (none)", ({ networks }) => networks.some(({ name }) => name === "none")],
  ["hostNetwork", "network (host)", ({ networks }) => networks.some(({ name }) => name === "host")],
  [
    "bridgeNetworks",
    "network (bridge)",
    ({ networks }) => networks.some(({ name }) => name !== "host" && name !== "none")
  ],
  [
    "networks",
    "network (several, or an alias)",
    ({ networks }) => networks.length > 1 || networks.some(({ aliases }) => aliases.length > 0)
  ],
  ["hostAccess", "hostAccess", (config) => config.hostAccess !== undefined],
  ["extraHosts", "extraHost", (config) => config.extraHosts !== undefined],
  ["dns", "dns", (config) => config.dns !== undefined],
  ["memoryLimit", "memory", ({ resources }) => resources.memory !== undefined || resources.memorySwap !== undefined],
  ["memoryReservation", "memory (reservation)", ({ resources }) => resources.memoryReservation !== undefined],
  [
    "swapLimit",
    "memorySwap",
    ({ resources: { memory, memorySwap } }) => memorySwap !== undefined && memorySwap !== memory
  ],
  ["cpuLimit", "cpus", ({ resources }) => resources.cpus !== undefined],
  [
    "cpuShares",
    "cpuShares or cpuset",
    ({ resources: { cpuShares, cpuset } }) => cpuShares !== undefined || cpuset !== undefined
  ],
  ["pidsLimit", "pids", (config) => config.resources.pids !== undefined],
  ["ulimits", "ulimit", (config) => config.resources.ulimits !== undefined],
  ["shmSize", "shmSize", (config) => config.resources.shmSize !== undefined],
  ["oomScoreAdj", "oomScoreAdj", (config) => config.resources.oomScoreAdj !== undefined],
  ["sysctls", "sysctl", (config) => config.sysctls !== undefined],
  ["tty", "tty", (config) => config.tty],
  ["stdin", "stdin", (config) => config.stdin],
  ["users", "user", (config) => config.user !== undefined],
  ["hostname", "hostname", (config) => config.hostname !== undefined],
  ["init", "init", (config) => config.init],
  ["healthcheck", "healthcheck", (config) => config.healthcheck !== undefined],
  ["restart", "restart", (config) => config.restart !== undefined],
  ["logDriver", "logDriver", (config) => config.logDriver !== undefined],
  ["readOnlyRoot", "readOnlyRoot", (config) => config.readOnlyRoot],
  ["privileged", "privileged", (config) => config.privileged],
  [
    "linuxCapabilities",
    "capAdd or capDrop",
    (config) => config.capAdd.length > 0 || config.capDrop.length > 0
  ],
  ["noNewPrivileges", "noNewPrivileges", (config) => config.noNewPrivileges],
  ["devices", "device", (config) => config.devices.length > 0],
  ["gpus", "gpus", (config) => config.gpus !== undefined],
  ["seccomp", "seccomp", ({ seccomp }) => seccomp !== undefined && seccomp !== "unconfined"],
  ["apparmor", "apparmor", ({ apparmor }) => apparmor !== undefined && apparmor !== "unconfined"],
  ["selinux", "selinux", ({ selinux = [] }) => selinux.some((label) => label !== "disable")],
  ["runtime", "runtime", (config) => config.runtime !== undefined],
  ["platforms", "platform", (config) => config.platform !== undefined]
]

/**
 * The first option of a description that an engine with these capabilities cannot honour, as the reason that its
 * refusal has.
 *
 * @category combinators
 * @since 0.1.0
 */
export const missing = (
  self: Capabilities,
  engine: string,
  config: ContainerConfig
): Errors.Unsupported | undefined => {
  const found = needed.find(([capability, , asks]) => !self[capability] && asks(config))
  return found === undefined ? undefined : new Errors.Unsupported({
    operation: "create",
    message: `${engine} cannot honour the option ${found[1]}`,
    hint: "leave the option out or use another engine"
  })
}
