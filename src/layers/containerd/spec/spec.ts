import type { ContainerConfig, Mount as Asked } from "../../../ContainerConfig.ts"
import * as Defaults from "./defaults.ts"
import type { DeviceRule, Linux, Mount, Namespace, Resources, Spec, User } from "./model.ts"
import type { Given } from "./privileged.ts"
import { commandLine, type ImageConfig, variables } from "./process.ts"
import { rlimits } from "./rlimits.ts"
import * as Seccomp from "./seccomp.ts"

/** What a host can give to a container. */
export interface Host {
  /** Unprivileged users cannot make control groups on every host, nor mount the sysfs of its network. */
  readonly rootless: boolean
  readonly cgroupVersion: 1 | 2
  /** Whether swap is counted. Where it is not, a limit of memory is one of memory alone. */
  readonly swapLimit: boolean
  /** Its architecture when it can filter system calls and is to do so. */
  readonly seccomp: string | undefined
  /** Whether its kernel confines by profiles. */
  readonly apparmor: boolean
}

export interface Input {
  readonly config: ContainerConfig
  readonly image: ImageConfig
  readonly user: User
  readonly hostname: string
  /** The control group, as the runtime's own driver names it. */
  readonly cgroupsPath: string
  readonly host: Host
  /** `/etc/hosts` and its like, bound from files of their own. */
  readonly files: ReadonlyArray<Mount>
  readonly network: "host" | "own"
  readonly given: Given
}

const depth = (mount: Mount): number => mount.destination.split("/").filter((part) => part !== "").length

const period = 100_000

/** Docker's rule: what is added holds over what is taken away, if all is. */
const capabilitiesOf = ({ config: { capAdd, capDrop, privileged }, given }: Input): ReadonlyArray<string> => {
  if (privileged) return given.capabilities ?? []
  if (capDrop.includes("ALL")) return capAdd.includes("ALL") ? given.capabilities ?? [] : [...new Set(capAdd)]
  const base = new Set(given.capabilities ?? [...Defaults.capabilities, ...capAdd])
  return [...base].filter((name) => !capDrop.includes(name))
}

const deviceRules = ({ config, given }: Input): ReadonlyArray<DeviceRule> =>
  config.privileged ? [{ allow: true, access: "rwm" }] : [
    ...Defaults.deviceRules,
    ...given.devices.map(({ major, minor, type }, n): DeviceRule => ({
      allow: true,
      type,
      major,
      minor,
      access: config.devices[n]?.access ?? "rwm"
    }))
  ]

const resources = (input: Input): Resources => {
  const { config: { resources: { cpuShares, cpus, cpuset, memory, memoryReservation, memorySwap, pids } }, host } =
    input
  const cpu = {
    ...(cpus === undefined ? {} : { quota: Math.round(cpus * period), period }),
    ...(cpuShares === undefined ? {} : { shares: cpuShares }),
    ...(cpuset === undefined ? {} : { cpus: cpuset })
  }
  return {
    devices: deviceRules(input),
    ...(memory === undefined ? {} : {
      memory: {
        limit: memory,
        ...(memorySwap === undefined || !host.swapLimit ? {} : { swap: memorySwap }),
        ...(memoryReservation === undefined ? {} : { reservation: memoryReservation })
      }
    }),
    ...(Object.keys(cpu).length === 0 ? {} : { cpu }),
    ...(pids === undefined ? {} : { pids: { limit: pids } })
  }
}

const asked = (mount: Asked): ReadonlyArray<Mount> => {
  switch (mount.type) {
    case "bind":
      return [{
        destination: mount.target,
        type: "bind",
        source: mount.source,
        options: ["rbind", "rprivate", mount.readOnly ? "ro" : "rw"]
      }]
    case "tmpfs":
      return [{
        destination: mount.target,
        type: "tmpfs",
        source: "tmpfs",
        options: [
          "noexec",
          "nosuid",
          "nodev",
          "mode=1777",
          ...mount.size === undefined ? [] : [`size=${mount.size}`]
        ]
      }]
    case "volume":
      return []
  }
}

const linux = (input: Input, capabilities: ReadonlyArray<string>): Linux => {
  const { cgroupsPath, config, given, host, network } = input
  const seccomp = typeof config.seccomp === "object"
    ? config.seccomp
    : config.privileged || host.seccomp === undefined || config.seccomp === "unconfined"
    ? undefined
    : Seccomp.profile(host.seccomp, capabilities)
  const namespaces: ReadonlyArray<Namespace> = [
    { type: "pid" },
    { type: "ipc" },
    { type: "uts" },
    { type: "mount" },
    ...network === "own" ? [{ type: "network" }] : [],
    ...host.cgroupVersion === 2 && !config.privileged ? [{ type: "cgroup" }] : []
  ]
  return {
    namespaces,
    maskedPaths: config.privileged ? [] : Defaults.maskedPaths,
    readonlyPaths: config.privileged ? [] : Defaults.readonlyPaths,
    sysctl: { ...(network === "own" ? Defaults.sysctl(host) : {}), ...config.sysctls },
    ...(given.devices.length === 0 ? {} : { devices: given.devices }),
    ...(seccomp === undefined ? {} : { seccomp }),
    ...(host.rootless && host.cgroupVersion === 1 ? {} : { cgroupsPath, resources: resources(input) })
  }
}

/** What the runtime is told to make: Docker's defaults, and over them what was asked for. */
export const make = (input: Input): Spec => {
  const { config, files, given, host, hostname, image, network, user } = input
  const { oomScoreAdj, shmSize, ulimits } = config.resources
  const capabilities = capabilitiesOf(input)
  const mounts = [...files, ...given.bound, ...config.mounts.flatMap(asked)]
  return {
    ociVersion: Defaults.ociVersion,
    process: {
      terminal: config.tty,
      user,
      args: commandLine(config, image),
      env: variables(config, image, hostname),
      cwd: config.workDir ?? (image.workDir === "" ? "/" : image.workDir),
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      ...(config.noNewPrivileges ? { noNewPrivileges: true } : {}),
      ...(config.apparmor === undefined || !host.apparmor ? {} : { apparmorProfile: config.apparmor }),
      ...(oomScoreAdj === undefined ? {} : { oomScoreAdj }),
      ...(ulimits === undefined ? {} : { rlimits: rlimits(ulimits) })
    },
    root: { path: "rootfs", readonly: config.readOnlyRoot },
    hostname,
    mounts: [
      ...Defaults.mounts({
        privileged: config.privileged,
        shmSize,
        sysfs: !host.rootless || network === "own",
        cgroup: !host.rootless || network === "own" && host.cgroupVersion === 2
      }),
      // What is mounted deeper comes later, or it would be hidden.
      ...mounts.toSorted((a, b) => depth(a) - depth(b))
    ],
    linux: linux(input, capabilities)
  }
}
