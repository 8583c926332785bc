import type { Ulimit, UlimitName } from "../ContainerConfig.ts"
import type { Options } from "./description.ts"
import { type Issue, show } from "./issue.ts"

/** All there are; a program without types can hand over another. */
const ulimitNames: Readonly<Record<UlimitName, true>> = {
  core: true,
  cpu: true,
  data: true,
  fsize: true,
  locks: true,
  memlock: true,
  msgqueue: true,
  nice: true,
  nofile: true,
  nproc: true,
  rss: true,
  rtprio: true,
  rttime: true,
  sigpending: true,
  stack: true
}

const isLimit = (limit: Ulimit["soft"]): boolean => limit === "unlimited" || Number.isSafeInteger(limit) && limit >= 0

const height = (limit: Ulimit["soft"]): number => limit === "unlimited" ? Number.POSITIVE_INFINITY : limit

const ulimitIssue = ({ hard, name, soft }: Ulimit): string | undefined => {
  if (!Object.hasOwn(ulimitNames, name)) {
    return `${show(name)} is no limit: there are ${Object.keys(ulimitNames).join(", ")}`
  }
  const bad = [soft, hard].find((limit) => !isLimit(limit))
  if (bad !== undefined) return `${bad} is no limit of ${name}: it must be a whole number from 0 on, or "unlimited"`
  return height(soft) > height(hard)
    ? `the soft limit of ${name}, ${soft}, is over the hard one, ${hard}`
    : undefined
}

/** Those that are in a namespace which every container has to itself. */
const ipc = new Set(["msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced"])

const isOwn = (name: string): boolean =>
  /^(?:net|fs\.mqueue)\../.test(name) || name === "kernel.domainname" ||
  name.startsWith("kernel.") && ipc.has(name.slice("kernel.".length))

const sysctlIssue = (name: string, value: string, networks: Options["networks"]): string | undefined => {
  if (!/^[\w-]+(?:\.[\w-]+)+$/.test(name)) return `${show(name)} is no name of a setting, such as "net.core.somaxconn"`
  if (!isOwn(name)) return `${show(name)} is the whole machine's: no container has it to itself`
  if (value.includes("\0")) return `the value of ${show(name)} has a NUL character`
  return name.startsWith("net.") && networks.some((network) => network.name === "host")
    ? `${show(name)} would be the machine's: the container is in the network "host"`
    : undefined
}

const cpuList = /^\d{1,5}(?:-\d{1,5})?(?:,\d{1,5}(?:-\d{1,5})?)*$/

const isWithin = (value: number, lowest: number, highest: number): boolean =>
  Number.isInteger(value) && value >= lowest && value <= highest

/** What is wrong with what the kernel is asked to limit or to set. */
export const kernelIssue = (options: Options): Issue | undefined => {
  const { cpuShares, cpuset, oomScoreAdj } = options
  if (cpuShares !== undefined && !isWithin(cpuShares, 2, 262_144)) {
    return ["cpuShares", `${cpuShares} is no part of the CPUs: it must be a whole number from 2 to 262144`]
  }
  if (cpuset !== undefined && !cpuList.test(cpuset)) {
    return ["cpuset", `${show(cpuset)} is no list of CPUs, such as "0-2,4"`]
  }
  if (oomScoreAdj !== undefined && !isWithin(oomScoreAdj, -1000, 1000)) {
    return ["oomScoreAdj", `${oomScoreAdj} is no score: it must be a whole number from -1000 to 1000`]
  }
  for (const ulimit of options.ulimits ?? []) {
    const issue = ulimitIssue(ulimit)
    if (issue !== undefined) return ["ulimit", issue]
  }
  for (const [name, value] of options.sysctls ?? []) {
    const issue = sysctlIssue(name, value, options.networks)
    if (issue !== undefined) return ["sysctl", issue]
  }
  return undefined
}
