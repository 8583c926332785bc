/**
 * Docker, and Podman through the API that it shares with Docker.
 *
 * The engine is found as its own client finds it: what is given here, else `DOCKER_HOST`, `DOCKER_CONTEXT`, the current
 * context, else the well-known sockets of Docker, Docker Desktop, Colima and Podman.
 *
 * **Example** (The engine that is on this machine)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Container } from "effect-containers"
 * import * as Docker from "effect-containers/layers/Docker"
 *
 * const program = Container.string(Container.make("alpine").pipe(Container.command(["echo", "hello"])))
 * await Effect.runPromise(Effect.provide(program, Docker.layer())) // "hello\n"
 * ```
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Backend from "../Backend.ts"
import * as Capabilities from "../Capabilities.ts"
import type * as Errors from "../Errors.ts"
import type { DockerConfig } from "./docker/config.ts"
import * as Containers from "./docker/containers.ts"
import * as Engine from "./docker/engine.ts"
import * as PodmanHost from "./docker/podmanHost.ts"
import * as Volumes from "./docker/volumes.ts"
import * as Build from "./dockerApi/build.ts"
import { contact } from "./dockerApi/contact.ts"
import * as Images from "./dockerApi/images.ts"
import * as Networks from "./dockerApi/networks.ts"
import type { Client } from "./dockerApi/request.ts"
import * as Transfer from "./dockerApi/transfer.ts"

export { DockerConfig } from "./docker/config.ts"

const engine = "docker"

const capabilitiesOf = (client: Client, podman?: Partial<Capabilities.Capabilities>): Capabilities.Capabilities => ({
  ...Capabilities.all,
  ...podman,
  // Behind a network address there is another machine's file system.
  localPaths: client.connection.endpoint._tag === "Unix"
})

/**
 * Finds the engine, asks it whether it is there, agrees on the API's version and gives the service. Closing the scope
 * closes every connection.
 *
 * Fails with `BackendNotAvailable`, which names each address that was tried, how it was found, and why it would not do.
 * An address that was chosen (here, by a variable or by a context) is never replaced by another.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  config: DockerConfig = {}
): Effect.fn.Return<Backend.Backend["Service"], Errors.BackendNotAvailable, Scope.Scope> {
  const { client, environment } = yield* contact(engine, config)
  const { endpoint } = client.connection
  const podman = client.isPodman ? yield* PodmanHost.look(client) : undefined
  const { pause, unpause, usage, ...containers } = Containers.make(client, config.network)
  return yield* Backend.make({
    name: client.isPodman ? "podman" : engine,
    capabilities: capabilitiesOf(client, podman?.capabilities),
    host: config.publishedHost ?? (endpoint._tag === "Tcp" ? endpoint.host : undefined),
    ...Engine.make(client),
    ...Transfer.make(client, environment),
    ...Build.make(client, environment),
    ...Images.make(client),
    ...containers,
    ...podman?.hasCgroups === false ? {} : { pause, unpause, usage },
    ...Networks.make(client),
    ...Volumes.make(client)
  })
})

/**
 * Docker, or Podman. See {@link DockerConfig} for what can be said, and {@link make} for the errors.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (config: DockerConfig = {}): Layer.Layer<Backend.Backend, Errors.BackendNotAvailable> =>
  Layer.effect(Backend.Backend, make(config))

/**
 * As {@link layer}, with what the program's `ConfigProvider` says. Fails with `ConfigError` too.
 *
 * **Example** (An address of one's own)
 *
 * ```ts
 * import { Config } from "effect"
 * import * as Docker from "effect-containers/layers/Docker"
 *
 * const engine = Docker.layerConfig({ host: Config.String("BUILD_ENGINE") })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  config: Config.Wrap<DockerConfig>
): Layer.Layer<Backend.Backend, Errors.BackendNotAvailable | Config.ConfigError> =>
  Layer.effect(Backend.Backend, Effect.flatMap(Config.unwrap(config), make))
