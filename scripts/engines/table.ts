/**
 * The engines that can be started, one row each. A Debian suite says which version it is.
 */
interface InSuite {
  /** The Debian suite that has it. */
  readonly suite: "bookworm" | "trixie" | "forky"
}

/** It has a network namespace of its own. */
export interface Networked extends InSuite {
  readonly kind: "docker" | "registry"
  /** Last part of its address on the private network: 2 to 14, and no other row's of the same suite of names. */
  readonly host: number
}

/** It is in this machine's network, as its clients are. */
export interface Containerd extends InSuite {
  readonly kind: "containerd"
}

export type Row = Networked | Containerd

/** bookworm and trixie are stable; forky moves, so does its engine's version. */
export const rows: Readonly<Record<string, Row>> = {
  docker20: { kind: "docker", suite: "bookworm", host: 2 },
  docker26: { kind: "docker", suite: "trixie", host: 3 },
  docker28: { kind: "docker", suite: "forky", host: 4 },
  containerd16: { kind: "containerd", suite: "bookworm" },
  containerd17: { kind: "containerd", suite: "trixie" },
  containerd21: { kind: "containerd", suite: "forky" },
  registry: { kind: "registry", suite: "trixie", host: 1 },
  "registry-auth": { kind: "registry", suite: "trixie", host: 1 }
}

/** Just `docker` or `containerd` is the newest one in a stable suite. */
const aliases: Readonly<Record<string, string>> = { docker: "docker26", containerd: "containerd17" }

export const row = (name: string): Row | undefined => rows[aliases[name] ?? name]

export const names: ReadonlyArray<string> = [...Object.keys(aliases), ...Object.keys(rows)]

/**
 * What is unpacked of a suite: the engines, the programs that they or `inside.sh` call once /usr is the suite's, what a
 * client of containerd runs by itself (CNI plugins, buildah), and what an engine without root needs.
 */
export const packages: ReadonlyArray<string> = [
  "bash",
  "buildah",
  "busybox-static",
  "ca-certificates",
  "containerd",
  "containernetworking-plugins",
  "coreutils",
  "dash",
  "docker-registry",
  "docker.io",
  "iproute2",
  "iptables",
  "mount",
  "netavark",
  "procps",
  "rootlesskit",
  "runc",
  "slirp4netns",
  "uidmap",
  "util-linux"
]

/** The suite of the programs that are no engine: the registry and the test image's busybox. */
export const commonSuite: Row["suite"] = "trixie"
