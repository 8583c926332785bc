/**
 * The engines that can be started, one row each. A Debian suite says which version it is.
 */
interface InSuite {
  /** The Debian suite that has it. */
  readonly suite: "bookworm" | "trixie" | "forky"
  /** It belongs to a user who is not root, see `user.ts`. */
  readonly rootless?: true
}

/** It has a network namespace of its own. */
export interface Networked extends InSuite {
  readonly kind: "docker" | "podman" | "registry" | "buildkit"
  /** Last part of its address on the private network: 2 to 14, and no other row's that is started together with it. */
  readonly host: number
}

/** It is in this machine's network, as its clients are. */
export interface Containerd extends InSuite {
  readonly kind: "containerd"
}

/** Several dockerds that are one Swarm; `NAME-1` is the name of its first node, which is a manager. */
export interface Swarm extends InSuite {
  readonly kind: "swarm"
  /** As of {@link Networked}, one for each node. Two rows have the same: they are not started together. */
  readonly hosts: ReadonlyArray<number>
  /** How many of the nodes, from the first on, are managers. */
  readonly managers: number
}

export type Row = Networked | Containerd | Swarm

/**
 * bookworm and trixie are stable; forky moves, so does its engine's version. No suite has a BuildKit of its own: one of
 * the kind `buildkit` is the one inside of dockerd, with the image store of containerd, where it can do all that it can
 * do elsewhere.
 */
export const rows: Readonly<Record<string, Row>> = {
  docker20: { kind: "docker", suite: "bookworm", host: 2 },
  docker26: { kind: "docker", suite: "trixie", host: 3 },
  docker28: { kind: "docker", suite: "forky", host: 4 },
  podman43: { kind: "podman", suite: "bookworm", host: 7 },
  podman54: { kind: "podman", suite: "trixie", host: 8 },
  podman58: { kind: "podman", suite: "forky", host: 9 },
  "podman54-rootless": { kind: "podman", suite: "trixie", host: 13, rootless: true },
  buildkit26: { kind: "buildkit", suite: "trixie", host: 5 },
  buildkit28: { kind: "buildkit", suite: "forky", host: 6 },
  containerd16: { kind: "containerd", suite: "bookworm" },
  containerd17: { kind: "containerd", suite: "trixie" },
  containerd21: { kind: "containerd", suite: "forky" },
  "containerd17-rootless": { kind: "containerd", suite: "trixie", rootless: true },
  swarm20: { kind: "swarm", suite: "bookworm", hosts: [10], managers: 1 },
  swarm28: { kind: "swarm", suite: "forky", hosts: [10], managers: 1 },
  swarm20x3: { kind: "swarm", suite: "bookworm", hosts: [10, 11, 12], managers: 1 },
  swarm28x3: { kind: "swarm", suite: "forky", hosts: [10, 11, 12], managers: 1 },
  swarm28x4: { kind: "swarm", suite: "forky", hosts: [10, 11, 12, 13], managers: 3 },
  registry: { kind: "registry", suite: "trixie", host: 1 },
  "registry-auth": { kind: "registry", suite: "trixie", host: 1 },
  // No engine is told to do without TLS at this machine's other address.
  "registry-tls": { kind: "registry", suite: "trixie", host: 14 }
}

/** Just `docker`, `podman`, `containerd` or `buildkit` is the newest one in a stable suite; `swarm` is one of three nodes. */
const aliases: Readonly<Record<string, string>> = {
  docker: "docker26",
  podman: "podman54",
  containerd: "containerd17",
  buildkit: "buildkit26",
  swarm: "swarm28x3"
}

export const row = (name: string): Row | undefined => rows[aliases[name] ?? name]

export const names: ReadonlyArray<string> = [...Object.keys(aliases), ...Object.keys(rows)]

/**
 * What is unpacked of a suite: the engines, the programs that they or `inside.sh` call once /usr is the suite's, what a
 * client of containerd runs by itself (CNI plugins, buildah), what its Node needs where a shim starts it, and what an
 * engine without root needs.
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
  "libstdc++6",
  "mount",
  "netavark",
  "procps",
  "rootlesskit",
  "runc",
  "slirp4netns",
  "uidmap",
  "util-linux"
]

/** The same of a Podman: who does not want one need not download it. */
export const podmanPackages: ReadonlyArray<string> = [
  "aardvark-dns",
  "bash",
  "ca-certificates",
  "catatonit",
  "coreutils",
  "dash",
  "iproute2",
  "iptables",
  "mount",
  "netavark",
  "nftables",
  "podman",
  "procps",
  "runc",
  "slirp4netns",
  "uidmap",
  "util-linux"
]

/** gVisor's `runsc`, for whoever gives it to a containerd as its runtime. */
export const gvisorPackages: ReadonlyArray<string> = ["runsc"]

/** Docker's own client, which no engine needs. */
export const cliPackages: ReadonlyArray<string> = ["docker-cli"]

/** PostgreSQL, for the image of one. */
export const postgresPackages: ReadonlyArray<string> = ["postgresql-17"]

/** The suite of the programs that are no engine: the registry and the test image's busybox. */
export const commonSuite: Row["suite"] = "trixie"
