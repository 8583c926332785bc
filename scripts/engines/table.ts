/**
 * The engines that can be started, one row each. A Debian suite says which version it is.
 */
export interface Row {
  readonly kind: "docker" | "registry"
  /** The Debian suite that has it. */
  readonly suite: "bookworm" | "trixie" | "forky"
  /** Last part of its address on the private network: 2 to 14, and no other row's of the same suite of names. */
  readonly host: number
}

/** bookworm and trixie are stable; forky moves, so does its engine's version. */
export const rows: Readonly<Record<string, Row>> = {
  docker20: { kind: "docker", suite: "bookworm", host: 2 },
  docker26: { kind: "docker", suite: "trixie", host: 3 },
  docker28: { kind: "docker", suite: "forky", host: 4 },
  registry: { kind: "registry", suite: "trixie", host: 1 },
  "registry-auth": { kind: "registry", suite: "trixie", host: 1 }
}

/** The engine called just `docker`: the newest one in a stable suite. */
const aliases: Readonly<Record<string, string>> = { docker: "docker26" }

export const row = (name: string): Row | undefined => rows[aliases[name] ?? name]

export const names: ReadonlyArray<string> = [...Object.keys(aliases), ...Object.keys(rows)]

/**
 * What is unpacked of a suite: the engines, and the programs that they or `inside.sh` call once /usr is the suite's.
 */
export const packages: ReadonlyArray<string> = [
  "bash",
  "busybox-static",
  "ca-certificates",
  "containerd",
  "coreutils",
  "dash",
  "docker-registry",
  "docker.io",
  "iproute2",
  "iptables",
  "mount",
  "procps",
  "runc",
  "util-linux"
]

/** The suite of the programs that are no engine: the registry and the test image's busybox. */
export const commonSuite: Row["suite"] = "trixie"
