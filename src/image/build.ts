import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { Backend, type BuildOptions } from "../Backend.ts"
import * as BuildContext from "../BuildContext.ts"
import * as Errors from "../Errors.ts"
import type { BuildStatus } from "../Progress.ts"
import * as Reference from "../Reference.ts"
import * as BuildLog from "./buildLog.ts"
import { builds, failures } from "./metrics.ts"
import { attributes, checkedPlatform } from "./name.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface BuildImageOptions {
  /** The Dockerfile's `ARG`s. A `Redacted` one is still in the image's history: use it for what may be known there. */
  readonly buildArgs?: Readonly<Record<string, string | Redacted.Redacted<string>>> | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** The stage to build. Default: the last. */
  readonly target?: string | undefined
  readonly platform?: string | undefined
  /** Do not use the layer cache. Default `false`. */
  readonly noCache?: boolean | undefined
  /** Ask the registry for newer base images. Default `false`. */
  readonly pull?: boolean | undefined
}

/**
 * Builds an image, with what happens on the way as a stream. When the stream has ended the image is there under `name`;
 * interrupting it stops the build.
 *
 * Docker's own builder and Podman look for steps that they need not execute among images that others may be removing, and
 * fail when one of these goes meanwhile. Such a build is begun again, 9 times at most: its steps are then told once more.
 *
 * Fails with `ImageBuildDockerfile`, which has the step that failed and the end of the log, and with `ImageOptions` when
 * what is to be built is not there or not valid, before any engine is called.
 *
 * @category getting
 * @since 0.1.0
 */
export const build = (
  name: string,
  context: BuildContext.BuildContext,
  options: BuildImageOptions = {}
): Stream.Stream<BuildStatus, Errors.ImageBuildDockerfile | Errors.ImageOptions, Backend> =>
  Stream.unwrap(Effect.gen(function*() {
    yield* Reference.parse(name)
    yield* checkedPlatform(name, options.platform)
    const archive = yield* BuildContext.open(context, { image: name })
    yield* Metric.update(builds, 1)
    const backend = yield* Backend
    const log = new BuildLog.BuildLog()
    const settings: BuildOptions = {
      tag: name,
      dockerfile: context.dockerfile,
      buildArgs: options.buildArgs ?? {},
      labels: options.labels ?? {},
      target: options.target,
      platform: options.platform,
      noCache: options.noCache ?? false,
      pull: options.pull ?? false
    }
    return backend.build(archive, settings).pipe(
      Stream.mapArray((statuses) => {
        for (const status of statuses) log.push(status)
        return statuses
      }),
      Stream.mapError((error) =>
        error._tag === "ImageOptions"
          ? error
          : new Errors.ImageBuildDockerfile({ image: name, reason: error, ...log.state() })
      )
    )
  })).pipe(
    Stream.tapError(() => Metric.update(failures, 1)),
    Stream.withSpan("Image.build", attributes(name))
  )
