import type { SeccompAction, SeccompProfile } from "../ContainerConfig.ts"
import type { Options } from "./description.ts"
import { type Issue, show } from "./issue.ts"

/** All there are; a program without types can hand over another. */
const actions: Readonly<Record<SeccompAction, true>> = {
  SCMP_ACT_ALLOW: true,
  SCMP_ACT_ERRNO: true,
  SCMP_ACT_KILL: true,
  SCMP_ACT_KILL_PROCESS: true,
  SCMP_ACT_KILL_THREAD: true,
  SCMP_ACT_LOG: true,
  SCMP_ACT_TRACE: true,
  SCMP_ACT_TRAP: true
}

const seccompIssue = ({ defaultAction, syscalls }: SeccompProfile): string | undefined => {
  const action = [defaultAction, ...syscalls.map(({ action }) => action)].find((name) => !Object.hasOwn(actions, name))
  if (action !== undefined) return `${show(String(action))} is no action, such as "SCMP_ACT_ERRNO"`
  return syscalls.some(({ names }) => names.length === 0 || names.includes(""))
    ? "a rule without the name of a system call"
    : undefined
}

const selinuxLabel = /^(?:disable|(?:user|role|type|level):[^\s\0]+)$/

const gpusIssue = (gpus: NonNullable<Options["gpus"]>): string | undefined => {
  if (gpus === "all") return undefined
  if (typeof gpus === "number") {
    return Number.isSafeInteger(gpus) && gpus >= 1
      ? undefined
      : `${gpus} is not a number of GPUs: it must be a whole number from 1 on, or "all"`
  }
  return gpus.length === 0 || gpus.some((id) => id === "" || id.includes("\0"))
    ? "give the id of one GPU at least, and none that is empty"
    : undefined
}

/** What is wrong with what keeps it apart from its host, and what it is given of it. */
export const confinementIssue = (
  { apparmor, gpus, runtime, seccomp, selinux = [] }: Options
): Issue | undefined => {
  const filter = seccomp === undefined || seccomp === "unconfined" ? undefined : seccompIssue(seccomp)
  if (filter !== undefined) return ["seccomp", filter]
  if (apparmor !== undefined && !/^[^\s\0]+$/.test(apparmor)) {
    return ["apparmor", `${show(apparmor)} is no profile's name`]
  }
  const label = selinux.find((label) => !selinuxLabel.test(label))
  if (label !== undefined) return ["selinux", `${show(label)} is no label, such as "type:container_t", nor "disable"`]
  if (runtime !== undefined && !/^[\w./-]+$/.test(runtime)) return ["runtime", `${show(runtime)} is no runtime's name`]
  const graphics = gpus === undefined ? undefined : gpusIssue(gpus)
  return graphics === undefined ? undefined : ["gpus", graphics]
}
