/**
 * containerd, spoken to directly: no Docker, and no command-line tool in between.
 *
 * Its socket is found as its own clients find it: what is given here, else `CONTAINERD_ADDRESS`, else the well-known
 * places of one that belongs to root and of a rootless one. With `autoStart` a private one is started where none answers:
 * then no engine has to run on the machine, only its programs have to be there.
 *
 * **Example** (The engine that is on this machine)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Container } from "effect-containers"
 * import * as Containerd from "effect-containers/layers/Containerd"
 *
 * const program = Container.string(Container.make("alpine").pipe(Container.command(["echo", "hello"])))
 * await Effect.runPromise(Effect.provide(program, Containerd.layer())) // "hello\n"
 * ```
 *
 * What a container writes is kept in files, to which its shim appends, and so survives everything. In which order standard
 * output and standard error came, and when, is noted by the program that started it. One that is to outlive its program
 * (`Container.start` with `detach`) has a logger of its own for that: a further Node of about 50 MB (10 MB of them its
 * own), which the shim starts and which ends with the container. Should somebody kill it, the container's next write fails
 * (SIGPIPE); what a full disk does not take is lost, and `Container.logs` warns of how much.
 *
 * There is no logger where the engine does not see our Node and our files (one in a container or on another machine, one
 * inside a rootless mount namespace), where the program is not run by a `node`, and for standard input that is kept open
 * without a terminal. Then order and times of what is written after the program's end are missing: it comes last, standard
 * output first. What is written to both at once has no order anywhere.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Backend from "../Backend.ts"
import * as Errors from "../Errors.ts"
import { reason } from "../errors/make.ts"
import type { ContainerdConfig } from "./containerd/config.ts"
import * as Connect from "./containerd/connect.ts"
import * as Daemon from "./containerd/daemon/daemon.ts"
import { forget } from "./containerd/daemon/forget.ts"
import { namespace } from "./containerd/daemon/place.ts"
import * as Discover from "./containerd/discover.ts"
import * as Environment from "./containerd/environment.ts"
import * as Rooms from "./containerd/rooms.ts"

export { AutoStart, Cni, ContainerdConfig } from "./containerd/config.ts"

const engine = "containerd"

type Refused = Errors.BackendNotAvailable["candidates"][number]

/** An engine that answered, and what is said about it. */
interface Found {
  readonly connection: Connect.Connection
  readonly config: ContainerdConfig
}

/** The engine that a socket leads to. */
const there = (
  path: string,
  config: ContainerdConfig,
  environment: Environment.Environment
): Effect.Effect<Found, Errors.Reason, Scope.Scope> =>
  Effect.map(Connect.connect(path, config, environment), (connection) => ({ connection, config }))

/** The private engine. */
const own = Effect.fnUntraced(function*(
  settings: Daemon.Settings,
  config: ContainerdConfig,
  environment: Environment.Environment
): Effect.fn.Return<Found, Errors.Reason, Scope.Scope> {
  const { place, socket, started } = yield* Daemon.start(settings, environment)
  const found = yield* there(socket, {
    ...config,
    folder: place.folder,
    namespace: namespace(Connect.namespace(config, environment), place.id),
    rootless: settings.programs.isRoot ? "disabled" : "enabled"
  }, environment)
  yield* forget(found.connection.channel, started)
  return found
})

const connect = Effect.fnUntraced(function*(
  config: ContainerdConfig,
  environment: Environment.Environment
): Effect.fn.Return<Found, Errors.BackendNotAvailable, Scope.Scope> {
  const scope = yield* Effect.scope
  const refused: Array<Refused> = []
  const settings = Daemon.settings(config, environment)
  const isAlways = settings.when === "always" && config.address === undefined
  const candidates = isAlways ? [] : yield* Discover.candidates(config, environment)
  const isChosen = candidates.some(({ isChosen }) => isChosen)
  const attempts = [
    ...candidates.map(({ issue, path, source }) => ({
      address: `unix://${path} (${source})`,
      engine: issue === undefined ? there(path, config, environment) : Effect.fail(issue)
    })),
    ...isChosen || settings.when === "never" ? [] : [{
      address: addressOf(settings),
      engine: own(settings, config, environment)
    }]
  ]
  for (const attempt of attempts) {
    const own = yield* Scope.fork(scope)
    const result = yield* Effect.result(Scope.provide(attempt.engine, own))
    if (Result.isSuccess(result)) return result.success
    yield* Scope.close(own, Exit.void)
    refused.push({ engine, address: attempt.address, reason: result.failure })
  }
  return yield* new Errors.BackendNotAvailable({ candidates: refused })
})

const readEnvironment = Effect.mapError(Environment.read, (error) =>
  new Errors.BackendNotAvailable({
    candidates: [{
      engine,
      address: "the environment",
      reason: reason("InvalidArgument", { operation: "connect", message: error.message })
    }]
  }))

const addressOf = ({ folder }: Daemon.Settings): string => `a private one, in ${folder}`

/**
 * Finds the engine, asks whether it is there and what it can do, and gives the service. Closing the scope closes every
 * connection.
 *
 * Fails with `BackendNotAvailable`, which names each address that was tried and why it would not do.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  config: ContainerdConfig = {}
): Effect.fn.Return<Backend.Backend["Service"], Errors.BackendNotAvailable, Scope.Scope> {
  const environment = yield* readEnvironment
  const found = yield* connect(config, environment)
  yield* Effect.logDebug(`using ${found.connection.channel.address}, containerd ${found.connection.version}`)
  return yield* Backend.make(yield* Rooms.make(found.connection, found.config, environment))
})

/**
 * Where a private engine would be, if one can be started here; starts nothing. Fails with `BackendNotAvailable`, which
 * names the programs that are missing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const startable = Effect.fnUntraced(function*(
  config: ContainerdConfig = {}
): Effect.fn.Return<string, Errors.BackendNotAvailable> {
  const settings = Daemon.settings(config, yield* readEnvironment)
  const address = addressOf(settings)
  return yield* Effect.mapBoth(Daemon.check(settings), {
    onSuccess: () => address,
    onFailure: (reason) => new Errors.BackendNotAvailable({ candidates: [{ engine, address, reason }] })
  })
})

/**
 * containerd. See {@link ContainerdConfig} for what can be said, and {@link make} for the errors.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (config: ContainerdConfig = {}): Layer.Layer<Backend.Backend, Errors.BackendNotAvailable> =>
  Layer.effect(Backend.Backend, make(config))

/**
 * As {@link layer}, with what the program's `ConfigProvider` says. Fails with `ConfigError` too.
 *
 * **Example** (An address of one's own)
 *
 * ```ts
 * import { Config } from "effect"
 * import * as Containerd from "effect-containers/layers/Containerd"
 *
 * const engine = Containerd.layerConfig({ address: Config.String("BUILD_ENGINE") })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  config: Config.Wrap<ContainerdConfig>
): Layer.Layer<Backend.Backend, Errors.BackendNotAvailable | Config.ConfigError> =>
  Layer.effect(Backend.Backend, Effect.flatMap(Config.unwrap(config), make))
