import type * as ByteSize from "effect/ByteSize"
import type * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import { type Pipeable, pipeArguments } from "effect/Pipeable"
import * as Predicate from "effect/Predicate"
import type * as Redacted from "effect/Redacted"
import type * as Stream from "effect/Stream"
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
  readonly network?: string | undefined
  readonly memory?: ByteSize.Input | undefined
  readonly memorySwap?: ByteSize.Input | "unlimited" | undefined
  readonly cpus?: number | undefined
  readonly pids?: number | undefined
  readonly tty?: boolean | undefined
  readonly stdin?: string | Uint8Array | Stream.Stream<Uint8Array> | undefined
  readonly init?: boolean | undefined
  readonly readOnlyRoot?: boolean | undefined
  readonly privileged?: boolean | undefined
  readonly platform?: string | undefined
  readonly stopSignal?: string | undefined
  readonly stopGrace?: Duration.Input | undefined
  readonly pull?: PullPolicy | undefined
  readonly expect?: ReadonlyArray<number> | undefined
  readonly outputLimit?: ByteSize.Input | undefined
  readonly lease?: Duration.Input | undefined
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

const set = (self: Container, options: Partial<Options>): Container => of(self.image, { ...self.options, ...options })

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
  of(image, { variables: [], labels: [], volumes: [], tmpfs: [], ports: [] })

/**
 * What to run, in place of the image's own command. A list is run as it is, no shell involved; a string is run by the
 * shell, see {@link shell}. The image's entrypoint stays in force for a list and is put aside for a string.
 *
 * @category options
 * @since 0.1.0
 */
export const command: {
  (command: string | ReadonlyArray<string>): (self: Container) => Container
  (self: Container, command: string | ReadonlyArray<string>): Container
} = dual(2, (self: Container, command: string | ReadonlyArray<string>) => set(self, { command }))

/**
 * Replaces the image's entrypoint, and with it the image's command. An empty list takes the entrypoint away.
 *
 * @category options
 * @since 0.1.0
 */
export const entrypoint: {
  (entrypoint: ReadonlyArray<string>): (self: Container) => Container
  (self: Container, entrypoint: ReadonlyArray<string>): Container
} = dual(2, (self: Container, entrypoint: ReadonlyArray<string>) => set(self, { entrypoint }))

/**
 * The shell in which a command given as a string is run; the string becomes its last argument. Default
 * `["/bin/sh", "-c"]`.
 *
 * **Example** (Stop at the first failing line)
 *
 * ```ts import.meta.vitest
 * import { Container } from "effect-containers"
 *
 * Container.make("alpine").pipe(
 *   Container.shell(["/bin/sh", "-ec"]),
 *   Container.command("make all | tee log")
 * ).options.shell // => ["/bin/sh", "-ec"]
 * ```
 *
 * @category options
 * @since 0.1.0
 */
export const shell: {
  (shell: ReadonlyArray<string>): (self: Container) => Container
  (self: Container, shell: ReadonlyArray<string>): Container
} = dual(2, (self: Container, shell: ReadonlyArray<string>) => set(self, { shell }))

/**
 * Sets an environment variable over the image's own. Set twice, the last one wins. A `Redacted` value appears in no
 * error, log or span of ours; whoever can inspect the container in its engine can read it.
 *
 * @category options
 * @since 0.1.0
 */
export const variable: {
  (name: string, value: string | Redacted.Redacted<string>): (self: Container) => Container
  (self: Container, name: string, value: string | Redacted.Redacted<string>): Container
} = dual(
  (args) => isContainer(args[0]),
  (self: Container, name: string, value: string | Redacted.Redacted<string>) =>
    set(self, { variables: [...self.options.variables, [name, value]] })
)

/**
 * Sets several environment variables: see {@link variable}.
 *
 * @category options
 * @since 0.1.0
 */
export const variables: {
  (variables: Readonly<Record<string, string | Redacted.Redacted<string>>>): (self: Container) => Container
  (self: Container, variables: Readonly<Record<string, string | Redacted.Redacted<string>>>): Container
} = dual(
  2,
  (self: Container, variables: Readonly<Record<string, string | Redacted.Redacted<string>>>) =>
    set(self, { variables: [...self.options.variables, ...Object.entries(variables)] })
)

/**
 * Mounts something at an absolute path of the container. A source that begins with `/`, `./`, `../` or `~/`, or is `.`,
 * is a path of the engine's host (a relative one is relative to the current directory) and must exist; any other is the
 * name of a volume that the engine keeps and makes when it is not there. Default: writable.
 *
 * @category options
 * @since 0.1.0
 */
export const volume: {
  (
    source: string,
    target: string,
    options?: { readonly readOnly?: boolean | undefined }
  ): (self: Container) => Container
  (
    self: Container,
    source: string,
    target: string,
    options?: { readonly readOnly?: boolean | undefined }
  ): Container
} = dual(
  (args) => isContainer(args[0]),
  (self: Container, source: string, target: string, options?: { readonly readOnly?: boolean | undefined }) =>
    set(self, { volumes: [...self.options.volumes, { source, target, readOnly: options?.readOnly ?? false }] })
)

/**
 * Mounts a file system in memory. `size` in bytes or as `"64 MiB"`; without, the engine's default.
 *
 * @category options
 * @since 0.1.0
 */
export const tmpfs: {
  (target: string, options?: { readonly size?: ByteSize.Input | undefined }): (self: Container) => Container
  (self: Container, target: string, options?: { readonly size?: ByteSize.Input | undefined }): Container
} = dual(
  (args) => isContainer(args[0]),
  (self: Container, target: string, options?: { readonly size?: ByteSize.Input | undefined }) =>
    set(self, { tmpfs: [...self.options.tmpfs, { target, size: options?.size }] })
)

/**
 * The directory that the command starts in: an absolute path. Default: the image's, else `/`.
 *
 * @category options
 * @since 0.1.0
 */
export const workDir: {
  (path: string): (self: Container) => Container
  (self: Container, path: string): Container
} = dual(2, (self: Container, workDir: string) => set(self, { workDir }))

/**
 * Whom the command runs as: `user`, `uid`, `user:group` or `uid:gid`. Default: the image's, else root.
 *
 * @category options
 * @since 0.1.0
 */
export const user: {
  (user: string): (self: Container) => Container
  (self: Container, user: string): Container
} = dual(2, (self: Container, user: string) => set(self, { user }))

/**
 * The container's own host name. Default: its id's first twelve digits.
 *
 * @category options
 * @since 0.1.0
 */
export const hostname: {
  (hostname: string): (self: Container) => Container
  (self: Container, hostname: string): Container
} = dual(2, (self: Container, hostname: string) => set(self, { hostname }))

/**
 * The container's name in its engine, which two containers cannot share. Default: one that nobody else has.
 *
 * @category options
 * @since 0.1.0
 */
export const name: {
  (name: string): (self: Container) => Container
  (self: Container, name: string): Container
} = dual(2, (self: Container, name: string) => set(self, { name }))

/**
 * Adds a label. The labels that begin with `effect-containers.` are the library's own and are refused.
 *
 * @category options
 * @since 0.1.0
 */
export const label: {
  (name: string, value: string): (self: Container) => Container
  (self: Container, name: string, value: string): Container
} = dual(
  3,
  (self: Container, name: string, value: string) => set(self, { labels: [...self.options.labels, [name, value]] })
)

/**
 * The network: `"none"`, `"host"`, or the name of one that the engine has. Default: the engine's own.
 *
 * @category options
 * @since 0.1.0
 */
export const network: {
  (network: string): (self: Container) => Container
  (self: Container, network: string): Container
} = dual(2, (self: Container, network: string) => set(self, { network }))

/**
 * Makes a port of the container reachable on the engine's host. Default: TCP, on the loopback address, at a free port of
 * the engine's choice.
 *
 * @category options
 * @since 0.1.0
 */
export const port: {
  (port: number, options?: Partial<Omit<Port, "containerPort">>): (self: Container) => Container
  (self: Container, port: number, options?: Partial<Omit<Port, "containerPort">>): Container
} = dual(
  (args) => isContainer(args[0]),
  (self: Container, containerPort: number, options?: Partial<Omit<Port, "containerPort">>) =>
    set(self, { ports: [...self.options.ports, { protocol: "tcp", ...options, containerPort }] })
)

/**
 * The most memory it may use: bytes, or `"512 MiB"`. A process that goes over it is killed, see `OomKilled`. Swap is
 * limited too: `swap` is what it may have of it on top. Default 0: none.
 *
 * @category limits
 * @since 0.1.0
 */
export const memory: {
  (
    limit: ByteSize.Input,
    options?: { readonly swap?: ByteSize.Input | "unlimited" | undefined }
  ): (self: Container) => Container
  (
    self: Container,
    limit: ByteSize.Input,
    options?: { readonly swap?: ByteSize.Input | "unlimited" | undefined }
  ): Container
} = dual(
  (args) => isContainer(args[0]),
  (
    self: Container,
    memory: ByteSize.Input,
    options?: { readonly swap?: ByteSize.Input | "unlimited" | undefined }
  ) => {
    const memorySwap: ByteSize.Input | "unlimited" | undefined = options?.swap
    return set(self, memorySwap === undefined ? { memory } : { memory, memorySwap })
  }
)

/**
 * How many CPUs' worth of time it may use: 0.5 is half of one.
 *
 * @category limits
 * @since 0.1.0
 */
export const cpus: {
  (cpus: number): (self: Container) => Container
  (self: Container, cpus: number): Container
} = dual(2, (self: Container, cpus: number) => set(self, { cpus }))

/**
 * How many processes and threads it may have.
 *
 * @category limits
 * @since 0.1.0
 */
export const pids: {
  (pids: number): (self: Container) => Container
  (self: Container, pids: number): Container
} = dual(2, (self: Container, pids: number) => set(self, { pids }))

/**
 * Gives it a terminal. Standard output and standard error are then one stream, as on a real terminal. Default `false`.
 *
 * @category options
 * @since 0.1.0
 */
export const tty: {
  (tty: boolean): (self: Container) => Container
  (self: Container, tty: boolean): Container
} = dual(2, (self: Container, tty: boolean) => set(self, { tty }))

/**
 * What its standard input reads: text, bytes or a stream of bytes. When it ends, standard input is closed. Default:
 * nothing, closed from the start. A container that ends without having read everything is no failure.
 *
 * @category options
 * @since 0.1.0
 */
export const stdin: {
  (input: string | Uint8Array | Stream.Stream<Uint8Array>): (self: Container) => Container
  (self: Container, input: string | Uint8Array | Stream.Stream<Uint8Array>): Container
} = dual(2, (self: Container, stdin: string | Uint8Array | Stream.Stream<Uint8Array>) => set(self, { stdin }))

/**
 * Whether process 1 is a small init that reaps zombies and forwards signals to the command. Default `false`.
 *
 * @category options
 * @since 0.1.0
 */
export const init: {
  (init: boolean): (self: Container) => Container
  (self: Container, init: boolean): Container
} = dual(2, (self: Container, init: boolean) => set(self, { init }))

/**
 * Whether the root file system can only be read. Default `false`.
 *
 * @category options
 * @since 0.1.0
 */
export const readOnlyRoot: {
  (readOnlyRoot: boolean): (self: Container) => Container
  (self: Container, readOnlyRoot: boolean): Container
} = dual(2, (self: Container, readOnlyRoot: boolean) => set(self, { readOnlyRoot }))

/**
 * Whether it gets nearly all of what root on the engine's host may do. Default `false`, and for good reasons.
 *
 * @category options
 * @since 0.1.0
 */
export const privileged: {
  (privileged: boolean): (self: Container) => Container
  (self: Container, privileged: boolean): Container
} = dual(2, (self: Container, privileged: boolean) => set(self, { privileged }))

/**
 * `os/architecture[/variant]`, such as `"linux/arm64"`. Default: the engine's own.
 *
 * @category options
 * @since 0.1.0
 */
export const platform: {
  (platform: string): (self: Container) => Container
  (self: Container, platform: string): Container
} = dual(2, (self: Container, platform: string) => set(self, { platform }))

/**
 * How it is stopped: with which signal (default: the image's, else SIGTERM), and how long it may take before it is
 * killed (default 10 seconds).
 *
 * @category options
 * @since 0.1.0
 */
export const stopWith: {
  (options: {
    readonly signal?: string | undefined
    readonly grace?: Duration.Input | undefined
  }): (self: Container) => Container
  (self: Container, options: {
    readonly signal?: string | undefined
    readonly grace?: Duration.Input | undefined
  }): Container
} = dual(
  2,
  (self: Container, options: { readonly signal?: string | undefined; readonly grace?: Duration.Input | undefined }) =>
    set(self, { stopSignal: options.signal, stopGrace: options.grace })
)

/**
 * When the image is pulled. Default `"missing"`. Without effect for a resolved `Image`.
 *
 * @category options
 * @since 0.1.0
 */
export const pull: {
  (policy: PullPolicy): (self: Container) => Container
  (self: Container, policy: PullPolicy): Container
} = dual(2, (self: Container, pull: PullPolicy) => set(self, { pull }))

/**
 * The exit codes that are no failure. Default `[0]`.
 *
 * @category options
 * @since 0.1.0
 */
export const expect: {
  (codes: ReadonlyArray<number>): (self: Container) => Container
  (self: Container, codes: ReadonlyArray<number>): Container
} = dual(2, (self: Container, codes: ReadonlyArray<number>) => set(self, { expect: codes }))

/**
 * How much of the output a run keeps in memory, in bytes or as `"1 MiB"`: the end of it; `Output.dropped` counts what was
 * let go. Default: everything.
 *
 * @category limits
 * @since 0.1.0
 */
export const outputLimit: {
  (limit: ByteSize.Input): (self: Container) => Container
  (self: Container, limit: ByteSize.Input): Container
} = dual(2, (self: Container, outputLimit: ByteSize.Input) => set(self, { outputLimit }))

/**
 * How long it may live at most, counted from its creation: after that, `Container.sweep` of any process removes it, even
 * if it cannot tell whether the one that made it is alive.
 *
 * @category options
 * @since 0.1.0
 */
export const lease: {
  (duration: Duration.Input): (self: Container) => Container
  (self: Container, duration: Duration.Input): Container
} = dual(2, (self: Container, lease: Duration.Input) => set(self, { lease }))
