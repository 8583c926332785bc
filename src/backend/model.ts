import type * as DateTime from "effect/DateTime"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Sink from "effect/Sink"
import type * as Stream from "effect/Stream"
import type { PortBinding } from "../ContainerConfig.ts"
import type * as Errors from "../Errors.ts"
import type { ExitStatus } from "../ExitStatus.ts"
import type { Filter } from "../Filter.ts"
import type { Frame } from "../Logs.ts"

/**
 * An engine that answered.
 *
 * @category models
 * @since 0.1.0
 */
export interface EngineInfo {
  /** `"docker"`, `"podman"`, `"memory"`, ...: what the engine says it is. */
  readonly name: string
  readonly version: string
  /** The version of its protocol that was agreed on. */
  readonly apiVersion?: string | undefined
  /** `"linux"`. */
  readonly os: string
  /** As OCI has it: `"amd64"`, `"arm64"`. */
  readonly architecture: string
  /** Where it was found, such as `unix:///var/run/docker.sock`. */
  readonly address: string
}

/**
 * Who asks a registry. The secret parts are `Redacted`: no error, log or span shows them.
 *
 * @category models
 * @since 0.1.0
 */
export type Credentials =
  | { readonly username: string; readonly password: Redacted.Redacted<string> }
  | { readonly identityToken: Redacted.Redacted<string> }

/**
 * @category models
 * @since 0.1.0
 */
export interface PullOptions {
  /** `os/architecture[/variant]`; the engine's own without. */
  readonly platform?: string | undefined
  /** Without: what the engine's own client would use. */
  readonly credentials?: Credentials | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface PushOptions {
  readonly credentials?: Credentials | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface BuildOptions {
  /** The name that the result gets. */
  readonly tag: string
  /** Path of the Dockerfile in the context. */
  readonly dockerfile: string
  readonly buildArgs: Readonly<Record<string, string | Redacted.Redacted<string>>>
  readonly labels: Readonly<Record<string, string>>
  /** The stage to build; the last one without. */
  readonly target?: string | undefined
  readonly platform?: string | undefined
  /** Do not use the layer cache. */
  readonly noCache: boolean
  /** Ask the registry for newer base images. */
  readonly pull: boolean
}

/**
 * An image that an engine holds.
 *
 * @category models
 * @since 0.1.0
 */
export interface ImageInfo {
  /** `sha256:` and 64 hexadecimal digits. */
  readonly id: string
  /** Its names, as the engine shows them: `gcc:14`. */
  readonly references: ReadonlyArray<string>
  /** Its names by digest: `gcc@sha256:...`. Empty for an image that never was in a registry, but not on Podman. */
  readonly digests: ReadonlyArray<string>
  /** Bytes on the engine's disk, shared layers included. */
  readonly size: number
  /** When it was built. */
  readonly createdAt: DateTime.Utc
  /** When it came to this engine, or got its name here; `undefined` where the engine does not know. */
  readonly arrivedAt?: DateTime.Utc | undefined
  readonly os: string
  readonly architecture: string
  readonly labels: Readonly<Record<string, string>>
  /** What the image says of how to run it. */
  readonly config: {
    readonly env: ReadonlyArray<string>
    readonly entrypoint: ReadonlyArray<string>
    readonly command: ReadonlyArray<string>
    readonly workDir: string
    readonly user: string
  }
}

/**
 * An image in a list.
 *
 * @category models
 * @since 0.1.0
 */
export type ImageSummary = Pick<ImageInfo, "id" | "references" | "digests" | "size" | "createdAt" | "labels">

/**
 * What removing an image did.
 *
 * @category models
 * @since 0.1.0
 */
export interface RemovedImage {
  /** The names that were taken away. */
  readonly untagged: ReadonlyArray<string>
  /** The ids of what is gone. */
  readonly deleted: ReadonlyArray<string>
}

/**
 * `"created"`: never started. `"exited"`: was started and ended. `"dead"`: the engine failed to remove it.
 *
 * @category models
 * @since 0.1.0
 */
export type ContainerState = "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead"

/**
 * What a container's health check says. `"starting"`: nothing yet.
 *
 * @category models
 * @since 0.1.0
 */
export interface Health {
  readonly status: "starting" | "healthy" | "unhealthy"
  /** What the last check wrote. */
  readonly output?: string | undefined
}

/**
 * A container as its engine shows it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ContainerInfo {
  readonly id: string
  readonly name: string
  /** The image as it was named when the container was created. */
  readonly image: string
  readonly imageId: string
  readonly state: ContainerState
  /** How it ended, once it has. */
  readonly exit?: ExitStatus | undefined
  /** Of its health check, if it has one and the engine runs such. */
  readonly health?: Health | undefined
  /** How often the engine has started it again, by its restart policy, where the engine does so. */
  readonly restartCount?: number | undefined
  readonly createdAt: DateTime.Utc
  readonly startedAt?: DateTime.Utc | undefined
  readonly finishedAt?: DateTime.Utc | undefined
  readonly tty: boolean
  readonly labels: Readonly<Record<string, string>>
  /** The ports that are published now. */
  readonly ports: ReadonlyArray<PortBinding>
  /** The machine that it runs on or ran on, where the engine has several and has placed it. */
  readonly node?: string | undefined
}

/**
 * A container in a list.
 *
 * @category models
 * @since 0.1.0
 */
export type ContainerSummary = Pick<
  ContainerInfo,
  "id" | "name" | "image" | "imageId" | "state" | "createdAt" | "labels"
>

/**
 * Which part of a container's kept output is wanted.
 *
 * @category models
 * @since 0.1.0
 */
export interface LogsOptions {
  /** Go on until the container ends. Default `false`: what is there now. */
  readonly follow?: boolean | undefined
  /** Default `true`. */
  readonly stdout?: boolean | undefined
  /** Default `true`. */
  readonly stderr?: boolean | undefined
  /** Only what was written at or after this time. */
  readonly since?: DateTime.Utc | undefined
  /** Only what was written before this time. */
  readonly until?: DateTime.Utc | undefined
  /** Only this many lines from the end. */
  readonly tail?: number | undefined
  /** Give each frame the time at which the engine read it. Default `false`. */
  readonly timestamps?: boolean | undefined
}

/**
 * A container's or a process's input and output, subscribed to.
 *
 * @category models
 * @since 0.1.0
 */
export interface Attachment {
  /** All that is written from the moment of attaching on; ends when the process does. Single use. */
  readonly output: Stream.Stream<Frame, Errors.Reason>
  /** Writes to standard input. When the sink is done, standard input is closed and output goes on. Single use. */
  readonly stdin: Sink.Sink<void, Uint8Array, never, Errors.Reason>
}

/**
 * A further process in a container. When the scope that it was started in closes before it has ended, it is killed, with
 * all that it started; what it left behind when it ended by itself goes on.
 *
 * @category models
 * @since 0.1.0
 */
export interface Exec extends Attachment {
  /**
   * How it ended; waits until it has. A command that is not there or cannot be executed is `StartFailed`; the engine may
   * write a word about it to the output.
   */
  readonly exit: Effect.Effect<ExitStatus, Errors.Reason>
  /** Its number among the processes of the engine's host, once it has one; `undefined`: it could not be executed. */
  readonly pid: Effect.Effect<number | undefined, Errors.Reason>
  readonly isRunning: Effect.Effect<boolean, Errors.Reason>
  /**
   * Sends a signal, by name or number, to it and to all that it started. None of them being there any more is no failure.
   * `Unsupported` where the engine has no way to do so.
   */
  readonly signal: (signal: string) => Effect.Effect<void, Errors.Reason>
  readonly resize: (size: TerminalSize) => Effect.Effect<void, Errors.Reason>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface TerminalSize {
  readonly columns: number
  readonly rows: number
}

/**
 * What a container uses, counted since it was started.
 *
 * @category models
 * @since 0.1.0
 */
export interface Usage {
  readonly time: DateTime.Utc
  /** Nanoseconds of CPU time, of all CPUs together. */
  readonly cpuTime: bigint
  /** Bytes of memory in use, without what is only cache. */
  readonly memory: number
  /** Bytes of memory that it may use; `undefined`: no limit of its own. */
  readonly memoryLimit?: number | undefined
  /** Processes and threads. */
  readonly pids: number
  /** Bytes read from and written to block devices, as far as the kernel counts them for a container. */
  readonly blockRead: number
  readonly blockWritten: number
  /**
   * Bytes received and sent in the container's own network, all interfaces together without the loopback one; `undefined`
   * where there is none, and where the engine does not tell.
   */
  readonly networkReceived?: number | undefined
  readonly networkSent?: number | undefined
}

/**
 * Something that happened in an engine.
 *
 * @category models
 * @since 0.1.0
 */
export interface EngineEvent {
  /** `"container"`, `"image"`, `"network"`, `"volume"`, ... */
  readonly type: string
  /** `"create"`, `"start"`, `"die"`, `"oom"`, `"destroy"`, `"pull"`, `"tag"`, ... */
  readonly action: string
  /** Of the thing that it happened to. */
  readonly id: string
  readonly attributes: Readonly<Record<string, string>>
  readonly time: DateTime.Utc
}

/**
 * @category models
 * @since 0.1.0
 */
export interface EventsOptions {
  readonly filter?: Filter | undefined
  /** Begin with what happened since then, as far as the engine still knows. Only with `Capabilities.eventHistory`. */
  readonly since?: DateTime.Utc | undefined
}
