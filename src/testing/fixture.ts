import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Backend } from "../Backend.ts"
import type * as Errors from "../Errors.ts"

/**
 * What an image that the suite asks for says of how to run it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ImageSettings {
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly workDir?: string | undefined
  readonly user?: string | undefined
  readonly entrypoint?: ReadonlyArray<string> | undefined
  readonly command?: ReadonlyArray<string> | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly volumes?: ReadonlyArray<string> | undefined
}

/**
 * A registry that answers no request: whoever asks it waits.
 *
 * @category models
 * @since 0.1.0
 */
export interface SilentRegistry {
  /** `host:port`, as the engine names it. */
  readonly address: string
  /** Succeeds once the engine waits for an answer. */
  readonly reached: Effect.Effect<void>
  /** Succeeds once the engine waits no more. Left out where that cannot be seen from outside the engine. */
  readonly left?: Effect.Effect<void> | undefined
}

/**
 * The registries that the engine under test can be sent to.
 *
 * @category models
 * @since 0.1.0
 */
export interface Registries {
  /** One that works and lets anybody push, `host:port` as the engine names it. */
  readonly address: string
  /** `host:port` where nobody answers. */
  readonly down: string
  readonly silent: Effect.Effect<SilentRegistry, never, Scope.Scope>
}

/**
 * Parts of a `Backend` that no capability tells of and that an engine may be without. The suite then holds it to failing
 * `Unsupported`.
 *
 * @category models
 * @since 0.1.0
 */
export type Part = "build" | "exec" | "copy" | "events" | "archives" | "push" | "pause" | "usage"

/**
 * Ways of its own that an engine has and that no client can mend. The suite holds it to these instead of to everybody's.
 *
 * @category models
 * @since 0.1.0
 */
export type Way =
  | "a push tells nothing of layers"
  | "an image of no registry has a digest"
  | "it may miss that memory ran out"
  | "it never says that memory ran out"
  | "it may raise a further process's limit of open files"
  | "its processes have no network"
  | "its files have no owners"
  | "its archives tell no owners"
  | "its files are given to root alone"
  | "its images' volumes are in the container's own layer"
  | "its times of output are whole seconds"
  | "its networks may come to reach each other"
  | "what has no network has received and sent nothing"
  | "what nobody keeps nobody reads"
  | "it always has its own filter of system calls"
  | "a line of whole blocks loses its end"

/**
 * What the suite needs besides an engine.
 *
 * @category services
 * @since 0.1.0
 */
export class Fixture extends Context.Service<Fixture, {
  /**
   * An image that the engine has: busybox with its commands in `/bin`, `PATH` set, `/bin/sh` as its command and no
   * entrypoint, working directory or user; `/etc/passwd` has `root` and `app` (1000:1000), `/tmp` can be written by all.
   */
  readonly image: string
  /** Gives {@link image} with other settings under a new name. Default: a build. */
  readonly makeImage?:
    | ((
      name: string,
      settings: ImageSettings
    ) => Effect.Effect<void, Errors.ImageImport | Errors.ImageBuildDockerfile | Errors.ImageOptions, Backend>)
    | undefined
  readonly registries: Registries
  /** Default: none is missing. */
  readonly missing?: ReadonlyArray<Part> | undefined
  /** Default: none. */
  readonly ways?: ReadonlyArray<Way> | undefined
}>()("effect-containers/testing/Fixture") {}
