import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import { Backend, type Credentials } from "../Backend.ts"
import type * as Errors from "../Errors.ts"
import type { PullStatus } from "../Progress.ts"
import { failures, pulls } from "./metrics.ts"
import { attributes, checked, checkedPlatform } from "./name.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface PullOptions {
  /** `os/architecture[/variant]`. Default: the engine's own. */
  readonly platform?: string | undefined
  /** Default: what the engine's own client would use. */
  readonly credentials?: Credentials | undefined
}

/**
 * Gets an image from its registry, with what happens on the way as a stream: `Progress.render` draws it. When the stream
 * has ended the image is there; interrupting it stops the transfer. Pulls of one image and platform at the same time
 * share one transfer.
 *
 * Fails with `ClientPull`, also when the engine reports the failure in the middle of its answer, and with `ImageOptions`.
 *
 * @category getting
 * @since 0.1.0
 */
export const pull = (
  name: string,
  options: PullOptions = {}
): Stream.Stream<PullStatus, Errors.ClientPull | Errors.ImageOptions, Backend> =>
  Stream.unwrap(Effect.gen(function*() {
    yield* checked(name)
    yield* checkedPlatform(name, options.platform)
    yield* Metric.update(pulls, 1)
    return (yield* Backend).pull(name, options)
  })).pipe(
    Stream.tapError(() => Metric.update(failures, 1)),
    Stream.withSpan("Image.pull", attributes(name))
  )
