import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Errors from "../../Errors.ts"
import * as Channel from "./channel.ts"
import type { ContainerdConfig } from "./config.ts"
import { probe } from "./discover.ts"
import type { Environment } from "./environment.ts"
import { reason } from "./errors.ts"
import { Introspection, type Plugin } from "./protocol/introspection_pb.ts"
import { Version } from "./protocol/version_pb.ts"

const operation = "connect"

/** A containerd that answered. */
export interface Connection {
  readonly channel: Channel.Channel
  readonly version: string
  readonly snapshotter: string
  readonly plugins: ReadonlyArray<Plugin>
}

const isUsable = (plugin: Plugin): boolean => plugin.initErr === undefined

const snapshotterType = "io.containerd.snapshotter.v1"

const chooseSnapshotter = (
  plugins: ReadonlyArray<Plugin>,
  wanted: string | undefined
): Effect.Effect<string, Errors.Unsupported> => {
  const usable = plugins.filter((plugin) => plugin.type === snapshotterType && isUsable(plugin)).map(({ id }) => id)
  const chosen = wanted ?? ["overlayfs", "native"].find((name) => usable.includes(name))
  return chosen !== undefined && usable.includes(chosen)
    ? Effect.succeed(chosen)
    : Effect.fail(reason("Unsupported", {
      operation,
      message: wanted === undefined
        ? "the engine has neither of the snapshotters overlayfs and native"
        : `the engine has no snapshotter ${wanted}`,
      hint: `it has ${usable.length === 0 ? "none" : usable.join(", ")}`
    }))
}

/** The oldest that this library was tried with. */
const oldest = [1, 6] as const

const checkVersion = (version: string): Effect.Effect<string, Errors.Reason> => {
  const match = /^v?((\d+)\.(\d+)[^~+]*)/.exec(version)
  const [major, minor] = [Number(match?.[2]), Number(match?.[3])]
  if (match === null) {
    return Effect.fail(reason("Protocol", { operation, message: `${version} is not a version of containerd` }))
  }
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1])
    ? Effect.succeed(match[1] ?? version)
    : Effect.fail(reason("Unsupported", { operation, message: `containerd ${version} is older than 1.6` }))
}

/** Whose images and containers these are. */
export const namespace = (config: ContainerdConfig, environment: Environment): string =>
  config.namespace ?? environment.CONTAINERD_NAMESPACE ?? "effect-containers"

/** Asks a socket whether a containerd is behind it, and what it can do. */
export const connect = Effect.fnUntraced(function*(
  socket: string,
  config: ContainerdConfig,
  environment: Environment
): Effect.fn.Return<Connection, Errors.Reason, Scope.Scope> {
  const { connectTimeout = 5000 } = config
  yield* probe(socket, connectTimeout)
  const channel = yield* Channel.make({
    socket,
    namespace: namespace(config, environment),
    requestTimeout: config.requestTimeout ?? 60_000
  })
  const options = { operation, deadline: connectTimeout }
  const [{ version }, { plugins }] = yield* Effect.all([
    channel.unary(Version.method.version, {}, options),
    channel.unary(Introspection.method.plugins, { filters: [] }, options)
  ], { concurrency: "unbounded" })
  return {
    channel,
    version: yield* checkVersion(version),
    plugins,
    snapshotter: yield* chooseSnapshotter(plugins, config.snapshotter ?? environment.CONTAINERD_SNAPSHOTTER)
  }
})
