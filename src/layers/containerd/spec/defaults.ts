import type { DeviceRule, Mount } from "./model.ts"

/** What Docker gives a container that asks for nothing; the same everywhere, so that a program behaves the same. */

export const ociVersion = "1.0.2"

export const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

export const capabilities: ReadonlyArray<string> = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_MKNOD",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
  "CAP_AUDIT_WRITE"
]

export const maskedPaths: ReadonlyArray<string> = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/devices/virtual/powercap",
  "/sys/firmware"
]

export const readonlyPaths: ReadonlyArray<string> = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger"
]

/** What is mounted before anything that a user asks for. */
export const mounts = (options: {
  readonly privileged: boolean
  readonly sysfs: boolean
  readonly cgroup: boolean
  /** Bytes of `/dev/shm`. */
  readonly shmSize: number | undefined
}): ReadonlyArray<Mount> => {
  const ro = options.privileged ? [] : ["ro"]
  return [
    { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"]
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]
    },
    {
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: ["nosuid", "noexec", "nodev", "mode=1777", `size=${options.shmSize ?? 64 * 1024 * 1024}`]
    },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
    options.sysfs
      ? { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", ...ro] }
      // A user namespace may mount no sysfs of a network that it does not own.
      : { destination: "/sys", type: "none", source: "/sys", options: ["rbind", "nosuid", "noexec", "nodev", ...ro] },
    ...options.cgroup
      ? [{
        destination: "/sys/fs/cgroup",
        type: "cgroup",
        source: "cgroup",
        options: ["nosuid", "noexec", "nodev", ...ro]
      }]
      : []
  ]
}

/** Nothing but null, zero, full, random, urandom, tty, console and pseudo-terminals. */
export const deviceRules: ReadonlyArray<DeviceRule> = [
  { allow: false, access: "rwm" },
  ...[[1, 3], [1, 5], [1, 7], [1, 8], [1, 9], [5, 0], [5, 1], [5, 2]].map(([major, minor]): DeviceRule => ({
    allow: true,
    type: "c",
    major,
    minor,
    access: "rwm"
  })),
  { allow: true, type: "c", major: 136, access: "rwm" },
  // Making a node is not opening it.
  { allow: true, type: "c", access: "m" },
  { allow: true, type: "b", access: "m" }
]

/** For containers with a network of their own: ports below 1024 and ping for everybody, as in Docker. */
export const sysctl = ({ rootless }: { readonly rootless: boolean }): Readonly<Record<string, string>> => ({
  "net.ipv4.ip_unprivileged_port_start": "0",
  // A user namespace has not that many groups.
  ...rootless ? {} : { "net.ipv4.ping_group_range": "0 2147483647" }
})
