import * as Schema from "effect/Schema"

/**
 * What happens to a layer (or to another blob of an image), in the same words for every engine and for pull, push and
 * import alike. `Message` is not about a layer.
 *
 * @category models
 * @since 0.1.0
 */
export const Phase = Schema.Literals([
  "Resolving",
  "Waiting",
  "Downloading",
  "Downloaded",
  "Verifying",
  "Extracting",
  "Complete",
  "Exists",
  "Pushing",
  "Message"
])

/**
 * @category models
 * @since 0.1.0
 */
export type Phase = typeof Phase.Type

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

/**
 * One report of an engine about a pull, push or import.
 *
 * `id` is the layer's as the engine shows it, `status` the engine's own words, `current` and `total` are bytes of what
 * the phase does (downloaded, extracted or pushed).
 *
 * **Example** (A layer that is being downloaded)
 *
 * ```ts import.meta.vitest
 * import { Progress } from "effect-containers"
 *
 * const status = new Progress.PullStatus({
 *   id: "9f3a4b1c2d3e",
 *   phase: "Downloading",
 *   status: "Downloading",
 *   current: 1000,
 *   total: 4000
 * })
 * status.phase // => "Downloading"
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export class PullStatus extends Schema.Class<PullStatus>("effect-containers/Progress/PullStatus")({
  id: Schema.optionalKey(Schema.String),
  phase: Phase,
  status: Schema.String,
  current: Schema.optionalKey(Schema.Finite),
  total: Schema.optionalKey(Schema.Finite)
}) {
  /**
   * Makes one without checking its fields: for engines, which make one for each line of a response. Fields that are
   * `undefined` are left out.
   */
  static makeUnsafe(fields: {
    readonly id?: string | undefined
    readonly phase: Phase
    readonly status: string
    readonly current?: number | undefined
    readonly total?: number | undefined
  }): PullStatus {
    const self: Mutable<PullStatus> = Object.create(PullStatus.prototype)
    if (fields.id !== undefined) self.id = fields.id
    self.phase = fields.phase
    self.status = fields.status
    if (fields.current !== undefined) self.current = fields.current
    if (fields.total !== undefined) self.total = fields.total
    return self
  }
}

/**
 * An instruction of a Dockerfile that is being built, numbered from 1.
 *
 * @category models
 * @since 0.1.0
 */
export const BuildStep = Schema.Struct({ number: Schema.Int, total: Schema.Int, instruction: Schema.String })

/**
 * @category models
 * @since 0.1.0
 */
export type BuildStep = typeof BuildStep.Type

/**
 * One report of an engine about a build.
 *
 * `stream` is text that the build wrote, in pieces that may cut lines; `step` is there when an instruction begins;
 * `imageId` when an image is made. `id`, `status`, `current` and `total` (bytes) tell of the base image's pull.
 *
 * **Example** (A step begins)
 *
 * ```ts import.meta.vitest
 * import { Progress } from "effect-containers"
 *
 * const status = new Progress.BuildStatus({ step: { number: 2, total: 5, instruction: "RUN make" } })
 * status.step?.instruction // => "RUN make"
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export class BuildStatus extends Schema.Class<BuildStatus>("effect-containers/Progress/BuildStatus")({
  stream: Schema.optionalKey(Schema.String),
  step: Schema.optionalKey(BuildStep),
  imageId: Schema.optionalKey(Schema.String),
  id: Schema.optionalKey(Schema.String),
  status: Schema.optionalKey(Schema.String),
  current: Schema.optionalKey(Schema.Finite),
  total: Schema.optionalKey(Schema.Finite)
}) {
  /** Makes one without checking its fields, see {@link PullStatus}. Fields that are `undefined` are left out. */
  static makeUnsafe(fields: {
    readonly stream?: string | undefined
    readonly step?: BuildStep | undefined
    readonly imageId?: string | undefined
    readonly id?: string | undefined
    readonly status?: string | undefined
    readonly current?: number | undefined
    readonly total?: number | undefined
  }): BuildStatus {
    const self: Mutable<BuildStatus> = Object.create(BuildStatus.prototype)
    if (fields.stream !== undefined) self.stream = fields.stream
    if (fields.step !== undefined) self.step = fields.step
    if (fields.imageId !== undefined) self.imageId = fields.imageId
    if (fields.id !== undefined) self.id = fields.id
    if (fields.status !== undefined) self.status = fields.status
    if (fields.current !== undefined) self.current = fields.current
    if (fields.total !== undefined) self.total = fields.total
    return self
  }
}

const words: ReadonlyArray<readonly [RegExp, Phase]> = [
  [/^(pulling fs layer|waiting|preparing|retrying in )/i, "Waiting"],
  [/^downloading/i, "Downloading"],
  [/^(download complete|downloaded)/i, "Downloaded"],
  [/^verifying/i, "Verifying"],
  [/^(extracting|loading layer|unpacking)/i, "Extracting"],
  [/^(pull complete|pushed|complete|done|saved)$/i, "Complete"],
  [/^(already exists|layer already exists|exists|mounted from )/i, "Exists"],
  [/^(pushing|uploading)/i, "Pushing"],
  [/^(resolving|fetching)/i, "Resolving"]
]

/**
 * The phase that an engine's words about a layer stand for: those of Docker, Podman and containerd, in any case.
 * `Message` for all others.
 *
 * **Example** (Docker's words)
 *
 * ```ts import.meta.vitest
 * import { Progress } from "effect-containers"
 *
 * Progress.phaseOf("Pulling fs layer") // => "Waiting"
 * Progress.phaseOf("Download complete") // => "Downloaded"
 * Progress.phaseOf("Status: Image is up to date") // => "Message"
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const phaseOf = (status: string): Phase => {
  for (const [pattern, phase] of words) if (pattern.test(status)) return phase
  return "Message"
}
