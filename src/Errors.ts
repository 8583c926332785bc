/**
 * Every way in which this library fails. An error's `_tag` says which operation failed, its `reason` says why, in words
 * that are the same for every engine:
 *
 * **Example** (Retry only what can get better)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { Errors } from "effect-containers"
 *
 * const failed = new Errors.ImagePull({
 *   image: "gcc:14",
 *   reason: new Errors.Unavailable({ operation: "pull", message: "connection refused" })
 * })
 * failed.isRetryable // => true
 * failed.message // => "pulling image gcc:14 failed: connection refused"
 * await Effect.runPromise(
 *   Effect.fail(failed).pipe(Effect.catchReason("ImagePull", "Unavailable", (reason) => Effect.succeed(reason.operation)))
 * ) // => "pull"
 * ```
 *
 * @since 0.1.0
 */
export {
  ContainerAttach,
  ContainerCopy,
  ContainerCreate,
  ContainerExec,
  ContainerInspect,
  ContainerLogs,
  ContainerOutput,
  ContainerPause,
  ContainerRemove,
  ContainerSignal,
  ContainerStart,
  ContainerStats,
  ContainerStop,
  ContainerWait,
  ExitCode
} from "./errors/container.ts"
export {
  BackendNotAvailable,
  ContainerList,
  EngineEvents,
  EngineHealth,
  ImageImport,
  ImageList
} from "./errors/engine.ts"
export {
  ClientPull,
  ImageBuild,
  ImageBuildDockerfile,
  ImageExport,
  ImageInspect,
  ImagePull,
  ImagePush,
  ImageRemove,
  ImageTag
} from "./errors/image.ts"
export { NetworkCreate, NetworkInspect, NetworkList, NetworkOptions, NetworkRemove } from "./errors/network.ts"
export { ContainerOptions, ImageOptions } from "./errors/options.ts"
export { ContainerReady } from "./errors/ready.ts"
export {
  AlreadyExists,
  Conflict,
  Internal,
  InvalidArgument,
  NotFound,
  PermissionDenied,
  Protocol,
  Reason,
  ResourceExhausted,
  TimedOut,
  Unauthenticated,
  Unavailable,
  Unsupported
} from "./errors/reason.ts"
export { VolumeCreate, VolumeInspect, VolumeList, VolumeOptions, VolumeRemove } from "./errors/volume.ts"
