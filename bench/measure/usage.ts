/** What a process has used, as Linux counts it. */
import { readFileSync } from "node:fs"

/** Processor time of this process: milliseconds. */
export const own = (): number => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1000
}

/** Processor time of the processes that this one has started and that have ended: milliseconds, in steps of ten. */
export const children = (): number => {
  const fields = readFileSync("/proc/self/stat", "latin1").replace(/^.*\) /s, "").split(" ")
  return (Number(fields[13]) + Number(fields[14])) * 10
}

const status = (name: string): number => {
  const [, kib] = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(readFileSync("/proc/self/status", "latin1")) ?? []
  return Number(kib) / 1024
}

/** The most memory that this process ever had: MiB. */
export const peak = (): number => status("VmHWM")

/** The memory that this process has: MiB. */
export const resident = (): number => status("VmRSS")

/** What is used of the heap when all has been collected, in a process that was started with `--expose-gc`: bytes. */
export const heap = (): number => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}
