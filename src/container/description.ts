import type * as ByteSize from "effect/ByteSize"
import type * as Duration from "effect/Duration"
import { type Pipeable, pipeArguments } from "effect/Pipeable"
import * as Predicate from "effect/Predicate"
import type * as Redacted from "effect/Redacted"
import type * as Stream from "effect/Stream"
import type {
  Dns,
  ExtraHost,
  LogDriver,
  NetworkAttachment,
  RestartPolicy,
  SeccompProfile,
  Ulimit
} from "../ContainerConfig.ts"
import type { Image } from "../Image.ts"

const TypeId = "~effect-containers/Container"

/**
 * When a run gets its image from the registry: when the engine does not have it, each time, or not at all.
 *
 * @category models
 * @since 0.1.0
 */
export type PullPolicy = "missing" | "always" | "never"

/**
 * The description of a container: an immutable value that says what to run. Nothing happens, and nothing is checked,
 * until it is used, for example by `Container.run`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Container extends Pipeable {
  readonly [TypeId]: typeof TypeId
  readonly image: string | Image
  readonly options: Options
}

/** What the setters below collect, as it was given. */
export interface Options {
  readonly name?: string | undefined
  readonly command?: string | ReadonlyArray<string> | undefined
  readonly entrypoint?: ReadonlyArray<string> | undefined
  readonly shell?: ReadonlyArray<string> | undefined
  readonly variables: ReadonlyArray<readonly [name: string, value: string | Redacted.Redacted<string>]>
  readonly workDir?: string | undefined
  readonly user?: string | undefined
  readonly hostname?: string | undefined
  readonly labels: ReadonlyArray<readonly [name: string, value: string]>
  readonly volumes: ReadonlyArray<Volume>
  readonly tmpfs: ReadonlyArray<{ readonly target: string; readonly size?: ByteSize.Input | undefined }>
  readonly ports: ReadonlyArray<Port>
  readonly networks: ReadonlyArray<NetworkAttachment>
  readonly extraHosts?: ReadonlyArray<ExtraHost> | undefined
  readonly hostAccess?: string | undefined
  readonly dns?: Dns | undefined
  readonly memory?: ByteSize.Input | undefined
  readonly memorySwap?: ByteSize.Input | "unlimited" | undefined
  readonly memoryReservation?: ByteSize.Input | undefined
  readonly cpus?: number | undefined
  readonly cpuShares?: number | undefined
  readonly cpuset?: string | undefined
  readonly pids?: number | undefined
  readonly shmSize?: ByteSize.Input | undefined
  readonly oomScoreAdj?: number | undefined
  readonly ulimits?: ReadonlyArray<Ulimit> | undefined
  readonly sysctls?: ReadonlyArray<readonly [name: string, value: string]> | undefined
  readonly tty?: boolean | undefined
  readonly stdin?: string | Uint8Array | Stream.Stream<Uint8Array> | undefined
  readonly init?: boolean | undefined
  readonly readOnlyRoot?: boolean | undefined
  readonly privileged?: boolean | undefined
  readonly capAdd?: ReadonlyArray<string> | undefined
  readonly capDrop?: ReadonlyArray<string> | undefined
  readonly noNewPrivileges?: boolean | undefined
  readonly devices?: ReadonlyArray<Device> | undefined
  readonly gpus?: "all" | number | ReadonlyArray<string> | undefined
  readonly seccomp?: "unconfined" | SeccompProfile | undefined
  readonly apparmor?: string | undefined
  readonly selinux?: ReadonlyArray<string> | undefined
  readonly runtime?: string | undefined
  readonly platform?: string | undefined
  readonly healthcheck?: Healthcheck | undefined
  readonly restart?: (Omit<RestartPolicy, "name"> & { readonly name: "no" | RestartPolicy["name"] }) | undefined
  readonly logDriver?: LogDriver | undefined
  readonly stopSignal?: string | undefined
  readonly stopGrace?: Duration.Input | undefined
  readonly pull?: PullPolicy | undefined
  readonly expect?: ReadonlyArray<number> | undefined
  readonly outputLimit?: ByteSize.Input | undefined
  readonly timeLimit?: Duration.Input | undefined
  readonly lease?: Duration.Input | undefined
}

/** A health check, as it was given. */
export interface Healthcheck {
  readonly command: string | ReadonlyArray<string>
  readonly interval?: Duration.Input | undefined
  readonly timeout?: Duration.Input | undefined
  readonly startPeriod?: Duration.Input | undefined
  readonly retries?: number | undefined
}

/** A bind mount when `source` is a path (it begins with `.`, `/` or `~`), a named volume otherwise. */
export interface Volume {
  readonly source: string
  readonly target: string
  readonly readOnly: boolean
}

/** A port to publish, as it was given. */
export interface Port {
  readonly containerPort: number
  readonly protocol: "tcp" | "udp"
  readonly hostIp?: string | undefined
  readonly hostPort?: number | undefined
}

/** A device of the engine's host, as it was given. */
export interface Device {
  /** The node on the engine's host. */
  readonly source: string
  /** The node in the container. */
  readonly target: string
  /** One or more of `r` (read), `w` (write) and `m` (mknod). */
  readonly access: string
}

const Proto = {
  [TypeId]: TypeId,
  pipe() {
    // oxlint-disable-next-line eslint/prefer-rest-params -- pipeArguments takes them so
    return pipeArguments(this, arguments)
  },
  toJSON(this: Container) {
    return { _id: "Container", image: this.image, options: this.options }
  }
}

const of = (image: string | Image, options: Options): Container =>
  Object.assign(Object.create(Proto), { image, options })

/** With other options than it had. */
export const set = (self: Container, options: Partial<Options>): Container =>
  of(self.image, { ...self.options, ...options })

/**
 * Whether a value is the description of a container.
 *
 * @category guards
 * @since 0.1.0
 */
export const isContainer = (u: unknown): u is Container => Predicate.hasProperty(u, TypeId)

/**
 * Describes a container of an image: a reference such as `"gcc:14"`, which a run pulls when the engine does not have it
 * (see {@link pull}), or an `Image` that was resolved before, which is used as it is.
 *
 * **Example** (A description is a value)
 *
 * ```ts import.meta.vitest
 * import { Container } from "effect-containers"
 *
 * const base = Container.make("gcc:14").pipe(Container.workDir("/src"))
 * const compile = base.pipe(Container.command(["make", "all"]))
 * compile.options.command // => ["make", "all"]
 * base.options.command // => undefined
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (image: string | Image): Container =>
  of(image, { variables: [], labels: [], volumes: [], tmpfs: [], ports: [], networks: [] })
