import type * as ByteSize from "effect/ByteSize"
import type * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import { type Container, isContainer, set } from "./description.ts"

interface MemoryOptions {
  /** What it may have of swap on top. Default 0: none. */
  readonly swap?: ByteSize.Input | "unlimited" | undefined
  /** What it is left when the machine has little: others give theirs up first. Not over the limit. Default: nothing. */
  readonly reservation?: ByteSize.Input | undefined
}

/**
 * The most memory it may use: bytes, or `"512 MiB"`. A process that goes over it is killed, see `OomKilled`. Swap is
 * limited too.
 *
 * **Example** (A gibibyte, half of it whatever others need)
 *
 * ```ts import.meta.vitest
 * import { Container } from "effect-containers"
 *
 * const database = Container.make("postgres:17").pipe(Container.memory("1 GiB", { reservation: "512 MiB" }))
 * database.options.memoryReservation // => "512 MiB"
 * ```
 *
 * @category limits
 * @since 0.1.0
 */
export const memory: {
  (limit: ByteSize.Input, options?: MemoryOptions): (self: Container) => Container
  (self: Container, limit: ByteSize.Input, options?: MemoryOptions): Container
} = dual(
  (args) => isContainer(args[0]),
  (self: Container, memory: ByteSize.Input, { reservation, swap }: MemoryOptions = {}) =>
    set(self, {
      memory,
      ...swap === undefined ? {} : { memorySwap: swap },
      ...reservation === undefined ? {} : { memoryReservation: reservation }
    })
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
 * Its part of the CPUs' time when there is not enough for all, against 1024 of everybody who says nothing: 2048 gets twice as
 * much, 512 half. A whole number from 2 to 262144. It limits nothing while a CPU is idle: see {@link cpus}. With control
 * groups of version 2 the runtime turns it into a weight.
 *
 * @category limits
 * @since 0.1.0
 */
export const cpuShares: {
  (shares: number): (self: Container) => Container
  (self: Container, shares: number): Container
} = dual(2, (self: Container, cpuShares: number) => set(self, { cpuShares }))

/**
 * The CPUs that it may run on, by their numbers in the machine: `[0, 2]`, or as cpuset(7) has a list, `"0-2,4"`. Default:
 * all. The engine fails `InvalidArgument` when the machine has not got one of them.
 *
 * @category limits
 * @since 0.1.0
 */
export const cpuset: {
  (cpus: string | ReadonlyArray<number>): (self: Container) => Container
  (self: Container, cpus: string | ReadonlyArray<number>): Container
} = dual(
  2,
  (self: Container, cpus: string | ReadonlyArray<number>) =>
    set(self, { cpuset: typeof cpus === "string" ? cpus : cpus.join(",") })
)

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
 * How long it may run, counted from its start. After that it is killed: a run fails with `ExitCode`, whose `timedOut` says
 * so and whose logs have what it wrote until then. Default: as long as it likes.
 *
 * **Example** (A job that hangs)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { Container } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const engine = Memory.layer({ images: [Memory.image("job", () => Effect.never)] })
 * const job = Container.make("job").pipe(Container.timeLimit("10 millis"))
 * const error = await Effect.runPromise(Container.run(job).pipe(Effect.flip, Effect.provide(engine)))
 * error._tag === "ExitCode" && error.timedOut // => true
 * ```
 *
 * @category limits
 * @since 0.1.0
 */
export const timeLimit: {
  (limit: Duration.Input): (self: Container) => Container
  (self: Container, limit: Duration.Input): Container
} = dual(2, (self: Container, timeLimit: Duration.Input) => set(self, { timeLimit }))
