/**
 * Containers: a description, made of an image and options, and what can be done with it.
 *
 * A description is to this library what a `ChildProcess` command is to `effect/process`, and the names are the same where
 * the idea is: {@link run}, {@link exitCode}, {@link string}, {@link lines} and {@link stream} run it to its end,
 * {@link start} gives a handle to it while it runs.
 *
 * @since 0.1.0
 */
export * from "./container/confinement.ts"
export { copyFrom, type CopyOptions, copyTo, readText } from "./container/copy.ts"
export {
  copyDirectoryFrom,
  type CopyDirectoryFromOptions,
  type CopyDirectoryOptions,
  copyDirectoryTo
} from "./container/copyDirectory.ts"
export {
  type Container,
  type Device,
  isContainer,
  make,
  type Options,
  type Port,
  type PullPolicy,
  type Volume
} from "./container/description.ts"
export { exec, type ExecHandle } from "./container/exec.ts"
export type { ExecOptions } from "./container/execConfig.ts"
export {
  type ExecError,
  execExitCode,
  execLines,
  execRun,
  type ExecRunOptions,
  execStream,
  execString,
  type Executed
} from "./container/execRun.ts"
export { type ContainerHandle, get } from "./container/handle.ts"
export * from "./container/kernel.ts"
export type { RunError, RunningContainer } from "./container/launch.ts"
export { layer, type LayerOptions, type ServiceError } from "./container/layer.ts"
export * from "./container/limits.ts"
export { type LinuxCapability } from "./container/linuxCapability.ts"
export {
  inspect,
  kill,
  type KillOptions,
  list,
  logs,
  pause,
  remove,
  signal,
  stop,
  unpause,
  usage,
  wait
} from "./container/manage.ts"
export * from "./container/options.ts"
export { type ContainerPool, pool, type PoolError, type PoolOptions } from "./container/pool.ts"
export * from "./container/resolution.ts"
export {
  exitCode,
  exitStatus,
  type Finished,
  lines,
  run,
  type RunOptions,
  stream,
  streamLines,
  string
} from "./container/run.ts"
export * from "./container/security.ts"
export { create, type CreatedContainer, start, type StartOptions } from "./container/start.ts"
export { state } from "./container/state.ts"
export { type Stats, stats } from "./container/stats.ts"
export * from "./container/supervision.ts"
export { type Kept, sweep, type Swept } from "./container/sweep.ts"
export type { Target } from "./container/target.ts"
export { json, ndjson } from "./container/typed.ts"
