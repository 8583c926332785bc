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
