import type * as Deferred from "effect/Deferred"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Errors from "../../Errors.ts"
import type { ExitStatus } from "../../ExitStatus.ts"
import type { Channel } from "./channel.ts"
import type { Settings } from "./cni/networks.ts"
import type { Mount } from "./protocol/types_pb.ts"
import type { Record } from "./record.ts"
import type { ImageConfig } from "./spec/process.ts"
import type { Host } from "./spec/spec.ts"
import type { Accounts } from "./spec/user.ts"
import type { Observer } from "./stdio/log.ts"
import type { Pipes } from "./stdio/pipes.ts"

/** An image that containers are made of. */
export interface Rootfs {
  /** Digest of what its name leads to. */
  readonly id: string
  readonly config: ImageConfig
  /** Its users and groups where its files cannot be read in place. */
  readonly accounts: Effect.Effect<Accounts, Errors.Reason>
  /** Paths of it that hold data. */
  readonly volumes: ReadonlyArray<string>
  /** Name of its topmost snapshot, which is there. */
  readonly chainId: string
}

/** A shim, and what it is told. */
export interface Runtime {
  readonly name: string
  readonly options: Uint8Array | undefined
}

/** A connection to a containerd with all that its rooms share. */
export interface Engine {
  readonly channel: Channel
  readonly host: Host
  /** Files of ours that shims read and write: an absolute path that both sides know. */
  readonly folder: string
  readonly snapshotter: string
  readonly runtime: Runtime
  /** One that a container asks for, by its name. */
  readonly runtimeOf: (name: string) => Runtime
  /** What containers get that ask for no network. */
  readonly network: "none" | "host" | "bridge"
  /** `undefined`: there are no plugins that connect containers. */
  readonly cni: Settings | undefined
  readonly rootfs: (image: string, platform: string | undefined) => Effect.Effect<Rootfs, Errors.Reason>
  /** What goes on in the background and ends with the Layer. */
  readonly scope: Scope.Scope
  /** Of containers that were made or started here. */
  readonly known: Map<string, Known>
}

/** What is known of a container without asking. */
export interface Known {
  readonly record: Record
  /** Of its root file system, until it is removed. */
  readonly mounts: ReadonlyArray<Mount>
  /** Somebody has attached, for its next start. */
  pipes: Pipes | undefined
  task: Task | undefined
  /** Made here, and never started by anybody. */
  isNew: boolean
  /** It is on record that it was started, and there may be nothing yet that runs. */
  isStarting: boolean
  /** It is to outlive whoever starts it. */
  readonly isDetached: boolean
}

/** A task that was started here. */
export interface Task {
  readonly exited: Deferred.Deferred<ExitStatus, Errors.Reason>
  /** Its end is on record and its shim gone. */
  readonly reaped: Deferred.Deferred<void>
  /** Of one whose output is kept and that has no logger. */
  readonly observer: Observer | undefined
  /** Its output is kept by a logger of its own. */
  readonly isLogged: boolean
}
