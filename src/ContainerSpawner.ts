/**
 * Effect's `ChildProcessSpawner`, whose processes run in a container: a program written with `ChildProcess` is moved into a
 * container by a Layer.
 *
 * What differs from a spawner of this machine:
 *
 * - `cwd` is a path of the container. Variables are added to the container's own, also without `extendEnv`, and those of
 *   this machine are never handed over; none can be taken away.
 * - When its scope closes, a process gets `killSignal` and, `forceKillAfter` later (default 5 seconds), SIGKILL, with all
 *   that it started: see `Container.exec` for what that needs of the image. What it left behind when it had ended by itself
 *   goes on. `detached` and `unref` change nothing.
 * - `"inherit"` is there for outputs. Standard input cannot be inherited and there are no `additionalFds`: these fail with
 *   `BadArgument`, as does a pipe to or from one.
 * - `stdout`, `stderr` and `all` can be read once: either the two, or `all`, which has both in order of arrival.
 * - `pid` is the number that the engine's host has for the process; 0 when the engine forgot it at its end, as Podman does.
 *
 * **Example** (A program that does not know where it runs)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { ChildProcess, ChildProcessSpawner } from "effect/process"
 * import { Container, ContainerSpawner } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const program = Effect.gen(function*() {
 *   const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
 *   return yield* spawner.string(ChildProcess.make("uname", ["-s"]))
 * })
 *
 * const image = Memory.image("debian", () => Effect.never, { exec: ({ command }) => ({ stdout: command.join(" ") }) })
 * const moved = Effect.gen(function*() {
 *   const container = yield* Container.start(Container.make("debian"))
 *   return yield* Effect.provide(program, ContainerSpawner.layer(container))
 * }).pipe(Effect.scoped, Effect.provide(Memory.layer({ images: [image] })))
 * await Effect.runPromise(moved) // => "uname -s"
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ChildProcessSpawner, make as makeSpawner } from "effect/process/ChildProcessSpawner"
import { Backend } from "./Backend.ts"
import type * as Container from "./Container.ts"
import { run } from "./containerSpawner/pipeline.ts"

/**
 * A spawner of processes in a container that runs, by its handle, id or name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  container: Container.Target
): Effect.Effect<ChildProcessSpawner["Service"], never, Backend> =>
  Effect.map(
    Backend,
    (backend) => makeSpawner((command) => Effect.provideService(run(container, command), Backend, backend))
  )

/**
 * {@link make} as a Layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (container: Container.Target): Layer.Layer<ChildProcessSpawner, never, Backend> =>
  Layer.effect(ChildProcessSpawner, make(container))
