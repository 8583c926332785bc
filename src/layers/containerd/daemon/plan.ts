import { join } from "node:path"
import { engine, type Place } from "./place.ts"

/** What a keeper is told. */
export interface Plan extends Place {
  readonly containerd: string
  /** The command that runs the daemon in namespaces of its own. */
  readonly enter: ReadonlyArray<string>
  /** Absolute path of the program, where it is not simply `runc`. */
  readonly runc: string | undefined
  readonly path: string
  /** Milliseconds in which the daemon must answer. */
  readonly patience: number
  /** Only clear up after a keeper that was killed. */
  readonly sweep: boolean
}

/** A line that a keeper sends to each of its users. */
export type Said =
  | {
    readonly is: "ready"
    /** The engine's socket. */
    readonly socket: string
    /** Milliseconds since the epoch: no container that runs is older. */
    readonly started: number
  }
  | { readonly is: "failed"; readonly message: string }

/**
 * Run by the shell in the daemon's own mount namespace, with a folder, and the daemon's command: /run/containerd, where
 * shims have their sockets and runc its state, is that folder there. In the namespaces of rootlesskit it may be a link to
 * what belongs to root.
 */
export const enclose = `set -e
[ ! -L /run/containerd ] || rm /run/containerd
mkdir -p /run/containerd
mount --bind "$0" /run/containerd
exec "$@"`

/** Nobody here speaks the container interface (CRI) of Kubernetes, or needs the rest; unknown ones are ignored. */
const disabled = [
  "io.containerd.grpc.v1.cri",
  "io.containerd.cri.v1.images",
  "io.containerd.cri.v1.runtime",
  "io.containerd.podsandbox.controller.v1.podsandbox",
  "io.containerd.nri.v1.nri",
  "io.containerd.internal.v1.restart",
  "io.containerd.internal.v1.tracing",
  "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs"
]

/** containerd's configuration. JSON's strings and lists are TOML's too. */
export const toml = ({ folder, runtime }: Place): string =>
  `version = 2
root = ${JSON.stringify(join(folder, "root"))}
state = ${JSON.stringify(join(runtime, "state"))}
disabled_plugins = ${JSON.stringify(disabled)}
[grpc]
  address = ${JSON.stringify(engine(runtime))}
[ttrpc]
  address = ${JSON.stringify(`${engine(runtime)}.ttrpc`)}
[plugins."io.containerd.internal.v1.opt"]
  path = ${JSON.stringify(join(runtime, "opt"))}
`
