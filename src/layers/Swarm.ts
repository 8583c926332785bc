/**
 * A Swarm: many machines as one engine, through one of its managers. Each container is a job that runs once, placed by the
 * Swarm on whichever node has room; what it writes and how it ended comes from there.
 *
 * The manager is found as its own client finds it: what is given here, else `DOCKER_HOST`, `DOCKER_CONTEXT`, the current
 * context, else the well-known sockets.
 *
 * **Example** (A thousand jobs, 32 at a time)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Container } from "effect-containers"
 * import * as Swarm from "effect-containers/layers/Swarm"
 *
 * const frame = (number: number) => Container.run(Container.make("render:2").pipe(Container.command([`${number}`])))
 * const frames = Array.from({ length: 1000 }, (_, number) => number)
 * const program = Effect.forEach(frames, frame, { concurrency: 32 })
 * await Effect.runPromise(Effect.provide(program, Swarm.layer({ registry: "registry.local:5000" })))
 * ```
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { randomBytes } from "node:crypto"
import * as Backend from "../Backend.ts"
import * as Capabilities from "../Capabilities.ts"
import * as Errors from "../Errors.ts"
import { reason } from "../errors/make.ts"
import * as Build from "./dockerApi/build.ts"
import * as Connection from "./dockerApi/connection.ts"
import { contact } from "./dockerApi/contact.ts"
import type { Client } from "./dockerApi/request.ts"
import * as Transfer from "./dockerApi/transfer.ts"
import type { SwarmConfig } from "./swarm/config.ts"
import * as Containers from "./swarm/containers.ts"
import * as Events from "./swarm/events.ts"
import * as Files from "./swarm/files.ts"
import * as Health from "./swarm/health.ts"
import * as Images from "./swarm/images.ts"
import * as Inside from "./swarm/inside.ts"
import { ask, type Swarm } from "./swarm/known.ts"
import * as Networks from "./swarm/networks.ts"
import * as Reach from "./swarm/reach.ts"
import { isSince } from "./swarm/refuse.ts"
import * as Schemas from "./swarm/schemas.ts"
import * as Watch from "./swarm/watch.ts"

export { SwarmConfig } from "./swarm/config.ts"
export { place, Placement, type PlacementOptions, type SecretFile } from "./swarm/options.ts"

const engine = "swarm"

const capabilitiesOf = (
  { sharedPaths = [] }: SwarmConfig,
  apiVersion: string | undefined
): Capabilities.Capabilities => ({
  ...Capabilities.all,
  // Paths are those of whichever node it is.
  localPaths: false,
  bindMounts: sharedPaths.length > 0,
  // Each node has volumes of its own.
  namedVolumes: false,
  noNetwork: false,
  portAddresses: false,
  swapLimit: false,
  cpuShares: false,
  noNewPrivileges: isSince(apiVersion, 44),
  stdin: false,
  // What a health check says stays on the node, and a job is not started again.
  healthcheck: false,
  restart: false,
  privileged: false,
  devices: false,
  // Its reservations say where there is room, not what a container is left.
  memoryReservation: false,
  gpus: false,
  runtime: false,
  apparmor: false,
  selinux: false,
  seccomp: isSince(apiVersion, 44),
  oomScoreAdj: isSince(apiVersion, 46),
  hostAccess: false,
  eventHistory: false
})

/** Its id as a node; a manager it must be, so that it can be asked about more than itself. */
const checkManager = (client: Client): Effect.Effect<string | undefined, Errors.BackendNotAvailable> => {
  const refused = (reason: Errors.Reason) =>
    new Errors.BackendNotAvailable({
      candidates: [{ engine, address: Connection.address(client.connection.endpoint), reason }]
    })
  const operation = "connect"
  return ask({ client }, { operation, method: "GET", path: "/info" }, Schemas.info).pipe(
    Effect.filterOrFail(
      ({ swarm }) => swarm?.isManager === true,
      ({ swarm }) =>
        reason("Unsupported", {
          operation,
          message: swarm?.state === "active"
            ? "this node is a worker of a Swarm, and only managers can be asked for work"
            : "this engine is not a part of a Swarm",
          hint: swarm?.state === "active" ? "name a manager" : "docker swarm init makes it one"
        })
    ),
    Effect.mapError(refused),
    Effect.map(({ swarm }) => swarm?.node)
  )
}

/**
 * Finds the manager, asks it whether it is one and gives the service. Closing the scope closes every connection.
 *
 * Fails with `BackendNotAvailable`, which names each address that was tried and why it would not do.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  config: SwarmConfig = {}
): Effect.fn.Return<Backend.Backend["Service"], Errors.BackendNotAvailable, Scope.Scope> {
  const { client, environment } = yield* contact(engine, config)
  const id = yield* checkManager(client)
  // A question that a dead leader was asked is not answered: it is asked again.
  const impatient = { client: { ...client, requestTimeout: Math.min(client.requestTimeout, 5000) } }
  const watch = yield* Watch.make({
    lostAfter: config.lostAfter ?? 30_000,
    managerTimeout: config.managerTimeout ?? 30_000,
    pollInterval: config.pollInterval ?? 500,
    tasks: (filter) => Containers.tasksOf(impatient, "wait", filter),
    nodes: ask(impatient, { operation: "wait", method: "GET", path: "/nodes" }, Schemas.nodes)
  })
  const swarm: Swarm = {
    client,
    environment,
    config,
    watch,
    reach: yield* Reach.make({ config, id, manager: client, nodes: watch.nodes }),
    layer: randomBytes(8).toString("hex"),
    known: new Map(),
    pinned: new Map(),
    publishing: Semaphore.makeUnsafe(1)
  }
  const { endpoint } = client.connection
  return yield* Backend.make({
    name: engine,
    capabilities: capabilitiesOf(config, client.apiVersion),
    host: endpoint._tag === "Tcp" ? endpoint.host : undefined,
    ...Health.make(swarm),
    ...Transfer.make(client, environment),
    ...Build.make(client, environment),
    ...Images.make(swarm),
    ...Containers.make(swarm),
    ...Inside.make(swarm),
    ...Files.make(swarm),
    ...Networks.make(swarm),
    ...Events.make(swarm)
  })
})

/**
 * A Swarm. See {@link SwarmConfig} for what can be said, and {@link make} for the errors.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (config: SwarmConfig = {}): Layer.Layer<Backend.Backend, Errors.BackendNotAvailable> =>
  Layer.effect(Backend.Backend, make(config))

/**
 * As {@link layer}, with what the program's `ConfigProvider` says. Fails with `ConfigError` too.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  config: Config.Wrap<SwarmConfig>
): Layer.Layer<Backend.Backend, Errors.BackendNotAvailable | Config.ConfigError> =>
  Layer.effect(Backend.Backend, Effect.flatMap(Config.unwrap(config), make))
