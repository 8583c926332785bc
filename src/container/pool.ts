import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as EffectPool from "effect/Pool"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { Backend } from "../Backend.ts"
import * as Errors from "../Errors.ts"
import type * as Logs from "../Logs.ts"
import { imageName, settle } from "./config.ts"
import type { Container } from "./description.ts"
import { settleExec } from "./execConfig.ts"
import type { ExecError, ExecRunOptions, Executed } from "./execRun.ts"
import type { ContainerHandle } from "./handle.ts"
import { poolIssue } from "./poolIssue.ts"
import { make } from "./poolLease.ts"
import { type MemberError, staying } from "./poolMember.ts"
import { linesOf } from "./run.ts"
import * as ToEnd from "./toEnd.ts"

/**
 * How many containers a pool has, and what is done between two uses of one.
 *
 * @category models
 * @since 0.1.0
 */
export interface PoolOptions<E = never, R = never> {
  /** How many containers there are at most; uses beyond that wait their turn. */
  readonly size: number
  /** How many are kept when nobody uses them. Default: `size`, so that all are started at once. */
  readonly min?: number | undefined
  /** For so long, up to twice as long, one that nobody uses is kept beyond `min`. Default 1 minute. */
  readonly timeToLive?: Duration.Input | undefined
  /** After so many uses a container is replaced. Default: never. */
  readonly maxUses?: number | undefined
  /** Directories of the container, absolute paths, that are emptied after each use. Default: none. */
  readonly scratch?: ReadonlyArray<string> | undefined
  /**
   * A command that is executed after each use, when the processes are killed and the scratch directories empty: it ends
   * with code 0, or the container is replaced. A list is run as it is, a string by `/bin/sh`. Default: none.
   */
  readonly reset?: string | ReadonlyArray<string> | undefined
  /** Is done once with each container that was started, before anybody uses it. */
  readonly prepare?: ((container: ContainerHandle) => Effect.Effect<unknown, E, R>) | undefined
}

/**
 * What a use of a pool can fail with, besides the command's exit code: what a container could not be started for, and what
 * an exec fails with.
 *
 * @category models
 * @since 0.1.0
 */
export type PoolError = MemberError | ExecError

/**
 * Started containers, each for one use at a time. Its names are those of what runs a container to its end.
 *
 * @category models
 * @since 0.1.0
 */
export interface ContainerPool<E = never> {
  /** `Container.execRun` in one of the containers. */
  readonly run: (
    command: string | ReadonlyArray<string>,
    options?: ExecRunOptions
  ) => Effect.Effect<Executed, PoolError | Errors.ExitCode | E>
  /** `Container.execExitCode` in one of the containers. */
  readonly exitCode: (
    command: string | ReadonlyArray<string>,
    options?: Omit<ExecRunOptions, "expect" | "outputLimit">
  ) => Effect.Effect<number, PoolError | E>
  /** `Container.execString` in one of the containers. */
  readonly string: (
    command: string | ReadonlyArray<string>,
    options?: ExecRunOptions & { readonly includeStderr?: boolean | undefined }
  ) => Effect.Effect<string, PoolError | Errors.ExitCode | E>
  /** `Container.execLines` in one of the containers. */
  readonly lines: (
    command: string | ReadonlyArray<string>,
    options?: ExecRunOptions & { readonly includeStderr?: boolean | undefined }
  ) => Effect.Effect<Array<string>, PoolError | Errors.ExitCode | E>
  /** `Container.execStream` in one of the containers, which is nobody else's until the stream has ended. */
  readonly stream: (
    command: string | ReadonlyArray<string>,
    options?: Omit<ExecRunOptions, "outputLimit">
  ) => Stream.Stream<Logs.Frame, PoolError | Errors.ExitCode | E>
  /** Has a container for itself, for several commands, and files between them. It is one use. */
  readonly use: <A, E2, R2>(
    f: (container: ContainerHandle) => Effect.Effect<A, E2, R2>
  ) => Effect.Effect<A, MemberError | Errors.ContainerExec | E | E2, R2>
  /** How many containers are idle, how many in use or being reset, and how many uses wait for one. */
  readonly stats: Effect.Effect<EffectPool.Stats>
}

const or = <A>(given: A, own: A): A => given === undefined ? own : given

/**
 * Starts containers of one description and keeps them, so that a command costs an exec, about a fifth of a run. The
 * description says what they are; each use says what is executed. What keeps a container going is a shell that waits, in
 * the place of the image's own command, for which it needs `/bin/sh` and `sleep`; or the description's `command` or
 * `entrypoint`, if it has one: it must stay, and bear that whatever it starts is killed.
 *
 * **Between two uses** of a container, in the background,
 *
 * 1. all its processes but the first are killed, as its own user; if one is left, it is replaced;
 * 2. the `scratch` directories are emptied;
 * 3. the `reset` command is executed.
 *
 * Nothing else is undone: what a use wrote anywhere else, what it installed, the attributes of directories, shared memory
 * and queues, what it left in volumes or has sent. A use that may write to the root file system as root can also change
 * what the next one runs, and the shell that resets. So whoever uses one pool has to trust everybody who uses it; for code
 * that nobody trusts, `Container.run` makes a container of its own. `readOnlyRoot`, a `user` of its own and `tmpfs` in
 * `scratch` make what can be left little.
 *
 * A container that cannot be reset within 10 seconds, that has ended or that had `maxUses` is replaced, in the background.
 * A use whose container turns out to have ended before the command began goes to another; if it ends while the command
 * runs, the use fails with `ContainerExec`, reason `Unavailable` (`ResourceExhausted` when memory ran out), which is
 * retryable: it is never begun twice. Interrupting a use kills its command. When the scope closes, all containers are
 * removed, also those in use.
 *
 * The description's `expect`, `outputLimit` and `timeLimit` hold for each use, as long as its own options say nothing else.
 * Fails with `ContainerOptions` before any engine is called; that a container cannot be started, for a missing image among
 * others, is what a use fails with.
 *
 * **Example** (Many commands, two containers)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { Container } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const image = Memory.image("gcc", () => Effect.never, { exec: ({ command }) => ({ stdout: command.join(" ") }) })
 * const program = Effect.gen(function*() {
 *   const pool = yield* Container.pool(Container.make("gcc"), { size: 2, scratch: ["/tmp"] })
 *   return yield* Effect.forEach(["a", "b", "c"], (file) => pool.string(["gcc", "-c", file]), { concurrency: 2 })
 * }).pipe(Effect.scoped, Effect.provide(Memory.layer({ images: [image] })))
 * await Effect.runPromise(program) // => ["gcc -c a", "gcc -c b", "gcc -c c"]
 * ```
 *
 * **Example** (Files in and out, in one use)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { Container } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const image = Memory.image("sorter", () => Effect.never, { exec: () => 0 })
 * const program = Effect.gen(function*() {
 *   const pool = yield* Container.pool(Container.make("sorter"), { size: 1, scratch: ["/tmp"] })
 *   return yield* pool.use((container) =>
 *     Effect.gen(function*() {
 *       yield* Container.copyTo(container, "/tmp/words", "b a")
 *       yield* Container.execRun(container, ["sort", "/tmp/words"])
 *       return yield* Container.readText(container, "/tmp/words")
 *     })
 *   )
 * }).pipe(Effect.scoped, Effect.provide(Memory.layer({ images: [image] })))
 * await Effect.runPromise(program) // => "b a"
 * ```
 *
 * @category pooling
 * @since 0.1.0
 */
export const pool = Effect.fn("Container.pool")(function*<E = never, R = never>(
  self: Container,
  options: PoolOptions<E, R>
): Effect.fn.Return<
  ContainerPool<E>,
  Errors.ContainerOptions,
  Backend | R | Scope.Scope
> {
  const backend = yield* Backend
  const image = imageName(self)
  yield* Effect.annotateCurrentSpan("container.image.name", image)
  const issue = poolIssue(self, options)
  if (issue !== undefined) return yield* new Errors.ContainerOptions({ image, field: issue[0], issue: issue[1] })
  const description = staying(self)
  const { outputLimit, timeLimit } = yield* settle(description, backend.capabilities)
  if (options.reset !== undefined) yield* settleExec(image, options.reset, {})

  const { begin, stats, use } = yield* make(description, options, timeLimit)
  const checked = (command: string | ReadonlyArray<string>, options: ExecRunOptions) =>
    Effect.andThen(settleExec(image, command, options), begin(command, options))
  const complete = (given: ExecRunOptions): Pick<ExecRunOptions, "expect" | "outputLimit"> => ({
    outputLimit: or<ExecRunOptions["outputLimit"]>(given.outputLimit, outputLimit),
    expect: given.expect ?? self.options.expect
  })
  const traced = <A, E>(use: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.withSpan(use, "ContainerPool.run", { attributes: { "container.image.name": image } })
  const run: ContainerPool<E>["run"] = (command, options = {}) =>
    traced(ToEnd.run(image, checked(command, options), complete(options)))
  const string: ContainerPool<E>["string"] = (command, options = {}) =>
    Effect.map(run(command, options), ({ logs }) => options.includeStderr === true ? logs.text : logs.stdoutText)
  return {
    run,
    string,
    lines: (command, options) => Effect.map(string(command, options), linesOf),
    exitCode: (command, options = {}) => traced(ToEnd.exitCode(image, checked(command, options))),
    stream: (command, options = {}) => ToEnd.stream(image, checked(command, options), complete(options)),
    use,
    stats
  }
})
