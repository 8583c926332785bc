import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { join } from "node:path"
import type { EngineInfo, Implementation } from "../../Backend.ts"
import * as Capabilities from "../../Capabilities.ts"
import * as Registry from "../registry/client.ts"
import * as Credentials from "../registry/credentials.ts"
import * as Accounts from "./accounts.ts"
import * as Build from "./build/build.ts"
import * as Builders from "./build/choose.ts"
import { encode } from "./channel.ts"
import * as Made from "./cni/made.ts"
import * as Cni from "./cni/settings.ts"
import type { ContainerdConfig } from "./config.ts"
import type { Connection } from "./connect.ts"
import * as Containers from "./containers.ts"
import * as Copy from "./copy/copy.ts"
import type { Engine, Rootfs } from "./engine.ts"
import { dataFolder, type Environment } from "./environment.ts"
import * as Events from "./events.ts"
import * as Host from "./host.ts"
import * as Images from "./images/images.ts"
import * as Platform from "./images/platform.ts"
import * as Transfer from "./images/transfer.ts"
import { OptionsSchema } from "./protocol/runc_pb.ts"
import { Version } from "./protocol/version_pb.ts"
import * as Stored from "./stored.ts"

/** The runtime's shim, and what it is told. */
const runtimeOf = ({ runtime = "runc" }: ContainerdConfig): Engine["runtime"] => {
  const { binary, name } = runtime === "runc"
    ? { name: "io.containerd.runc.v2", binary: undefined }
    : runtime === "runsc"
    ? { name: "io.containerd.runc.v2", binary: "runsc" }
    : runtime
  return {
    name,
    options: binary === undefined
      ? undefined
      : encode(OptionsSchema, { binaryName: binary, root: "", systemdCgroup: false })
  }
}

/** An engine whose files belong to an unprivileged user: then it runs as one. */
const isRootless = ({ rootless = "auto" }: ContainerdConfig): boolean =>
  rootless === "auto" ? process.getuid?.() !== 0 : rootless === "enabled"

const capabilities: Capabilities.Capabilities = {
  ...Capabilities.all,
  // Nobody is there to do these between two calls of a client.
  init: false,
  healthcheck: false,
  restart: false,
  logDriver: false,
  gpus: false,
  selinux: false,
  eventHistory: false
}

/** All that the engine can do, of a connection. */
export const make = Effect.fnUntraced(function*(
  connection: Connection,
  config: ContainerdConfig,
  environment: Environment
): Effect.fn.Return<Implementation, never, Scope.Scope> {
  const { channel, snapshotter, version } = connection
  const findCredentials = (domain: string) => Credentials.find(environment, domain, "pull")
  const registry = yield* Registry.make(
    config.registries ?? {},
    (domain) => Credentials.lookUp(environment, domain, "pull")
  )
  const transfer = Transfer.make(connection, config.registries ?? {})
  const images = Images.make({ channel, snapshotter, registry, transfer, findCredentials })
  const host = yield* Host.look(isRootless(config), config.seccomp)
  const folder = config.folder ?? dataFolder(environment)
  const cni = yield* Cni.look(config.cni, environment, {
    rootless: host.rootless,
    // No container's id begins with a dot.
    made: join(folder, channel.namespace, ".networks")
  })
  const engine: Engine = {
    channel,
    host,
    folder,
    snapshotter,
    runtime: runtimeOf(config),
    runtimeOf: (name) => runtimeOf({ runtime: name === "runc" || name === "runsc" ? name : { name } }),
    network: config.network ?? (cni.settings === undefined ? "none" : "bridge"),
    cni: cni.settings,
    rootfs: Effect.fnUntraced(function*(image, platform) {
      const found = yield* images.store.find(image, { operation: "create", platform })
      yield* images.ensureUnpacked(found, "create")
      const { config: { config = {} }, chain, target } = found
      return {
        id: target.digest,
        chainId: chain.at(-1) ?? "",
        accounts: Accounts.fromLayers(image, images.readFiles(found, Accounts.paths, "create")),
        volumes: Object.keys(config.volumes ?? {}),
        config: {
          env: config.env ?? [],
          entrypoint: config.entrypoint ?? [],
          command: config.command ?? [],
          workDir: config.workDir ?? "",
          user: config.user ?? "",
          stopSignal: config.stopSignal
        }
      } satisfies Rootfs
    }),
    scope: yield* Effect.scope,
    known: new Map()
  }
  const { ensureUnpacked: _, readFiles: __, store: ___, ...operations } = images
  const building = Builders.placeOf(engine.folder)
  const hasCgroups = Host.hasCgroups(host)
  const { pause, unpause, usage, ...containers } = Containers.make(engine)
  return {
    name: "containerd",
    capabilities: {
      ...capabilities,
      ...cni.capabilities,
      hostAccess: cni.capabilities.bridgeNetworks,
      // Who has no root cannot remove what a container has given to its users.
      namedVolumes: !host.rootless,
      memoryLimit: hasCgroups,
      memoryReservation: hasCgroups,
      cpuLimit: hasCgroups,
      cpuShares: hasCgroups,
      pidsLimit: hasCgroups,
      seccomp: host.seccomp !== undefined,
      apparmor: host.apparmor
    },
    health: Effect.map(
      channel.unary(Version.method.version, {}, { operation: "health" }),
      (): EngineInfo => ({
        name: "containerd",
        version,
        os: "linux",
        architecture: Platform.own.architecture,
        address: channel.address
      })
    ),
    ...operations,
    ...Build.make({
      images,
      folder: building,
      builder: Builders.make(config, environment, building, { ...images, channel })
    }),
    ...containers,
    ...hasCgroups ? { pause, unpause, usage } : {},
    ...Copy.make(engine),
    ...Events.make(engine),
    ...host.rootless ? {} : Stored.make(engine),
    ...cni.settings === undefined || !cni.capabilities.networks ? {} : Made.make(cni.settings)
  }
})
