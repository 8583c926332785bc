/**
 * The in-memory engine as a test sees it from the inside.
 */
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  type Backend,
  type ContainerInfo,
  type ImageInfo,
  make as makeBackend,
  type Primitives
} from "../../Backend.ts"
import * as Capabilities from "../../Capabilities.ts"
import * as Errors from "../../Errors.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import * as Logs from "../../Logs.ts"
import type * as Output from "../../Output.ts"
import { version } from "../../Owner.ts"
import { copyIn, copyOut } from "./archive.ts"
import { build } from "./build.ts"
import * as Containers from "./containers.ts"
import { exec } from "./exec.ts"
import { type Call, delay, type Fault } from "./fault.ts"
import { enginePlatform, type MemoryImage } from "./image.ts"
import * as Networks from "./networks.ts"
import type { Files } from "./recipe.ts"
import { pull, push } from "./registry.ts"
import { reset } from "./reset.ts"
import * as Restart from "./restart.ts"
import { infoOf as imageInfoOf } from "./store.ts"
import { exportImages, importImages } from "./transport.ts"
import { filesOf } from "./view.ts"
import * as Volumes from "./volumes.ts"
import { infoOf, type Options, World } from "./world.ts"

/**
 * What a test sees of the engine, and what it can do to it while the program runs. Nothing of it is noted as a call or hit
 * by a fault.
 *
 * **Example** (Nothing is left behind)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { Container } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const program = Effect.gen(function*() {
 *   const engine = yield* Memory.Engine
 *   const code = yield* Container.exitCode(Container.make("job"))
 *   return [code, (yield* engine.containers).length, (yield* engine.calls).map((call) => call.operation)]
 * }).pipe(Effect.provide(Memory.layer({ images: [Memory.image("job", () => 3)] })))
 * await Effect.runPromise(program) // => [3, 0, ["create", "attach", "start", "wait", "remove"]]
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class Engine extends Context.Service<Engine, {
  /** All containers, running or not. */
  readonly containers: Effect.Effect<ReadonlyArray<ContainerInfo>>
  /** All images that the engine holds. */
  readonly images: Effect.Effect<ReadonlyArray<ImageInfo>>
  /** What the engine was asked, the oldest first; the last 10,000 at least. */
  readonly calls: Effect.Effect<ReadonlyArray<Call>>
  /** What a container, by id or name, has written so far. Fails with `NotFound`. */
  readonly output: (container: string) => Effect.Effect<Output.Output, Errors.NotFound>
  /** The files of a container, by id or name. Fails with `NotFound`. */
  readonly files: (container: string) => Effect.Effect<Files, Errors.NotFound>
  /** Lets something go wrong from now on. Gives an Effect that takes it back. */
  readonly fault: (fault: Fault) => Effect.Effect<Effect.Effect<void>>
  /** Takes all faults back. */
  readonly clearFaults: Effect.Effect<void>
  /**
   * The engine is gone: what runs is lost (`Unknown`), who waits or reads fails with `Unavailable`, and so does every call
   * from now on.
   */
  readonly die: Effect.Effect<void>
  /** The engine is back, with its images and with containers that do not run. */
  readonly revive: Effect.Effect<void>
  /** Puts an image into the engine, under its name. */
  readonly addImage: (image: MemoryImage) => Effect.Effect<void>
  /** Puts an image into the registry, where it is the newest of its name. */
  readonly publish: (image: MemoryImage) => Effect.Effect<void>
}>()("effect-containers/layers/Memory/Engine") {}

/** Output is kept in one way, and there is no machine underneath. */
const capabilities: Capabilities.Capabilities = {
  ...Capabilities.all,
  logDriver: false,
  gpus: false,
  apparmor: false,
  selinux: false,
  runtime: false
}

/** A process here is an Effect, which nobody can hold still and which uses nothing that could be counted. */
type Absent = "pause" | "unpause" | "usage"

const primitivesOf = (world: World): Omit<Primitives, Absent> => {
  const { faults, store } = world
  const [os = "linux", architecture = "amd64"] = enginePlatform.split("/")
  const health = { name: "memory", version, os, architecture, address: "memory:" }
  const describe = (filter: { readonly terms: ReadonlyArray<{ readonly key: string; readonly value: string }> }) =>
    filter.terms.map(({ key, value }) => `${key}=${value}`).join(",")
  return {
    health: faults.effect("health", "", () => Effect.succeed(health)),
    pull: (name, options) =>
      faults.untilGone(faults.stream("pull", name, (verdict) => pull(world, name, options, verdict))),
    push: (name) => faults.untilGone(faults.stream("push", name, () => push(world, name))),
    build: (context, options) =>
      faults.untilGone(faults.stream("build", options.tag, () => build(world, context, options))),
    inspectImage: (name) =>
      faults.effect(
        "inspectImage",
        name,
        () => Effect.map(Effect.fromResult(store.get("inspectImage", name)), imageInfoOf)
      ),
    listImages: (filter) => faults.effect("listImages", describe(filter), () => store.list(filter)),
    tagImage: (name, reference) =>
      faults.effect("tagImage", name, () =>
        Effect.gen(function*() {
          const { image } = yield* Effect.fromResult(store.tag(name, reference))
          world.events.publish("image", "tag", image.id, { ...image.config.labels, name: reference }, yield* millis)
        })),
    removeImage: (name, { force }) =>
      faults.effect("removeImage", name, () =>
        Effect.gen(function*() {
          const removed = yield* Effect.fromResult(store.remove(name, force, (id) => world.users(id)))
          const now = yield* millis
          for (const each of removed.untagged) world.events.publish("image", "untag", each, { name: each }, now)
          for (const each of removed.deleted) world.events.publish("image", "delete", each, { name: each }, now)
          return removed
        })),
    importImages: (archive) => faults.effect("importImages", "", () => importImages(world, archive)),
    exportImages: (names) =>
      faults.untilGone(faults.stream("exportImages", names.join(","), () => exportImages(world, names))),
    create: (config) => faults.effect("create", config.image, () => Containers.create(world, config)),
    start: (id) => faults.effect("start", id, () => Restart.start(world, id)),
    attach: (id, options) => faults.effect("attach", id, (verdict) => Containers.attach(world, id, options, verdict)),
    wait: (id) => faults.effect("wait", id, () => Containers.wait(world, id)),
    signal: (id, signal) => faults.effect("signal", id, () => Containers.signal(world, id, signal)),
    stop: (id, { grace }) => faults.effect("stop", id, () => Containers.stop(world, id, grace)),
    remove: (id, { force }) => faults.effect("remove", id, () => Containers.remove(world, id, force)),
    inspect: (id) => faults.effect("inspect", id, () => Effect.map(Containers.get(world, "inspect", id), infoOf)),
    list: (filter) => faults.effect("list", describe(filter), () => Containers.list(world, filter)),
    logs: (id, options) =>
      faults.stream("logs", id, (verdict) => Stream.unwrap(Containers.logs(world, id, options, verdict))),
    resize: (id, size) => faults.effect("resize", id, () => Containers.resize(world, id, size)),
    exec: (id, config) => faults.effect("exec", id, (verdict) => exec(world, id, config, verdict)),
    reset: (id, { scratch }) => faults.effect("reset", id, () => reset(world, id, scratch)),
    copyIn: (id, path, archive) =>
      faults.effect(
        "copyIn",
        id,
        () => Effect.flatMap(Containers.get(world, "copyIn", id), ({ files }) => copyIn(files, path, archive))
      ),
    copyOut: (id, path) =>
      faults.untilGone(
        faults.stream("copyOut", id, () =>
          Stream.unwrap(Effect.map(Containers.get(world, "copyOut", id), ({ files }) =>
            copyOut(files, path))))
      ),
    createNetwork: (config) => faults.effect("createNetwork", config.name, () => Networks.create(world, config)),
    inspectNetwork: (name) => faults.effect("inspectNetwork", name, () => Networks.inspect(world, name)),
    listNetworks: (filter) => faults.effect("listNetworks", describe(filter), () => Networks.list(world, filter)),
    removeNetwork: (name) => faults.effect("removeNetwork", name, () => Networks.remove(world, name)),
    createVolume: (config) => faults.effect("createVolume", config.name, () => Volumes.create(world, config)),
    inspectVolume: (name) => faults.effect("inspectVolume", name, () => Volumes.inspect(world, name)),
    listVolumes: (filter) => faults.effect("listVolumes", describe(filter), () => Volumes.list(world, filter)),
    removeVolume: (name) => faults.effect("removeVolume", name, () => Volumes.remove(world, name)),
    events: (options) => faults.untilGone(faults.stream("events", "", () => world.events.stream(options)))
  }
}

const millis = Effect.map(DateTime.now, DateTime.toEpochMillis)

const engineOf = (world: World): Engine["Service"] => {
  const { faults } = world
  const held = (container: string) =>
    Effect.suspend(() => {
      const found = world.find(container)
      return found === undefined
        ? Effect.fail(new Errors.NotFound({ operation: "inspect", message: `there is no container ${container}` }))
        : Effect.succeed(found)
    })
  return Engine.of({
    containers: Effect.sync(() => [...world.containers.values()].map(infoOf)),
    images: Effect.sync(() => world.store.all.map(imageInfoOf)),
    calls: Effect.sync(() => faults.calls),
    output: (container) =>
      Effect.map(held(container), ({ journal }) => {
        const collector = new Logs.Collector()
        collector.pushAll(journal.frames())
        return collector.output()
      }),
    files: (container) => Effect.map(held(container), ({ files }) => filesOf(files)),
    fault: (fault) =>
      Effect.sync(() => {
        const remove = faults.add(fault)
        return Effect.sync(remove)
      }),
    clearFaults: Effect.sync(() => faults.clear()),
    die: Effect.sync(() => faults.die()),
    revive: Effect.sync(() => faults.revive()),
    addImage: (image) =>
      Effect.map(DateTime.now, (now) => {
        world.store.add(image, image.name, now, "here")
      }),
    publish: (image) =>
      Effect.sync(() => {
        world.registry.push(image)
      })
  })
}

/**
 * An in-memory engine: the `Backend` for the program, and the {@link Engine} for its test. The scope ends what runs in it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: Options = {}
): Effect.fn.Return<{ readonly backend: Backend["Service"]; readonly engine: Engine["Service"] }, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const latency = options.latency === undefined || Duration.isZero(Duration.fromInputUnsafe(options.latency))
    ? []
    : [delay("*", options.latency)]
  const world = new World(options, scope, yield* DateTime.now, [...latency, ...options.faults ?? []])
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const { process } of world.containers.values()) process?.kill(new ExitStatus.Killed({ signal: "SIGKILL" }))
    })
  )
  const backend = yield* makeBackend({ name: "memory", capabilities, ...primitivesOf(world) })
  return { backend, engine: engineOf(world) }
})
