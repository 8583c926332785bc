import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { ContainerConfig, ExecConfig } from "../ContainerConfig.ts"
import type * as Errors from "../Errors.ts"
import type { ExitStatus } from "../ExitStatus.ts"
import type { Filter } from "../Filter.ts"
import type { Frame } from "../Logs.ts"
import type { BuildStatus, PullStatus } from "../Progress.ts"
import type {
  Attachment,
  BuildOptions,
  ContainerInfo,
  ContainerSummary,
  EngineEvent,
  EngineInfo,
  EventsOptions,
  Exec,
  ImageInfo,
  ImageSummary,
  LogsOptions,
  PullOptions,
  PushOptions,
  RemovedImage,
  TerminalSize,
  Usage
} from "./model.ts"
import type { NetworkConfig, NetworkInfo } from "./network.ts"
import type { VolumeConfig, VolumeInfo } from "./volume.ts"

/**
 * The smallest set of operations from which the rest is derived. Each fails with a bare reason; {@link make} says which
 * operation it was. `image` is a reference or an image id, `id` a container's id or name.
 *
 * @category models
 * @since 0.1.0
 */
export interface Primitives {
  readonly health: Effect.Effect<EngineInfo, Errors.Reason>

  /** Gets an image from its registry; when the stream has ended the image is there. Ending it early stops the transfer. */
  readonly pull: (image: string, options: PullOptions) => Stream.Stream<PullStatus, Errors.Reason>
  readonly push: (image: string, options: PushOptions) => Stream.Stream<PullStatus, Errors.Reason>
  /** When the stream has ended the image is there under `options.tag`. Ending it early stops the build. */
  readonly build: <E>(
    context: Stream.Stream<Uint8Array, E>,
    options: BuildOptions
  ) => Stream.Stream<BuildStatus, Errors.Reason | E>
  readonly inspectImage: (image: string) => Effect.Effect<ImageInfo, Errors.Reason>
  readonly listImages: (filter: Filter) => Effect.Effect<ReadonlyArray<ImageSummary>, Errors.Reason>
  readonly tagImage: (image: string, reference: string) => Effect.Effect<void, Errors.Reason>
  readonly removeImage: (
    image: string,
    options: { readonly force: boolean }
  ) => Effect.Effect<RemovedImage, Errors.Reason>
  /** Reads an archive as `docker save` or an OCI tool writes it; gives the names that it brought. */
  readonly importImages: <E>(
    archive: Stream.Stream<Uint8Array, E>
  ) => Effect.Effect<ReadonlyArray<string>, Errors.Reason | E>
  readonly exportImages: (images: ReadonlyArray<string>) => Stream.Stream<Uint8Array, Errors.Reason>

  /** Gives the new container's id. Nothing runs yet. */
  readonly create: (config: ContainerConfig) => Effect.Effect<string, Errors.Reason>
  /** When it succeeds the process runs or has run; fails `NotFound` or `PermissionDenied` when it cannot be executed. */
  readonly start: (id: string) => Effect.Effect<void, Errors.Reason>
  /**
   * Subscribes to a container's output, and to its input if it was created with `stdin`. When it succeeds nothing that is
   * written from now on is missed, so call it before {@link start}.
   */
  readonly attach: (
    id: string,
    options: { readonly stdin: boolean; readonly output: boolean; readonly tty: boolean }
  ) => Effect.Effect<Attachment, Errors.Reason, Scope.Scope>
  /** Waits until a container that was started does not run, and says how it ended. */
  readonly wait: (id: string) => Effect.Effect<ExitStatus, Errors.Reason>
  readonly signal: (id: string, signal: string) => Effect.Effect<void, Errors.Reason>
  /** Stops all processes of a container where they are, without their noticing. */
  readonly pause: (id: string) => Effect.Effect<void, Errors.Reason>
  readonly unpause: (id: string) => Effect.Effect<void, Errors.Reason>
  /** What it uses now; `Conflict` when it does not run. */
  readonly usage: (id: string) => Effect.Effect<Usage, Errors.Reason>
  /** Asks with the stop signal, kills after `grace` milliseconds. Succeeds when it does not run, also if it did not before. */
  readonly stop: (id: string, options: { readonly grace: number }) => Effect.Effect<void, Errors.Reason>
  /**
   * Removes a container and the anonymous volumes that came with it. `force` kills it first. Should the engine be away,
   * being started again for one, it is tried again for `patience` milliseconds (default 0): there is nobody else to do it.
   */
  readonly remove: (
    id: string,
    options: { readonly force: boolean; readonly patience?: number | undefined }
  ) => Effect.Effect<void, Errors.Reason>
  readonly inspect: (id: string) => Effect.Effect<ContainerInfo, Errors.Reason>
  /** All containers, also those that do not run. */
  readonly list: (filter: Filter) => Effect.Effect<ReadonlyArray<ContainerSummary>, Errors.Reason>
  readonly logs: (id: string, options: LogsOptions) => Stream.Stream<Frame, Errors.Reason>
  readonly resize: (id: string, size: TerminalSize) => Effect.Effect<void, Errors.Reason>
  /** Starts a further process. Its input and output live in the scope. */
  readonly exec: (id: string, config: ExecConfig) => Effect.Effect<Exec, Errors.Reason, Scope.Scope>
  /**
   * Kills all processes of a container that runs but its first, and empties directories (absolute paths, which must be
   * there). Fails `Conflict` when something is left. Default: by a script for the `/bin/sh` of the container, executed.
   */
  readonly reset: (
    id: string,
    options: { readonly scratch: ReadonlyArray<string> }
  ) => Effect.Effect<void, Errors.Reason>
  /** Unpacks a tar archive into a directory of the container, which must exist. */
  readonly copyIn: <E>(
    id: string,
    path: string,
    archive: Stream.Stream<Uint8Array, E>
  ) => Effect.Effect<void, Errors.Reason | E>
  /** A file or directory of the container as a tar archive. */
  readonly copyOut: (id: string, path: string) => Stream.Stream<Uint8Array, Errors.Reason>

  /** Gives the new network's id. `AlreadyExists` when there is one of that name. */
  readonly createNetwork: (config: NetworkConfig) => Effect.Effect<string, Errors.Reason>
  /** By id or name. */
  readonly inspectNetwork: (network: string) => Effect.Effect<NetworkInfo, Errors.Reason>
  readonly listNetworks: (filter: Filter) => Effect.Effect<ReadonlyArray<NetworkInfo>, Errors.Reason>
  /** `Conflict` while containers are in it. */
  readonly removeNetwork: (network: string) => Effect.Effect<void, Errors.Reason>

  /** `AlreadyExists` when there is one of that name. */
  readonly createVolume: (config: VolumeConfig) => Effect.Effect<void, Errors.Reason>
  readonly inspectVolume: (volume: string) => Effect.Effect<VolumeInfo, Errors.Reason>
  readonly listVolumes: (filter: Filter) => Effect.Effect<ReadonlyArray<VolumeInfo>, Errors.Reason>
  /** With all that is in it. `Conflict` while a container has it, running or not. */
  readonly removeVolume: (volume: string) => Effect.Effect<void, Errors.Reason>

  /** They have no end: where an engine makes one, the backend fails with `Unavailable`. */
  readonly events: (options: EventsOptions) => Stream.Stream<EngineEvent, Errors.Reason>
}
