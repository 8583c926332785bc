/**
 * What a test writes in the place of an image: a function that is the container's process.
 */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Health, TerminalSize } from "../../Backend.ts"
import type { ContainerConfig, Dns, ExtraHost, Mount, PortBinding, Resources } from "../../ContainerConfig.ts"
import type * as Errors from "../../Errors.ts"
import type { ExitStatus } from "../../ExitStatus.ts"
import type { Source } from "../../Output.ts"

/**
 * What is said of a file besides its content.
 *
 * @category models
 * @since 0.1.0
 */
export interface FileAttributes {
  readonly mode?: number | undefined
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  readonly mtime?: Date | undefined
}

/**
 * A file, directory or link of a container.
 *
 * @category models
 * @since 0.1.0
 */
export interface FileInfo {
  readonly type: "file" | "directory" | "symlink"
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Of a file, in bytes; 0 otherwise. */
  readonly size: number
  readonly mtime: Date
  /** Where a link leads. */
  readonly target: string | undefined
}

/**
 * Files of a container, in memory: its image's, what was copied in, what its processes wrote. Named volumes are shared by
 * all containers that mount them, and a bind mount is the directory of this machine that it says. Paths are absolute.
 *
 * Fails with `NotFound`; with `PermissionDenied` for writing to what is mounted or made read-only; with `InvalidArgument`
 * when a path is not what is asked for, such as a directory that is read.
 *
 * @category models
 * @since 0.1.0
 */
export interface Files {
  readonly read: (path: string) => Effect.Effect<Uint8Array, Errors.Reason>
  /** As UTF-8 text. */
  readonly readText: (path: string) => Effect.Effect<string, Errors.Reason>
  /** Directories that are missing on the way are made. */
  readonly write: (path: string, content: string | Uint8Array) => Effect.Effect<void, Errors.Reason>
  /** The names in a directory, sorted. */
  readonly list: (path: string) => Effect.Effect<ReadonlyArray<string>, Errors.Reason>
  readonly exists: (path: string) => Effect.Effect<boolean>
  readonly makeDirectory: (path: string) => Effect.Effect<void, Errors.Reason>
  /** A file, or a directory with all that is in it. */
  readonly remove: (path: string) => Effect.Effect<void, Errors.Reason>
  /** Of a link, the link itself. */
  readonly lstat: (path: string) => Effect.Effect<FileInfo, Errors.Reason>
  /** Of a link, what it leads to. What is left out stays. */
  readonly change: (path: string, attributes: FileAttributes) => Effect.Effect<void, Errors.Reason>
  readonly symlink: (target: string, path: string) => Effect.Effect<void, Errors.Reason>
  /** As rename(2) does: a file replaces a file, a directory an empty one. Only within one mount. */
  readonly rename: (from: string, to: string) => Effect.Effect<void, Errors.Reason>
}

/**
 * The process that a recipe is: what it was started with, and what it can do.
 *
 * @category models
 * @since 0.1.0
 */
export interface Process {
  /** The container's id; of a build step, the id of the image that is being made. */
  readonly id: string
  /** The container's name. */
  readonly name: string
  /** The image as it was named. */
  readonly image: string
  /** Entrypoint and command, the container's where it has them, the image's otherwise. */
  readonly command: ReadonlyArray<string>
  /**
   * `PATH`, `HOSTNAME`, `HOME` and with a TTY `TERM` as Docker gives them, over these the image's variables, over these the
   * container's. Secrets are plain here: it is the process that they are for.
   */
  readonly env: Readonly<Record<string, string>>
  /** Default `"/"`. */
  readonly workDir: string
  /** Default `"root"`. */
  readonly user: string
  readonly hostname: string
  readonly labels: Readonly<Record<string, string>>
  readonly mounts: ReadonlyArray<Mount>
  /** The limits that it was given. Nothing enforces them: a recipe that is to hit one gives {@link oomKilled}, or an error. */
  readonly resources: Resources
  readonly sysctls: Readonly<Record<string, string>>
  readonly networks: ReadonlyArray<string>
  /** With the port of this machine that was chosen. Nothing listens there unless the recipe does. */
  readonly ports: ReadonlyArray<PortBinding>
  readonly extraHosts: ReadonlyArray<ExtraHost>
  /** Nothing is asked: `undefined` where nothing was said. */
  readonly dns: Dns | undefined
  readonly platform: string
  readonly tty: boolean
  readonly init: boolean
  readonly privileged: boolean
  readonly readOnlyRoot: boolean
  /** What was asked for: nothing here is a system call, so nothing enforces it. */
  readonly security: Pick<ContainerConfig, "capAdd" | "capDrop" | "noNewPrivileges" | "devices" | "seccomp">
  /** `true` for a process started by an exec, which has variables and a user of its own. */
  readonly isExec: boolean
  /** `true` for a `RUN` of a build. */
  readonly isBuild: boolean
  readonly files: Files

  /**
   * Standard input, which ends at once when the container was made without. With a TTY, what is written to it is also seen
   * in the output, as a terminal's echo.
   */
  readonly stdin: Stream.Stream<Uint8Array>
  /** Writes to standard output. With a TTY every line feed becomes a carriage return and a line feed. */
  readonly stdout: (content: string | Uint8Array) => Effect.Effect<void>
  /** Writes to standard error; with a TTY to the one stream that there is. */
  readonly stderr: (content: string | Uint8Array) => Effect.Effect<void>
  /** Ends the process here and now, as exit(2) does. */
  readonly exit: (status: number | ExitStatus) => Effect.Effect<never>
  /**
   * Handles a signal from now on: it does no longer end the process. The handler may `exit`; `Effect.void` ignores the
   * signal. `SIGKILL` cannot be handled.
   */
  readonly trap: (signal: string, handler: Effect.Effect<unknown>) => Effect.Effect<void>
  /**
   * Waits for the next one of these signals, which from now on do not end the process; those that come while nobody waits
   * are kept. Default: `SIGTERM` and `SIGINT`.
   */
  readonly nextSignal: (...signals: ReadonlyArray<string>) => Effect.Effect<string>
  /**
   * What the container's health check says from now on, with what it wrote. A container whose process never says it has no
   * health check.
   */
  readonly health: (status: Health["status"], output?: string) => Effect.Effect<void>
  /** The size of its terminal as it was set last, `undefined` before that. A change is announced by `SIGWINCH`. */
  readonly terminalSize: Effect.Effect<TerminalSize | undefined>
}

/**
 * How a recipe can say that its process ended: an exit code (as a shell has it: 137 is a kill), how it ended, or what it
 * wrote and its exit code (default 0). Nothing is 0.
 *
 * @category models
 * @since 0.1.0
 */
export type Ending =
  | number
  | ExitStatus
  | {
    readonly stdout?: string | Uint8Array | undefined
    readonly stderr?: string | Uint8Array | undefined
    readonly exitCode?: number | undefined
  }
  | void

/**
 * What a recipe that is a stream gives: text or bytes for standard output, a piece of either source, and how it ended,
 * which ends it. A stream that just ends is exit code 0.
 *
 * @category models
 * @since 0.1.0
 */
export type Piece =
  | string
  | Uint8Array
  | { readonly source: Source; readonly bytes: Uint8Array | string }
  | ExitStatus

/**
 * A process, written as a function. It gives how it ended, an Effect of that, or a stream of what it writes.
 *
 * - Time is the `Clock` of who started the container: under `TestClock` a recipe that sleeps an hour takes
 *   `TestClock.adjust("1 hour")`.
 * - An Effect that fails is a program that prints its error: the error goes to standard error, the exit code is 1. If the
 *   error is an `ExitStatus`, that is how it ended.
 * - A defect is a program that crashes: the cause goes to standard error and to Effect's log, and the process was killed
 *   by `SIGABRT` (134).
 * - `StartFailed`, given before anything was written or waited for, makes starting the container fail: `NotFound` for a
 *   command that is not there ({@link notFound}), `PermissionDenied` for one that is no program ({@link notExecutable}).
 * - Services are the closure's: nothing is required of who runs the container.
 *
 * @category models
 * @since 0.1.0
 */
export type Recipe = (
  process: Process
) => Ending | Effect.Effect<Ending, unknown> | Stream.Stream<Piece, unknown>
