import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { EngineInfo, Implementation } from "../../Backend.ts"
import * as Capabilities from "../../Capabilities.ts"
import * as Registry from "../registry/client.ts"
import * as Credentials from "../registry/credentials.ts"
import { encode } from "./channel.ts"
import type { ContainerdConfig } from "./config.ts"
import type { Connection } from "./connect.ts"
import * as Containers from "./containers.ts"
import type { Engine, Rootfs } from "./engine.ts"
import { dataFolder, type Environment } from "./environment.ts"
import { reason } from "./errors.ts"
import * as Events from "./events.ts"
import * as Host from "./host.ts"
import * as Images from "./images/images.ts"
import * as Platform from "./images/platform.ts"
import { OptionsSchema } from "./protocol/runc_pb.ts"
import { Version } from "./protocol/version_pb.ts"

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
  namedVolumes: false,
  ports: false,
  bridgeNetworks: false,
  init: false
}

/** All that the engine can do, of a connection. */
export const make = Effect.fnUntraced(function*(
  { channel, snapshotter, version }: Connection,
  config: ContainerdConfig,
  environment: Environment
): Effect.fn.Return<Implementation, never, Scope.Scope> {
  const registry = yield* Registry.make(
    config.registries ?? {},
    (domain) => Credentials.find(environment, domain, "pull")
  )
  const images = Images.make({ channel, snapshotter, registry })
  const host = yield* Host.look(isRootless(config))
  const engine: Engine = {
    channel,
    host,
    folder: config.folder ?? dataFolder(environment),
    snapshotter,
    runtime: runtimeOf(config),
    network: config.network ?? "none",
    rootfs: Effect.fnUntraced(function*(image, platform) {
      const found = yield* images.store.find(image, { operation: "create", platform })
      yield* images.ensureUnpacked(found, "create")
      const { config: { config = {} }, chain, target } = found
      return {
        id: target.digest,
        chainId: chain.at(-1) ?? "",
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
    accounts: (image) =>
      Effect.fail(reason("Unsupported", {
        operation: "create",
        message: `the users of ${image} cannot be looked up from here`,
        hint: "give the user as numbers"
      })),
    scope: yield* Effect.scope,
    known: new Map()
  }
  const { ensureUnpacked: _, store: __, ...operations } = images
  return {
    name: "containerd",
    capabilities,
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
    ...Containers.make(engine),
    ...Events.make(engine)
  }
})
