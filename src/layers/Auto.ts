/**
 * Whichever engine is there. Engines are tried in order, each asked whether it answers; only the one that is used is
 * loaded.
 *
 * **Example** (Said by the environment)
 *
 * ```ts import.meta.vitest
 * import { ConfigProvider, Effect, Layer } from "effect"
 * import { Backend } from "effect-containers"
 * import * as Auto from "effect-containers/layers/Auto"
 *
 * const environment = ConfigProvider.layer(ConfigProvider.fromUnknown({ CONTAINER_BACKEND: "memory" }))
 * const engine = Layer.provide(Auto.layerConfig(), environment)
 * await Effect.runPromise(Effect.provide(Backend.Backend.use(({ name }) => Effect.succeed(name)), engine)) // => "memory"
 * ```
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { Backend } from "../Backend.ts"
import * as Errors from "../Errors.ts"
import { ContainerdConfig } from "./containerd/config.ts"
import { DockerConfig } from "./docker/config.ts"
import { SwarmConfig } from "./swarm/config.ts"

type Service = Backend["Service"]

// ---------------------------------------------------------------------------------------------------------------------
// the engines
// ---------------------------------------------------------------------------------------------------------------------

/**
 * Which engine, and how to reach it: what can stand in a file.
 *
 * **Example** (Out of JSON)
 *
 * ```ts import.meta.vitest
 * import { Schema } from "effect"
 * import * as Auto from "effect-containers/layers/Auto"
 *
 * const decode = Schema.decodeUnknownSync(Auto.BackendConfig)
 * decode({ _tag: "Docker", host: "tcp://127.0.0.1:2375" })._tag // => "Docker"
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export const BackendConfig = Schema.Union([
  Schema.TaggedStruct("Docker", DockerConfig.fields),
  Schema.TaggedStruct("Swarm", SwarmConfig.fields),
  Schema.TaggedStruct("Containerd", ContainerdConfig.fields),
  Schema.TaggedStruct("Memory", {
    /** How long each operation takes, such as `"10 millis"`. Default: no time. */
    latency: Schema.optionalKey(Schema.DurationFromString)
  })
])

/**
 * @category models
 * @since 0.1.0
 */
export type BackendConfig = typeof BackendConfig.Type

/** An engine's module, loaded when it is used. */
const load = <A>(engine: string, module: () => Promise<A>): Effect.Effect<A, Errors.BackendNotAvailable> =>
  Effect.tryPromise({
    try: module,
    catch: (cause) =>
      new Errors.BackendNotAvailable({
        candidates: [{
          engine,
          address: "this build",
          reason: new Errors.Unsupported({
            operation: "load",
            message: `the engine's module cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`,
            cause
          })
        }]
      })
  })

const docker = (config: DockerConfig): Effect.Effect<Service, Errors.BackendNotAvailable, Scope.Scope> =>
  Effect.flatMap(load("docker", () => import("./Docker.ts")), (module) => module.make(config))

const swarm = (config: SwarmConfig): Effect.Effect<Service, Errors.BackendNotAvailable, Scope.Scope> =>
  Effect.flatMap(load("swarm", () => import("./Swarm.ts")), (module) => module.make(config))

const containerd = (config: ContainerdConfig): Effect.Effect<Service, Errors.BackendNotAvailable, Scope.Scope> =>
  Effect.flatMap(load("containerd", () => import("./Containerd.ts")), (module) => module.make(config))

const make = (config: BackendConfig): Effect.Effect<Service, Errors.BackendNotAvailable, Scope.Scope> => {
  switch (config._tag) {
    case "Docker":
      return docker(config)
    case "Swarm":
      return swarm(config)
    case "Containerd":
      return containerd(config)
    case "Memory":
      return Effect.flatMap(
        load("memory", () => import("./Memory.ts")),
        (module) => Effect.map(module.make({ latency: config.latency }), ({ backend }) => backend)
      )
  }
}

/**
 * @category models
 * @since 0.1.0
 */
export interface AutoOptions {
  /** How to reach Docker or Podman. Default: as their own client does. */
  readonly docker?: DockerConfig | undefined
  /** How to reach containerd. Default: as its own client does, and where none answers a private one is started. */
  readonly containerd?: ContainerdConfig | undefined
}

const withStart = (config: ContainerdConfig = {}): ContainerdConfig => ({ autoStart: true, ...config })

/** What is tried, in this order. A further engine is a further entry. */
const engines: ReadonlyArray<
  (options: AutoOptions) => Effect.Effect<Service, Errors.BackendNotAvailable, Scope.Scope>
> = [
  ({ docker: config = {} }) => docker(config),
  ({ containerd: config }) => containerd(withStart(config))
]

// ---------------------------------------------------------------------------------------------------------------------
// layers
// ---------------------------------------------------------------------------------------------------------------------

const first = Effect.fnUntraced(function*(
  options: AutoOptions
): Effect.fn.Return<Service, Errors.BackendNotAvailable, Scope.Scope> {
  const candidates: Array<Errors.BackendNotAvailable["candidates"][number]> = []
  for (const engine of engines) {
    const found = yield* Effect.result(engine(options))
    if (Result.isSuccess(found)) return found.success
    candidates.push(...found.failure.candidates)
  }
  return yield* new Errors.BackendNotAvailable({ candidates })
})

/**
 * The first engine that answers: Docker, or Podman through Docker's API, then containerd. Where there is none, a private
 * containerd is started, if its programs are there, and goes with the Layer. Never a Swarm or the one in memory, which must
 * be asked for.
 *
 * Fails with `BackendNotAvailable`, which names every candidate and why it would not do.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: AutoOptions = {}): Layer.Layer<Backend, Errors.BackendNotAvailable> =>
  Layer.effect(Backend, first(options))

/**
 * The engine that a configuration names, and no other.
 *
 * **Example** (In memory)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { Image } from "effect-containers"
 * import * as Auto from "effect-containers/layers/Auto"
 *
 * const program = Effect.provide(Image.exists("gcc:14"), Auto.fromConfig({ _tag: "Memory" }))
 * await Effect.runPromise(program) // => false
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const fromConfig = (config: BackendConfig): Layer.Layer<Backend, Errors.BackendNotAvailable> =>
  Layer.effect(Backend, make(config))

/**
 * The names by which a configuration can choose: `"auto"` is {@link layer}.
 *
 * @category models
 * @since 0.1.0
 */
export type Choice = "auto" | "containerd" | "docker" | "memory" | "swarm"

const choice: Config.Config<Choice> = Config.withDefault(
  Config.schema(Schema.Literals(["auto", "containerd", "docker", "memory", "swarm"]), "CONTAINER_BACKEND"),
  "auto"
)

/**
 * The engine that the program's `ConfigProvider` names. Default: `CONTAINER_BACKEND`, which is `auto`, `docker`,
 * `containerd` (one that runs, else a private one), `swarm` or `memory`, and `auto` when it is not there. Fails with `ConfigError`
 * for any other word.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  config: Config.Config<Choice> = choice
): Layer.Layer<Backend, Errors.BackendNotAvailable | Config.ConfigError> =>
  Layer.effect(
    Backend,
    Effect.flatMap(config, (choice) => {
      switch (choice) {
        case "auto":
          return first({})
        case "containerd":
          return containerd(withStart())
        case "docker":
          return make({ _tag: "Docker" })
        case "swarm":
          return make({ _tag: "Swarm" })
        case "memory":
          return make({ _tag: "Memory" })
      }
    })
  )

// ---------------------------------------------------------------------------------------------------------------------
// looking
// ---------------------------------------------------------------------------------------------------------------------

/**
 * An engine that this build knows, and whether it answers.
 *
 * @category models
 * @since 0.1.0
 */
export interface Available {
  /** `"docker"`, `"podman"`, `"containerd"`, `"memory"`. */
  readonly engine: string
  readonly address?: string | undefined
  /** It can be used. */
  readonly available: boolean
  /** It does not run: using it would start it. */
  readonly starts?: boolean | undefined
  /** Why it is not. */
  readonly reason?: Errors.Reason | undefined
}

const check = (
  engine: Effect.Effect<Service, Errors.BackendNotAvailable, Scope.Scope>
): Effect.Effect<ReadonlyArray<Available>> =>
  Effect.scoped(Effect.flatMap(engine, (backend) =>
    Effect.match(backend.health, {
      onSuccess: ({ address, name }): ReadonlyArray<Available> => [{ engine: name, address, available: true }],
      onFailure: ({ reason }) => [{ engine: backend.name, available: false, reason }]
    }))).pipe(
      Effect.catch(({ candidates }) =>
        Effect.succeed(
          candidates.map(({ address, engine, reason }): Available => ({ engine, address, available: false, reason }))
        )
      )
    )

/** The private containerd, which nobody has to run. */
const startable: Effect.Effect<ReadonlyArray<Available>> = load("containerd", () => import("./Containerd.ts")).pipe(
  Effect.flatMap((module) => module.startable()),
  Effect.match({
    onSuccess: (
      address
    ): ReadonlyArray<Available> => [{ engine: "containerd", address, available: true, starts: true }],
    onFailure: ({ candidates }) =>
      candidates.map(({ address, engine, reason }) => ({ engine, address, available: false, reason }))
  })
)

/**
 * The engines that this build knows, and whether each answers now. One that does not is there once for each address that
 * was tried, with the reason. Starts nothing: of a private containerd it says whether it could be started. Never fails.
 *
 * @category looking
 * @since 0.1.0
 */
export const available: Effect.Effect<ReadonlyArray<Available>> = Effect.map(
  Effect.all(
    [
      ...engines.map((engine) => check(engine({ containerd: { autoStart: false } }))),
      startable,
      check(make({ _tag: "Memory" }))
    ],
    { concurrency: "unbounded" }
  ),
  (found) => found.flat()
)
