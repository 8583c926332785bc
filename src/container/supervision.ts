import type * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import type { RestartPolicy } from "../ContainerConfig.ts"
import { type Container, isContainer, set } from "./description.ts"

/** How often a health check is made, and what it takes to fail. */
interface HealthcheckOptions {
  /** From the start, and from the end of one check, to the next one. 1 millisecond at least. Default 30 seconds. */
  readonly interval?: Duration.Input | undefined
  /** A check that takes longer has failed. 1 millisecond at least. Default 30 seconds. */
  readonly timeout?: Duration.Input | undefined
  /** For so long after its start, failures do not count; the first success ends it. Default: no time. */
  readonly startPeriod?: Duration.Input | undefined
  /** How many failures in a row make it unhealthy. Default 3. */
  readonly retries?: number | undefined
}

/**
 * Lets the engine look again and again whether it is well, by a command in it: exit code 0 says so. A list is run as it is,
 * a string by the shell (see `Container.shell`). What comes of it is in `Container.inspect` and is what `Ready.healthcheck`
 * waits for. In the place of a health check that the image brings.
 *
 * The engine does nothing about a container that is not well. On an engine that makes no such checks, `Ready.exec` asks the
 * same from here.
 *
 * **Example** (Ready when it says that it is well)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { Container, Ready } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const engine = Memory.layer({ images: [Memory.image("db", () => Effect.never, { exec: () => 0 })] })
 * const db = Container.make("db").pipe(
 *   Container.healthcheck(["pg_isready"], { interval: "10 millis", retries: 5 })
 * )
 * const program = Effect.gen(function*() {
 *   const container = yield* Container.start(db)
 *   yield* Ready.wait(container, Ready.healthcheck)
 *   return (yield* container.inspect).health?.status
 * }).pipe(Effect.scoped, Effect.provide(engine))
 * await Effect.runPromise(program) // => "healthy"
 * ```
 *
 * @category supervision
 * @since 0.1.0
 */
export const healthcheck: {
  (command: string | ReadonlyArray<string>, options?: HealthcheckOptions): (self: Container) => Container
  (self: Container, command: string | ReadonlyArray<string>, options?: HealthcheckOptions): Container
} = dual(
  (args) => isContainer(args[0]),
  (self: Container, command: string | ReadonlyArray<string>, options: HealthcheckOptions = {}) =>
    set(self, { healthcheck: { ...options, command } })
)

/**
 * Lets the engine start it again when it has ended: `"always"`, or `"on-failure"`, when its exit code was not 0, then
 * `maximumRetryCount` times at most (default: as often as it takes). `"unless-stopped"` is `"always"`, but that an engine
 * which is itself started again leaves alone what was stopped. Between an end and the next start the engine waits, longer
 * and longer, from a tenth of a second to a minute. What is stopped, or killed by SIGKILL, stays ended. Default `"no"`.
 *
 * For containers that are started (`Container.start`, `Container.layer`): a run is over with the first end and refuses the
 * option with `ContainerOptions`. The handle's `exitStatus`, and `Ready.wait`, see the end of the process that runs now;
 * `restartCount` of `Container.inspect` says how often it was started again.
 *
 * @category supervision
 * @since 0.1.0
 */
export const restart: {
  (
    policy: "no" | RestartPolicy["name"],
    options?: { readonly maximumRetryCount?: number | undefined }
  ): (self: Container) => Container
  (
    self: Container,
    policy: "no" | RestartPolicy["name"],
    options?: { readonly maximumRetryCount?: number | undefined }
  ): Container
} = dual(
  (args) => isContainer(args[0]),
  (
    self: Container,
    name: "no" | RestartPolicy["name"],
    options: { readonly maximumRetryCount?: number | undefined } = {}
  ) => set(self, { restart: { name, maximumRetryCount: options.maximumRetryCount } })
)

/**
 * What the engine does with its output, by the name of one of its log drivers (`"json-file"`, `"local"`, `"journald"`,
 * `"none"`), with that driver's own options. Default: as the engine is set up.
 *
 * What the driver does not keep cannot be read: with `"none"`, `Container.logs` and the output of a handle fail
 * `Unsupported`. A run reads its output as it comes, whatever the driver. The engine refuses a driver or an option that it
 * does not have.
 *
 * **Example** (Ten megabytes of output are kept, no more)
 *
 * ```ts import.meta.vitest
 * import { Container } from "effect-containers"
 *
 * const server = Container.make("nginx").pipe(Container.logDriver("json-file", { "max-size": "10m" }))
 * server.options.logDriver // => { name: "json-file", options: { "max-size": "10m" } }
 * ```
 *
 * @category supervision
 * @since 0.1.0
 */
export const logDriver: {
  (name: string, options?: Readonly<Record<string, string>>): (self: Container) => Container
  (self: Container, name: string, options?: Readonly<Record<string, string>>): Container
} = dual(
  (args) => isContainer(args[0]),
  (self: Container, name: string, options: Readonly<Record<string, string>> = {}) =>
    set(self, { logDriver: { name, options } })
)
