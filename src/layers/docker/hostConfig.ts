import type { ContainerConfig, Ulimit } from "../../ContainerConfig.ts"

/** The API's word for no limit. */
const unlimited = -1

const limitOf = (limit: Ulimit["soft"]): number => limit === "unlimited" ? unlimited : limit

/** What the kernel is to limit and to set, besides memory, processes and time. */
export const limits = ({ resources, sysctls }: ContainerConfig) => ({
  CpuShares: resources.cpuShares,
  CpusetCpus: resources.cpuset,
  ShmSize: resources.shmSize,
  OomScoreAdj: resources.oomScoreAdj,
  Ulimits: resources.ulimits?.map(({ hard, name, soft }) => ({ Name: name, Soft: limitOf(soft), Hard: limitOf(hard) })),
  Sysctls: sysctls
})

/** Names and their addresses. The API takes an empty list for none given. */
export const resolution = ({ dns, extraHosts, hostAccess }: ContainerConfig) => ({
  ExtraHosts: hostAccess === undefined && extraHosts === undefined ? undefined : [
    ...extraHosts?.map(({ address, name }) => `${name}:${address}`) ?? [],
    // The engine's word for its own address.
    ...hostAccess === undefined ? [] : [`${hostAccess}:host-gateway`]
  ],
  Dns: dns?.servers,
  DnsSearch: dns?.search,
  DnsOptions: dns?.options
})

const nanos = (millis: number): number => Math.round(millis * 1e6)

/** In the API it is a part of what an image can say too. */
export const healthcheck = ({ healthcheck: check }: ContainerConfig) =>
  check === undefined ? undefined : {
    Test: ["CMD", ...check.command],
    Interval: nanos(check.interval),
    Timeout: nanos(check.timeout),
    StartPeriod: nanos(check.startPeriod),
    // Newer engines would look each 5 seconds then.
    StartInterval: check.startPeriod === 0 ? undefined : nanos(check.interval),
    Retries: check.retries
  }

/** What the engine does while the container runs, and when it ends. */
export const supervision = ({ logDriver, restart }: ContainerConfig) => ({
  RestartPolicy: restart === undefined
    ? undefined
    : { Name: restart.name, MaximumRetryCount: restart.maximumRetryCount ?? 0 },
  LogConfig: logDriver === undefined ? undefined : { Type: logDriver.name, Config: logDriver.options }
})

/** Of the driver's choice. */
const all = -1

const gpusOf = (gpus: NonNullable<ContainerConfig["gpus"]>) => ({
  ...(gpus === "all" ? { Count: all } : typeof gpus === "number" ? { Count: gpus } : { DeviceIDs: gpus }),
  Capabilities: [["gpu"]]
})

/** What keeps it apart from its host, and what it is given of it. */
export const confinement = (config: ContainerConfig) => {
  const { apparmor, gpus, noNewPrivileges, runtime, seccomp, selinux = [] } = config
  const options = [
    ...noNewPrivileges ? ["no-new-privileges"] : [],
    ...seccomp === undefined ? [] : [`seccomp=${typeof seccomp === "string" ? seccomp : JSON.stringify(seccomp)}`],
    ...apparmor === undefined ? [] : [`apparmor=${apparmor}`],
    ...selinux.map((label) => `label=${label}`)
  ]
  return {
    SecurityOpt: options.length === 0 ? undefined : options,
    Runtime: runtime,
    DeviceRequests: gpus === undefined ? undefined : [gpusOf(gpus)]
  }
}
