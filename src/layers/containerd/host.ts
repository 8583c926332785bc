import * as Effect from "effect/Effect"
import { existsSync, readFileSync, statfsSync } from "node:fs"
import * as Platform from "./images/platform.ts"
import type { Host } from "./spec/spec.ts"

/** The magic number of cgroup2fs: linux/magic.h. */
const cgroup2 = 0x63677270

const attempt = <A>(look: () => A, otherwise: A): A => {
  try {
    return look()
  } catch {
    return otherwise
  }
}

/** The host that the engine runs on, which is this one: its socket is a file here. */
export const look = (rootless: boolean, seccomp: "default" | "unconfined" = "default"): Effect.Effect<Host> =>
  Effect.sync(() => {
    const isSecond = attempt(() => statfsSync("/sys/fs/cgroup").type === cgroup2, false)
    return {
      rootless,
      cgroupVersion: isSecond ? 2 : 1,
      swapLimit: isSecond || existsSync("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes"),
      // Where it cannot be looked at, the runtime says what the kernel lacks: nobody is to do without unknowingly.
      seccomp: seccomp === "default" && attempt(() =>
          readFileSync("/proc/self/status", "utf8"), "Seccomp:").includes("Seccomp:")
        ? Platform.own.architecture
        : undefined,
      apparmor: attempt(() =>
        readFileSync("/sys/module/apparmor/parameters/enabled", "utf8"), "").startsWith("Y")
    }
  })

/** Whether containers can have control groups, by which they are limited, paused and counted. */
export const hasCgroups = ({ cgroupVersion, rootless }: Host): boolean => !rootless || cgroupVersion === 2
