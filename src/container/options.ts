import type * as ByteSize from "effect/ByteSize"
import type * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import type * as Redacted from "effect/Redacted"
import type * as Stream from "effect/Stream"
import { type Container, isContainer, type Port, type PullPolicy, set } from "./description.ts"

/** A thing of the engine's: by its name, or as it was made. */
type Named = string | { readonly name: string }

const nameOf = (named: Named): string => typeof named === "string" ? named : named.name

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
 * name of a volume that the engine keeps and makes when it is not there, or one as `Volume.make` gives it. Default:
 * writable.
 *
 * @category options
 * @since 0.1.0
 */
export const volume: {
  (
    source: Named,
    target: string,
    options?: { readonly readOnly?: boolean | undefined }
  ): (self: Container) => Container
  (
    self: Container,
    source: Named,
    target: string,
    options?: { readonly readOnly?: boolean | undefined }
  ): Container
} = dual(
  (args) => isContainer(args[0]),
  (self: Container, source: Named, target: string, options?: { readonly readOnly?: boolean | undefined }) =>
    set(self, {
      volumes: [...self.options.volumes, { source: nameOf(source), target, readOnly: options?.readOnly ?? false }]
    })
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
 * The network: `"none"`, `"host"`, or one that the engine has, by its name or as `Network.make` gives it. Given several
 * times, it is in all of them; the same one again replaces its aliases. Default: the engine's own.
 *
 * `aliases` are names by which others in that network find it, besides its own.
 *
 * @category options
 * @since 0.1.0
 */
export const network: {
  (network: Named, options?: NetworkOptions): (self: Container) => Container
  (self: Container, network: Named, options?: NetworkOptions): Container
} = dual(
  (args) => isContainer(args[0]),
  (self: Container, network: Named, { aliases = [] }: NetworkOptions = {}) => {
    const name = nameOf(network)
    return set(self, { networks: [...self.options.networks.filter((other) => other.name !== name), { name, aliases }] })
  }
)

interface NetworkOptions {
  readonly aliases?: ReadonlyArray<string> | undefined
}

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
