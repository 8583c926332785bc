import type * as Effect from "effect/Effect"
import type * as Errors from "../../Errors.ts"
import type { MemoryImage } from "./image.ts"
import type { Files } from "./recipe.ts"

/**
 * A build that was asked for: what a {@link Builder} is given.
 *
 * @category models
 * @since 0.1.0
 */
export interface Build {
  /** The name that the image is to have. */
  readonly tag: string
  /** The text of the Dockerfile. */
  readonly dockerfile: string
  /** The files of the context. */
  readonly context: Files
  readonly args: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  readonly target: string | undefined
  readonly platform: string
  /** Says that a step begins. */
  readonly step: (number: number, total: number, instruction: string) => Effect.Effect<void>
  /** Writes to the build's log. */
  readonly log: (text: string) => Effect.Effect<void>
}

/**
 * Builds images in the place of the engine's own reading of Dockerfiles. The image that it gives is put there under the
 * tag that was asked for.
 *
 * @category models
 * @since 0.1.0
 */
export type Builder = (build: Build) => Effect.Effect<MemoryImage, Errors.Reason>
