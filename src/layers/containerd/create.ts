import * as Effect from "effect/Effect"
import { mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { hostname as hostName } from "node:os"
import { join } from "node:path"
import type { ContainerConfig } from "../../ContainerConfig.ts"
import type * as Errors from "../../Errors.ts"
import * as Accounts from "./accounts.ts"
import * as NetworkFiles from "./cni/files.ts"
import type { Engine, Known, Rootfs } from "./engine.ts"
import { fromCause, reason } from "./errors.ts"
import { Containers } from "./protocol/containers_pb.ts"
import { Snapshots } from "./protocol/snapshots_pb.ts"
import * as Record from "./record.ts"
import type { Mount, Spec, User } from "./spec/model.ts"
import * as Privileged from "./spec/privileged.ts"
import * as SpecOf from "./spec/spec.ts"
import * as UserOf from "./spec/user.ts"

const operation = "create"

/** Where the files of a container are. */
export const folderOf = (engine: Engine, id: string): string => join(engine.folder, engine.channel.namespace, id)

export const removeFolder = (engine: Engine, id: string): Effect.Effect<void> =>
  Effect.tryPromise(() => rm(folderOf(engine, id), { recursive: true, force: true })).pipe(
    Effect.catch((error) => Effect.logWarning(`the files of container ${id} are left behind: ${error.message}`))
  )

const specType = "types.containerd.io/opencontainers/runtime-spec/1/Spec"

const specAny = (spec: Spec) => ({ typeUrl: specType, value: new TextEncoder().encode(JSON.stringify(spec)) })

const recordAny = (record: Record.Record) => ({ typeUrl: "effect-containers/Record", value: Record.encode(record) })

/** How long the name of a machine can be: bytes. */
const longestHostname = 63

const nameFiles = ["hosts", "hostname", "resolv.conf"] as const

const nameMounts = (folder: string): ReadonlyArray<Mount> =>
  nameFiles.map((name) => ({
    destination: `/etc/${name}`,
    type: "bind",
    source: join(folder, name),
    options: ["rbind", "rprivate", "rw"]
  }))

/** Nobody else gives a container the files that tell it its name and where to ask for others. */
const writeNames = (folder: string, { connected, hostname, network }: Named): Effect.Effect<void, Errors.Reason> =>
  Effect.tryPromise({
    try: async () => {
      await mkdir(folder, { recursive: true, mode: 0o711 })
      const local = `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.0.1\t${hostname}\n`
      const host = (path: string) => readFile(path, "utf8").catch(() => undefined)
      const contents: globalThis.Record<typeof nameFiles[number], string> = {
        hosts: network === "host"
          ? await host("/etc/hosts") ?? local
          : connected === undefined
          ? local
          : NetworkFiles.hosts(hostname, []),
        hostname: `${hostname}\n`,
        "resolv.conf": connected === undefined ? await host("/etc/resolv.conf") ?? "" : await NetworkFiles.resolvConf()
      }
      await Promise.all(nameFiles.map((name) => writeFile(join(folder, name), contents[name], { mode: 0o644 })))
    },
    catch: (cause) => fromCause(operation, cause)
  })

/** As which machine a container is known, and whose network it sees. */
interface Named {
  readonly hostname: string
  readonly network: "host" | "own"
  /** The network that plugins connect it to, if there is one. */
  readonly connected: Record.Network | undefined
}

const namedOf = (
  engine: Engine,
  id: string,
  config: ContainerConfig
): Effect.Effect<Named, Errors.Reason> => {
  const { hostname: given, ports } = config
  // Whoever wants ports wants a network that has some.
  const name = config.network ?? (ports.length > 0 ? "bridge" : engine.network)
  const network = name === "host" ? "host" : "own"
  const hostname = given ?? (network === "host" ? hostName() : id.slice(0, longestHostname))
  if (name !== "host" && name !== "none") {
    return Effect.succeed({ network, hostname, connected: { name, hostname, ports } })
  }
  return ports.length === 0 ? Effect.succeed({ network, hostname, connected: undefined }) : Effect.fail(
    reason("InvalidArgument", {
      operation,
      message: `a container with the network ${name} has no ports to publish`,
      hint: "give it another network"
    })
  )
}

const nobody: UserOf.Accounts = { passwd: undefined, group: undefined }

const userOf = (image: string, user: string, accounts: UserOf.Accounts): Effect.Effect<User, Errors.InvalidArgument> =>
  Effect.mapError(
    Effect.fromResult(UserOf.resolve(user, accounts)),
    (message) => reason("InvalidArgument", { operation, message: `${image}: ${message}` })
  )

/** Images do not change, so neither do their users: by the topmost snapshot. */
const remembered = new Map<string, UserOf.Accounts>()
const mostRemembered = 256

const remember = (chainId: string, accounts: UserOf.Accounts): void => {
  if (remembered.size >= mostRemembered) remembered.clear()
  remembered.set(chainId, accounts)
}

const withUser = (spec: Spec, user: User): Spec => ({ ...spec, process: { ...spec.process, user } })

/** The whole specification but for its user. */
const describe = Effect.fnUntraced(function*(
  engine: Engine,
  id: string,
  config: ContainerConfig,
  rootfs: Rootfs,
  { hostname, network }: Named
): Effect.fn.Return<Spec, Errors.Reason> {
  const privileged = config.privileged
    ? yield* Effect.all({ capabilities: Privileged.capabilities, devices: Privileged.devices })
    : undefined
  const spec = SpecOf.make({
    config,
    image: rootfs.config,
    user: { uid: 0, gid: 0, additionalGids: [] },
    hostname,
    cgroupsPath: `/${engine.channel.namespace}/${id}`,
    host: engine.host,
    files: nameMounts(folderOf(engine, id)),
    network,
    privileged
  })
  return spec.process.args.length > 0 ? spec : yield* reason("InvalidArgument", {
    operation,
    message: `${config.image} has no command and none was given`,
    hint: "give one with Container.command"
  })
})

const prepare = (engine: Engine, id: string, parent: string) =>
  Effect.map(
    engine.channel.unary(
      Snapshots.method.prepare,
      { snapshotter: engine.snapshotter, key: id, parent, labels: {} },
      { operation }
    ),
    ({ mounts }) => mounts
  )

export const removeSnapshot = (engine: Engine, operation: string, id: string): Effect.Effect<void, Errors.Reason> =>
  engine.channel.unary(Snapshots.method.remove, { snapshotter: engine.snapshotter, key: id }, { operation }).pipe(
    Effect.asVoid,
    Effect.catchTag("NotFound", () => Effect.void)
  )

/**
 * Makes a container: first its record, then its snapshot, which the garbage collector would take if no record named it.
 */
export const create = Effect.fnUntraced(function*(
  engine: Engine,
  config: ContainerConfig
): Effect.fn.Return<{ readonly id: string; readonly known: Known }, Errors.Reason> {
  const { channel, runtime, snapshotter } = engine
  const rootfs = yield* engine.rootfs(config.image, config.platform)
  const name = config.name ?? `effect-containers-${crypto.randomUUID()}`
  const id = Record.idOf(name)
  const who = config.user ?? rootfs.config.user
  const named = yield* namedOf(engine, id, config)
  const spec = yield* describe(engine, id, config, rootfs, named)
  const accounts = remembered.get(rootfs.chainId)
  const first = yield* userOf(config.image, accounts === undefined ? "0" : who, accounts ?? nobody)
  const recordOf = (user: User): Record.Record => ({
    name,
    image: config.image,
    tty: config.tty,
    stdin: config.stdin,
    stopSignal: config.stopSignal ?? rootfs.config.stopSignal ?? "SIGTERM",
    ...(named.connected === undefined ? {} : { network: named.connected }),
    user
  })
  yield* channel.unary(Containers.method.create, {
    container: {
      id,
      labels: { ...config.labels, [Record.labels.image]: rootfs.id },
      image: config.image,
      runtime: {
        name: runtime.name,
        ...(runtime.options === undefined
          ? {}
          : { options: { typeUrl: "containerd.runc.v1.Options", value: runtime.options } })
      },
      spec: specAny(withUser(spec, first)),
      snapshotter,
      snapshotKey: id,
      extensions: { [Record.extension]: recordAny(recordOf(first)) }
    }
  }, { operation }).pipe(
    Effect.catchTag(
      "AlreadyExists",
      () => Effect.fail(reason("AlreadyExists", { operation, message: `there is a container ${name} already` }))
    )
  )
  return yield* Effect.gen(function*() {
    // The name is ours now, and so is the folder of that name.
    const [mounts] = yield* Effect.all([
      prepare(engine, id, rootfs.chainId),
      writeNames(folderOf(engine, id), named)
    ], { concurrency: "unbounded" })
    if (accounts !== undefined) return { id, known: known(recordOf(first), mounts) }
    const found = (yield* Accounts.read(mounts)) ?? (yield* engine.accounts(config.image))
    remember(rootfs.chainId, found)
    const user = yield* userOf(config.image, who, found)
    const record = recordOf(user)
    if (JSON.stringify(user) !== JSON.stringify(first)) {
      yield* channel.unary(Containers.method.update, {
        container: {
          id,
          labels: {},
          spec: specAny(withUser(spec, user)),
          extensions: { [Record.extension]: recordAny(record) }
        },
        updateMask: { paths: ["spec", `extensions.${Record.extension}`] }
      }, { operation })
    }
    return { id, known: known(record, mounts) }
  }).pipe(Effect.onError(() =>
    channel.unary(Containers.method.delete, { id }, { operation }).pipe(
      Effect.andThen(removeSnapshot(engine, operation, id)),
      Effect.ignore,
      Effect.andThen(removeFolder(engine, id))
    )
  ))
})

const known = (record: Record.Record, mounts: Known["mounts"]): Known => ({
  record,
  mounts,
  pipes: undefined,
  task: undefined,
  isNew: true
})
