/**
 * Images: getting them, building them, looking at them, letting them go.
 *
 * **Example** (The newest there is, the local copy when the registry is down)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { Image } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const engine = Memory.layer({ images: [Memory.image("gcc:14", () => ({ exitCode: 0 }))] })
 * const program = Image.resolve("gcc:14").pipe(Effect.map((image) => image.name), Effect.provide(engine))
 * await Effect.runPromise(program) // => "gcc:14"
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Metric from "effect/Metric"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import {
  Backend,
  type BuildOptions,
  type Credentials,
  type ImageInfo,
  type ImageSummary,
  type PushOptions,
  type RemovedImage
} from "./Backend.ts"
import * as BuildContext from "./BuildContext.ts"
import * as Errors from "./Errors.ts"
import * as Filter from "./Filter.ts"
import * as BuildLog from "./image/buildLog.ts"
import { type BuildStatus, type PullStatus, render, renderBuild, type RenderOptions } from "./Progress.ts"
import * as Reference from "./Reference.ts"

/**
 * An image that the engine holds: {@link resolve} gives it. A container made of it runs exactly this one, whatever its
 * name comes to mean meanwhile.
 *
 * @category models
 * @since 0.1.0
 */
export interface Image {
  /** As it was asked for. */
  readonly name: string
  /** `sha256:` and 64 hexadecimal digits. */
  readonly id: string
  readonly info: ImageInfo
}

/**
 * Build also what is there already. Default `false`.
 *
 * @category references
 * @since 0.1.0
 */
export const ForceRebuild: Context.Reference<boolean> = Context.Reference<boolean>(
  "effect-containers/Image/ForceRebuild",
  {
    defaultValue: () => false
  }
)

const pulls = Metric.counter("effect_containers_image_pulls", { description: "Image pulls begun", incremental: true })
const builds = Metric.counter("effect_containers_image_builds", {
  description: "Image builds begun",
  incremental: true
})
const failures = Metric.counter("effect_containers_image_failures", {
  description: "Image pulls and builds that failed",
  incremental: true
})

const attributes = (image: string) => ({ attributes: { "container.image.name": image } })

/** Checks a name; an id is one too, where an engine can be asked for it. */
const checked = (name: string): Effect.Effect<string, Errors.ImageOptions> =>
  Reference.isId(name) ? Effect.succeed(name) : Effect.as(Reference.parse(name), name)

const checkedPlatform = (image: string, platform: string | undefined): Effect.Effect<void, Errors.ImageOptions> =>
  platform === undefined || /^[a-z0-9_]+\/[a-z0-9_]+(?:\/[a-z0-9_.]+)?$/.test(platform) ? Effect.void : Effect.fail(
    new Errors.ImageOptions({
      image,
      field: "platform",
      issue: `${JSON.stringify(platform)} is not of the form os/architecture or os/architecture/variant`
    })
  )

// ---------------------------------------------------------------------------------------------------------------------
// getting
// ---------------------------------------------------------------------------------------------------------------------

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

/**
 * @category models
 * @since 0.1.0
 */
export interface ResolveOptions<E = never, R = never> extends PullOptions {
  /** When the registry is asked. Default `"always"`. Of no effect with `build`. */
  readonly pull?: "always" | "missing" | "never" | undefined
  /** Build it of this unless it is there; see {@link ForceRebuild}. */
  readonly build?: BuildContext.BuildContext | undefined
  /** How to build it. */
  readonly buildOptions?: BuildImageOptions | undefined
  /** Draw it in the terminal while it goes on, see `Progress.render`. Default `false`. */
  readonly progress?: boolean | RenderOptions | undefined
  /** Gets each status of the pull or build. */
  readonly output?: Sink.Sink<unknown, PullStatus | BuildStatus, unknown, E, R> | undefined
}

const inspected = (name: string, info: ImageInfo): Image => ({ name, id: info.id, info })

/** What the engine has under this name, `undefined` when it has nothing. */
const lookUp = Effect.fnUntraced(function*(
  name: string
): Effect.fn.Return<ImageInfo | undefined, Errors.ImageInspect, Backend> {
  const backend = yield* Backend
  return yield* backend.inspectImage(name).pipe(
    Effect.catchReason("ImageInspect", "NotFound", () => Effect.undefined)
  )
})

/**
 * Makes sure that the engine has an image, and gives it.
 *
 * By default the registry is asked for the latest; if that fails and the engine has a copy, the copy is used and a
 * warning logged. With `build` nothing is pulled: the image is built unless the engine has one of that name, or always
 * under {@link ForceRebuild}.
 *
 * Fails with `ImagePull`, `ImageBuild` or `ImageOptions`.
 *
 * @category getting
 * @since 0.1.0
 */
export const resolve = Effect.fn("Image.resolve")(function*<E = never, R = never>(
  name: string,
  options: ResolveOptions<E, R> = {}
): Effect.fn.Return<Image, Errors.ImagePull | Errors.ImageBuild | Errors.ImageOptions | E, Backend | R> {
  yield* Effect.annotateCurrentSpan("container.image.name", name)
  yield* checked(name)
  yield* checkedPlatform(name, options.platform)
  const output: Sink.Sink<unknown, PullStatus | BuildStatus, unknown, E, R> = options.output ?? Sink.drain
  const drawing = options.progress === true ? {} : options.progress === false ? undefined : options.progress

  if (options.build !== undefined) {
    const context = options.build
    const failed = ({ reason }: Errors.ImageInspect) =>
      new Errors.ImageBuild({
        image: name,
        reason,
        cause: new Errors.ImageBuildDockerfile({ image: name, reason, log: "" })
      })
    const present = (yield* ForceRebuild) ? undefined : yield* Effect.mapError(lookUp(name), failed)
    if (present !== undefined) return inspected(name, present)
    const building = build(name, context, { platform: options.platform, ...options.buildOptions }).pipe(
      Stream.mapError((error) =>
        error._tag === "ImageOptions"
          ? error
          : new Errors.ImageBuild({ image: name, reason: error.reason, cause: error })
      )
    )
    yield* Stream.runDrain(Stream.tapSink(drawing === undefined ? building : renderBuild(building, drawing), output))
    return inspected(name, yield* Effect.mapError((yield* Backend).inspectImage(name), failed))
  }

  const failed = ({ reason }: { readonly reason: Errors.Reason }) => new Errors.ImagePull({ image: name, reason })
  const local = Effect.mapError(lookUp(name), failed)
  const policy = options.pull ?? "always"
  if (policy !== "always" || Reference.isId(name)) {
    const present = yield* local
    if (present !== undefined) return inspected(name, present)
    if (policy === "never" || Reference.isId(name)) {
      return yield* failed({
        reason: new Errors.NotFound({
          operation: "resolve",
          message: "the engine does not have the image",
          hint: policy === "never" ? "its pull policy is \"never\"" : "an id cannot be pulled: give the image's name"
        })
      })
    }
  }
  let pulled: Errors.ClientPull | undefined
  const statuses = pull(name, options)
  const pulling = (drawing === undefined ? statuses : render(statuses, drawing)).pipe(
    Stream.catchTag("ClientPull", (error) => {
      pulled = error
      return Stream.empty
    })
  )
  yield* Stream.runDrain(Stream.tapSink(pulling, output))
  if (pulled === undefined) {
    return inspected(name, yield* Effect.mapError((yield* Backend).inspectImage(name), failed))
  }
  const copy = yield* Effect.catchTag(local, "ImagePull", () => Effect.undefined)
  if (copy === undefined) return yield* failed(pulled)
  yield* Effect.logWarning(`using the local copy of image ${name}: ${pulled.message}`)
  return inspected(name, copy)
})

// ---------------------------------------------------------------------------------------------------------------------
// looking
// ---------------------------------------------------------------------------------------------------------------------

/**
 * Whether the engine has an image of this name or id. Asks no registry. Fails with `ImageInspect` and `ImageOptions`.
 *
 * @category looking
 * @since 0.1.0
 */
export const exists = Effect.fn("Image.exists")(function*(
  name: string
): Effect.fn.Return<boolean, Errors.ImageInspect | Errors.ImageOptions, Backend> {
  yield* checked(name)
  return (yield* lookUp(name)) !== undefined
})

/**
 * An image as its engine shows it. Fails with `ImageInspect` (`NotFound` when it is not there) and `ImageOptions`.
 *
 * @category looking
 * @since 0.1.0
 */
export const inspect = Effect.fn("Image.inspect")(function*(
  name: string
): Effect.fn.Return<ImageInfo, Errors.ImageInspect | Errors.ImageOptions, Backend> {
  yield* checked(name)
  return yield* (yield* Backend).inspectImage(name)
})

/**
 * The images that the engine has. Default: all. Fails with `ImageList`.
 *
 * @category looking
 * @since 0.1.0
 */
export const list = Effect.fn("Image.list")(function*(
  filter: Filter.Filter = Filter.all
): Effect.fn.Return<ReadonlyArray<ImageSummary>, Errors.ImageList, Backend> {
  return yield* (yield* Backend).listImages(filter)
})

// ---------------------------------------------------------------------------------------------------------------------
// naming, moving, removing
// ---------------------------------------------------------------------------------------------------------------------

/**
 * Gives an image another name. Fails with `ImageTag` and `ImageOptions`.
 *
 * @category changing
 * @since 0.1.0
 */
export const tag: {
  (reference: string): (name: string) => Effect.Effect<void, Errors.ImageTag | Errors.ImageOptions, Backend>
  (name: string, reference: string): Effect.Effect<void, Errors.ImageTag | Errors.ImageOptions, Backend>
} = dual(
  2,
  Effect.fn("Image.tag")(function*(
    name: string,
    reference: string
  ): Effect.fn.Return<void, Errors.ImageTag | Errors.ImageOptions, Backend> {
    yield* checked(name)
    yield* Reference.parse(reference)
    yield* (yield* Backend).tagImage(name, reference)
  })
)

/**
 * Takes a name from an image, and removes the image when it was the last one. Fails with `ImageRemove` (`NotFound`,
 * `Conflict` while a container uses it) and `ImageOptions`. `force` removes also what stopped containers use, and an
 * image that has several names when it is given by its id.
 *
 * @category changing
 * @since 0.1.0
 */
export const remove = Effect.fn("Image.remove")(function*(
  name: string,
  options?: { readonly force?: boolean | undefined }
): Effect.fn.Return<RemovedImage, Errors.ImageRemove | Errors.ImageOptions, Backend> {
  yield* checked(name)
  return yield* (yield* Backend).removeImage(name, { force: options?.force ?? false })
})

/**
 * Sends an image to the registry that its name says. Fails with `ImagePush`, also when the engine reports the failure in
 * the middle of its answer, and with `ImageOptions`.
 *
 * @category changing
 * @since 0.1.0
 */
export const push = (
  name: string,
  options: PushOptions = {}
): Stream.Stream<PullStatus, Errors.ImagePush | Errors.ImageOptions, Backend> =>
  Stream.unwrap(Effect.gen(function*() {
    yield* Reference.parse(name)
    return (yield* Backend).push(name, options)
  })).pipe(Stream.withSpan("Image.push", attributes(name)))

/**
 * Reads images from an archive, as `docker save`, `podman save` and OCI tools write it; gives the names that it brought.
 * Fails with `ImageImport`.
 *
 * @category changing
 * @since 0.1.0
 */
export const fromArchive = Effect.fn("Image.fromArchive")(function*<E, R>(
  archive: Stream.Stream<Uint8Array, E, R>
): Effect.fn.Return<ReadonlyArray<string>, Errors.ImageImport | E, Backend | R> {
  const context = yield* Effect.context<R>()
  return yield* (yield* Backend).importImages(Stream.provideContext(archive, context))
})

/**
 * Images as one archive, which {@link fromArchive} of any engine reads. Fails with `ImageExport` and `ImageOptions`.
 *
 * @category changing
 * @since 0.1.0
 */
export const toArchive = (
  names: ReadonlyArray<string>
): Stream.Stream<Uint8Array, Errors.ImageExport | Errors.ImageOptions, Backend> =>
  Stream.unwrap(Effect.gen(function*() {
    yield* Effect.forEach(names, checked, { discard: true })
    return (yield* Backend).exportImages(names)
  })).pipe(Stream.withSpan("Image.toArchive"))

// ---------------------------------------------------------------------------------------------------------------------
// cleaning up
// ---------------------------------------------------------------------------------------------------------------------

/**
 * @category models
 * @since 0.1.0
 */
export interface CleanOptions {
  /** Only images that came to the engine longer ago than this; where it does not know, that were built longer ago. */
  readonly olderThan: Duration.Input
  /** Only images that pass this. Default: all. */
  readonly filter?: Filter.Filter | undefined
}

/**
 * What {@link clean} did.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cleaned {
  readonly removed: ReadonlyArray<ImageSummary>
  /** Bytes that the removed images took. Layers that others still use are counted too: at most this much is free now. */
  readonly bytes: number
  /** What was old enough and is still there: why. */
  readonly kept: ReadonlyArray<{ readonly image: ImageSummary; readonly error: Errors.ImageRemove }>
}

/**
 * Removes images that are old and that no container uses, running or not. Goes on after an image that cannot be removed.
 * Fails with `ImageList` or `ContainerList` when the engine cannot even be asked.
 *
 * @category changing
 * @since 0.1.0
 */
export const clean = Effect.fn("Image.clean")(function*(
  options: CleanOptions
): Effect.fn.Return<Cleaned, Errors.ImageList | Errors.ContainerList, Backend> {
  const backend = yield* Backend
  const now = yield* DateTime.now
  const limit = DateTime.subtractDuration(now, Duration.fromInputUnsafe(options.olderThan))
  const images = yield* backend.listImages(options.filter ?? Filter.all)
  const used = new Set((yield* backend.list(Filter.all)).map((container) => container.imageId))

  const removed: Array<ImageSummary> = []
  const kept: Array<Cleaned["kept"][number]> = []
  for (const image of images) {
    if (used.has(image.id)) continue
    // Gone meanwhile, or not to be seen: not ours to judge.
    const info = yield* Effect.option(backend.inspectImage(image.id))
    if (info._tag === "None" || !DateTime.isLessThan(info.value.arrivedAt ?? info.value.createdAt, limit)) continue
    // By its names, one after the other: removing by id would need force for an image that has several.
    const names = image.references.length > 0 ? image.references : [image.id]
    const result = yield* Effect.result(
      Effect.forEach(names, (name) => backend.removeImage(name, { force: false }), { discard: true })
    )
    if (Result.isSuccess(result)) removed.push(image)
    else kept.push({ image, error: result.failure })
  }
  return { removed, kept, bytes: removed.reduce((sum, image) => sum + image.size, 0) }
})

/**
 * Runs {@link clean} again and again, the first time after one interval, until it is interrupted. A round that fails is
 * logged and the next one tried.
 *
 * @category changing
 * @since 0.1.0
 */
export const cleanEvery = (
  interval: Duration.Input,
  options: CleanOptions
): Effect.Effect<never, never, Backend> =>
  clean(options).pipe(
    Effect.tap(({ bytes, kept, removed }) =>
      Effect.logInfo(`removed ${removed.length} images (${bytes} bytes), could not remove ${kept.length}`)
    ),
    Effect.catch((error) => Effect.logWarning("cleaning images failed", error)),
    Effect.schedule(Schedule.spaced(interval)),
    Effect.andThen(Effect.never)
  )
