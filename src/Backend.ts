/**
 * The engine: the one service that `Image` and `Container` are written against. An engine is a {@link Primitives} record,
 * plain data in and out, failing with a bare `Reason`; {@link make} adds the rest, the same for every engine: which
 * operation failed, refusal of what the engine cannot do, one transfer for concurrent pulls, removal that outlives its
 * caller.
 *
 * **Example** (An engine of one's own, or a mock: one record)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { Backend, Container, Errors } from "effect-containers"
 *
 * const down = Backend.layer({
 *   name: "down",
 *   create: () => Effect.fail(new Errors.Unavailable({ operation: "create", message: "nobody is there" }))
 * })
 * const program = Container.run(Container.make("alpine")).pipe(
 *   Effect.catchReason("ContainerCreate", "Unavailable", (reason) => Effect.succeed(reason.message)),
 *   Effect.provide(down)
 * )
 * await Effect.runPromise(program) // => "nobody is there"
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as RcMap from "effect/RcMap"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { EngineEvent, EventsOptions, PullOptions, PushOptions } from "./backend/model.ts"
import type { Primitives } from "./backend/primitives.ts"
import { resetByExec } from "./backend/reset.ts"
import * as Capabilities from "./Capabilities.ts"
import * as Errors from "./Errors.ts"
import { conceal, secretsOf } from "./errors/conceal.ts"
import { isReason } from "./errors/isReason.ts"
import type { PullStatus } from "./Progress.ts"

export { type Endpoint, endpoint, type Family, type PortOptions } from "./backend/endpoint.ts"
export type * from "./backend/model.ts"
export type * from "./backend/network.ts"
export type { Primitives } from "./backend/primitives.ts"
export type * from "./backend/volume.ts"

/**
 * What `make` takes: the operations that the engine has; each that is left out fails `Unsupported`, but `reset`, which an exec can do.
 *
 * @category models
 * @since 0.1.0
 */
export interface Implementation extends Partial<Primitives> {
  /** For messages, spans and `Unsupported`. */
  readonly name: string
  /** Default: everything. */
  readonly capabilities?: Capabilities.Capabilities | undefined
  /** The address of its machine, as seen from here: where published ports are reached. Default `"127.0.0.1"`. */
  readonly host?: string | undefined
}

/** A primitive with the tagged error in its bare reason's place. */
type Named<F, Tagged> = F extends Effect.Effect<infer A, Errors.Reason, infer R> ? Effect.Effect<A, Tagged, R>
  : F extends (...args: infer Args) => Effect.Effect<infer A, Errors.Reason, infer R>
    ? (...args: Args) => Effect.Effect<A, Tagged, R>
  : F extends (...args: infer Args) => Stream.Stream<infer A, Errors.Reason, infer R>
    ? (...args: Args) => Stream.Stream<A, Tagged, R>
  : never

/**
 * The engine that a program runs on.
 *
 * Its methods are the {@link Primitives} with the error that names the operation. Programs rather use `Image` and
 * `Container`, which are written on top.
 *
 * @category services
 * @since 0.1.0
 */
export class Backend extends Context.Service<Backend, {
  readonly name: string
  readonly capabilities: Capabilities.Capabilities
  /** The address of the engine's machine, as seen from here: where published ports are reached. */
  readonly host: string
  readonly health: Named<Primitives["health"], Errors.EngineHealth>
  readonly pull: (image: string, options?: PullOptions) => Stream.Stream<PullStatus, Errors.ClientPull>
  readonly push: (image: string, options?: PushOptions) => Stream.Stream<PullStatus, Errors.ImagePush>
  /** Fails with bare reasons: `Image.build` folds the statuses to say which step it was. */
  readonly build: Primitives["build"]
  readonly inspectImage: Named<Primitives["inspectImage"], Errors.ImageInspect>
  readonly listImages: Named<Primitives["listImages"], Errors.ImageList>
  readonly tagImage: Named<Primitives["tagImage"], Errors.ImageTag>
  readonly removeImage: Named<Primitives["removeImage"], Errors.ImageRemove>
  readonly importImages: <E>(
    archive: Stream.Stream<Uint8Array, E>
  ) => Effect.Effect<ReadonlyArray<string>, Errors.ImageImport | E>
  readonly exportImages: Named<Primitives["exportImages"], Errors.ImageExport>
  readonly create: Named<Primitives["create"], Errors.ContainerCreate>
  readonly start: Named<Primitives["start"], Errors.ContainerStart>
  /** Its streams fail with bare reasons. */
  readonly attach: Named<Primitives["attach"], Errors.ContainerAttach>
  readonly wait: Named<Primitives["wait"], Errors.ContainerWait>
  readonly signal: Named<Primitives["signal"], Errors.ContainerSignal>
  readonly pause: Named<Primitives["pause"], Errors.ContainerPause>
  readonly unpause: Named<Primitives["unpause"], Errors.ContainerPause>
  readonly usage: Named<Primitives["usage"], Errors.ContainerStats>
  readonly stop: Named<Primitives["stop"], Errors.ContainerStop>
  readonly remove: Named<Primitives["remove"], Errors.ContainerRemove>
  readonly inspect: Named<Primitives["inspect"], Errors.ContainerInspect>
  readonly list: Named<Primitives["list"], Errors.ContainerList>
  readonly logs: Named<Primitives["logs"], Errors.ContainerLogs>
  readonly resize: Named<Primitives["resize"], Errors.ContainerAttach>
  /** Its streams fail with bare reasons. */
  readonly exec: Named<Primitives["exec"], Errors.ContainerExec>
  readonly reset: Named<Primitives["reset"], Errors.ContainerExec>
  readonly copyIn: <E>(
    id: string,
    path: string,
    archive: Stream.Stream<Uint8Array, E>
  ) => Effect.Effect<void, Errors.ContainerCopy | E>
  readonly copyOut: Named<Primitives["copyOut"], Errors.ContainerCopy>
  readonly createNetwork: Named<Primitives["createNetwork"], Errors.NetworkCreate>
  readonly inspectNetwork: Named<Primitives["inspectNetwork"], Errors.NetworkInspect>
  readonly listNetworks: Named<Primitives["listNetworks"], Errors.NetworkList>
  readonly removeNetwork: Named<Primitives["removeNetwork"], Errors.NetworkRemove>
  readonly createVolume: Named<Primitives["createVolume"], Errors.VolumeCreate>
  readonly inspectVolume: Named<Primitives["inspectVolume"], Errors.VolumeInspect>
  readonly listVolumes: Named<Primitives["listVolumes"], Errors.VolumeList>
  readonly removeVolume: Named<Primitives["removeVolume"], Errors.VolumeRemove>
  readonly events: (options?: EventsOptions) => Stream.Stream<EngineEvent, Errors.EngineEvents>
  /**
   * Does something that must happen even if the caller is gone, in the background. The Layer waits for it, 30 seconds at
   * most, before it closes the engine.
   */
  readonly background: (effect: Effect.Effect<unknown>) => Effect.Effect<void>
  /** As `background`, but closing the Layer does not wait for it: it is interrupted. */
  readonly whileOpen: (effect: Effect.Effect<unknown>) => Effect.Effect<void>
}>()("effect-containers/Backend") {}

/**
 * Makes the service of an engine's primitives. Operations that are left out fail `Unsupported`, naming the engine and
 * the operation. The scope is the Layer's: closing it waits for what goes on in the background.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  engine: Implementation
): Effect.fn.Return<Backend["Service"], never, Scope.Scope> {
  const capabilities = engine.capabilities ?? Capabilities.all
  const unsupported = (operation: string) =>
    new Errors.Unsupported({ operation, message: `${engine.name} does not have the operation ${operation}` })
  const refuse = (operation: string) => (): Effect.Effect<never, Errors.Unsupported> =>
    Effect.fail(unsupported(operation))
  const refuseStream = (operation: string) => (): Stream.Stream<never, Errors.Unsupported> =>
    Stream.fail(unsupported(operation))

  const primitives: Primitives = {
    health: Effect.fail(unsupported("health")),
    pull: refuseStream("pull"),
    push: refuseStream("push"),
    build: refuseStream("build"),
    inspectImage: refuse("inspectImage"),
    listImages: refuse("listImages"),
    tagImage: refuse("tagImage"),
    removeImage: refuse("removeImage"),
    importImages: refuse("importImages"),
    exportImages: refuseStream("exportImages"),
    create: refuse("create"),
    start: refuse("start"),
    attach: refuse("attach"),
    wait: refuse("wait"),
    signal: refuse("signal"),
    pause: refuse("pause"),
    unpause: refuse("unpause"),
    usage: refuse("usage"),
    stop: refuse("stop"),
    remove: refuse("remove"),
    inspect: refuse("inspect"),
    list: refuse("list"),
    logs: refuseStream("logs"),
    resize: refuse("resize"),
    exec: refuse("exec"),
    reset: (id, options) => resetByExec(primitives.exec, id, options),
    copyIn: refuse("copyIn"),
    copyOut: refuseStream("copyOut"),
    createNetwork: refuse("createNetwork"),
    inspectNetwork: refuse("inspectNetwork"),
    listNetworks: refuse("listNetworks"),
    removeNetwork: refuse("removeNetwork"),
    createVolume: refuse("createVolume"),
    inspectVolume: refuse("inspectVolume"),
    listVolumes: refuse("listVolumes"),
    removeVolume: refuse("removeVolume"),
    events: refuseStream("events"),
    ...engine
  }

  // Some engines end it now and then, as if it were complete.
  const unending = new Errors.Unavailable({
    operation: "events",
    message: "the engine ended its events",
    hint: "look at what is there, and begin again"
  })

  const image = <Tagged>(
    Tagged: new(fields: { readonly image: string; readonly reason: Errors.Reason }) => Tagged,
    image: string
  ) =>
  (reason: Errors.Reason) => new Tagged({ image, reason })
  const container = <Tagged>(
    Tagged: new(fields: { readonly id: string; readonly image: string; readonly reason: Errors.Reason }) => Tagged,
    id: string
  ) =>
  (reason: Errors.Reason) => new Tagged({ id, image: images.get(id) ?? "", reason })
  const whole =
    <Tagged>(Tagged: new(fields: { readonly engine: string; readonly reason: Errors.Reason }) => Tagged) =>
    (reason: Errors.Reason) => new Tagged({ engine: engine.name, reason })

  const network = <Tagged>(
    Tagged: new(fields: { readonly network: string; readonly reason: Errors.Reason }) => Tagged,
    network: string
  ) =>
  (reason: Errors.Reason) => new Tagged({ network, reason })
  const volume = <Tagged>(
    Tagged: new(fields: { readonly volume: string; readonly reason: Errors.Reason }) => Tagged,
    volume: string
  ) =>
  (reason: Errors.Reason) => new Tagged({ volume, reason })

  const working = yield* FiberSet.make<unknown>()
  yield* Effect.addFinalizer(() =>
    Effect.timeoutOrElse(FiberSet.awaitEmpty(working), {
      duration: "30 seconds",
      orElse: () =>
        Effect.logWarning(`${engine.name} is closed before all is removed: what is left is for Container.sweep`)
    })
  )

  const lasting = yield* FiberSet.make<unknown>()

  // Everybody who wants the same image at the same time, with the same credentials, follows one transfer. `replay` lets
  // a late comer see where it stands, and its end.
  const transfers = yield* RcMap.make({
    lookup: (key: string) => {
      const [platform, name] = key.split(" ", 2) as [string, string]
      // By what arrives at once: an engine may tell hundreds of thousands of lines.
      return Stream.share(Stream.chunks(primitives.pull(name, platform === "" ? {} : { platform })), {
        capacity: 64,
        strategy: "suspend",
        replay: 64
      }).pipe(Effect.map(Stream.flattenArray))
    }
  })
  // With credentials of its own a pull is not shared: whoever has none must not profit from somebody else's.
  const pull = (name: string, options: PullOptions = {}): Stream.Stream<PullStatus, Errors.ClientPull> =>
    Stream.mapError(
      options.credentials === undefined
        ? Stream.unwrap(RcMap.get(transfers, `${options.platform ?? ""} ${name}`))
        : primitives.pull(name, options),
      image(Errors.ClientPull, name)
    )

  // So that an error about a container names its image too, as far as this Layer made it.
  const images = new Map<string, string>()

  return Backend.of({
    name: engine.name,
    capabilities,
    host: engine.host ?? "127.0.0.1",
    health: Effect.mapError(primitives.health, whole(Errors.EngineHealth)),
    pull,
    push: (name, options = {}) => Stream.mapError(primitives.push(name, options), image(Errors.ImagePush, name)),
    build: (context, options) => {
      const hide = conceal(secretsOf(Object.entries(options.buildArgs)))
      return Stream.mapError(primitives.build(context, options), (error) => isReason(error) ? hide(error) : error)
    },
    inspectImage: (name) => Effect.mapError(primitives.inspectImage(name), image(Errors.ImageInspect, name)),
    listImages: (filter) => Effect.mapError(primitives.listImages(filter), whole(Errors.ImageList)),
    tagImage: (name, reference) => Effect.mapError(primitives.tagImage(name, reference), image(Errors.ImageTag, name)),
    removeImage: (name, options) =>
      Effect.mapError(primitives.removeImage(name, options), image(Errors.ImageRemove, name)),
    importImages: (archive) =>
      Effect.mapError(
        primitives.importImages(archive),
        (error) => isReason(error) ? whole(Errors.ImageImport)(error) : error
      ),
    exportImages: (names) =>
      Stream.mapError(primitives.exportImages(names), image(Errors.ImageExport, names.join(", "))),
    create: (config) => {
      const missing = Capabilities.missing(capabilities, engine.name, config)
      return (missing === undefined ? primitives.create(config) : Effect.fail(missing)).pipe(
        Effect.tap((id) => Effect.sync(() => images.set(id, config.image))),
        Effect.mapError(conceal(secretsOf(config.env))),
        Effect.mapError((reason) => new Errors.ContainerCreate({ id: "", image: config.image, reason }))
      )
    },
    start: (id) => Effect.mapError(primitives.start(id), container(Errors.ContainerStart, id)),
    attach: (id, options) => Effect.mapError(primitives.attach(id, options), container(Errors.ContainerAttach, id)),
    wait: (id) => Effect.mapError(primitives.wait(id), container(Errors.ContainerWait, id)),
    signal: (id, signal) => Effect.mapError(primitives.signal(id, signal), container(Errors.ContainerSignal, id)),
    pause: (id) => Effect.mapError(primitives.pause(id), container(Errors.ContainerPause, id)),
    unpause: (id) => Effect.mapError(primitives.unpause(id), container(Errors.ContainerPause, id)),
    usage: (id) => Effect.mapError(primitives.usage(id), container(Errors.ContainerStats, id)),
    stop: (id, options) => Effect.mapError(primitives.stop(id, options), container(Errors.ContainerStop, id)),
    remove: (id, options) =>
      primitives.remove(id, options).pipe(
        Effect.mapError(container(Errors.ContainerRemove, id)),
        Effect.tap(() => Effect.sync(() => images.delete(id)))
      ),
    inspect: (id) => Effect.mapError(primitives.inspect(id), container(Errors.ContainerInspect, id)),
    list: (filter) => Effect.mapError(primitives.list(filter), whole(Errors.ContainerList)),
    logs: (id, options) => Stream.mapError(primitives.logs(id, options), container(Errors.ContainerLogs, id)),
    resize: (id, size) => Effect.mapError(primitives.resize(id, size), container(Errors.ContainerAttach, id)),
    exec: (id, config) =>
      primitives.exec(id, config).pipe(
        Effect.mapError(conceal(secretsOf(config.env))),
        Effect.mapError(container(Errors.ContainerExec, id))
      ),
    reset: (id, options) => Effect.mapError(primitives.reset(id, options), container(Errors.ContainerExec, id)),
    copyIn: (id, path, archive) =>
      Effect.mapError(
        primitives.copyIn(id, path, archive),
        (error) => isReason(error) ? container(Errors.ContainerCopy, id)(error) : error
      ),
    copyOut: (id, path) => Stream.mapError(primitives.copyOut(id, path), container(Errors.ContainerCopy, id)),
    createNetwork: (config) =>
      Effect.mapError(primitives.createNetwork(config), network(Errors.NetworkCreate, config.name)),
    inspectNetwork: (name) => Effect.mapError(primitives.inspectNetwork(name), network(Errors.NetworkInspect, name)),
    listNetworks: (filter) => Effect.mapError(primitives.listNetworks(filter), whole(Errors.NetworkList)),
    removeNetwork: (name) => Effect.mapError(primitives.removeNetwork(name), network(Errors.NetworkRemove, name)),
    createVolume: (config) =>
      Effect.mapError(primitives.createVolume(config), volume(Errors.VolumeCreate, config.name)),
    inspectVolume: (name) => Effect.mapError(primitives.inspectVolume(name), volume(Errors.VolumeInspect, name)),
    listVolumes: (filter) => Effect.mapError(primitives.listVolumes(filter), whole(Errors.VolumeList)),
    removeVolume: (name) => Effect.mapError(primitives.removeVolume(name), volume(Errors.VolumeRemove, name)),
    events: (options = {}) =>
      Stream.mapError(
        options.since !== undefined && !capabilities.eventHistory
          ? Stream.fail(
            new Errors.Unsupported({
              operation: "events",
              message: `${engine.name} keeps no events: it cannot tell what happened before`,
              hint: "leave since out"
            })
          )
          : Stream.concat(primitives.events(options), Stream.fail(unending)),
        whole(Errors.EngineEvents)
      ),
    background: (effect) => Effect.asVoid(FiberSet.run(working, effect)),
    whileOpen: (effect) => Effect.asVoid(FiberSet.run(lasting, effect))
  })
})

/**
 * The Layer of an engine given as a record: see {@link make}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (engine: Implementation): Layer.Layer<Backend> => Layer.effect(Backend, make(engine))
