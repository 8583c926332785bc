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
export const resolution = ({ dns, extraHosts }: ContainerConfig) => ({
  ExtraHosts: extraHosts?.map(({ address, name }) => `${name}:${address}`),
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
