import * as Effect from "effect/Effect"
import type { ContainerConfig } from "../../ContainerConfig.ts"
import type * as Errors from "../../Errors.ts"
import * as Owner from "../../Owner.ts"
import * as Accounts from "./accounts.ts"
import type { Engine, Known, Rootfs } from "./engine.ts"
import { reason } from "./errors.ts"
import { folderOf, removeFolder } from "./folder.ts"
import * as Hostname from "./hostname.ts"
import { Containers } from "./protocol/containers_pb.ts"
import { Snapshots } from "./protocol/snapshots_pb.ts"
import * as Record from "./record.ts"
import type { Spec, User } from "./spec/model.ts"
import * as Privileged from "./spec/privileged.ts"
import * as Rlimits from "./spec/rlimits.ts"
import * as SpecOf from "./spec/spec.ts"
import * as UserOf from "./spec/user.ts"
import * as Stored from "./stored.ts"
import * as Volumes from "./volumes.ts"

const operation = "create"

const specType = "types.containerd.io/opencontainers/runtime-spec/1/Spec"

const specAny = (spec: Spec) => ({ typeUrl: specType, value: Rlimits.encode(spec) })

const recordAny = (record: Record.Record) => ({ typeUrl: "effect-containers/Record", value: Record.encode(record) })

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

/** Who somebody is in an image of which it is not known yet. */
const findUser = Effect.fnUntraced(function*(
  image: string,
  user: string,
  { accounts, chainId }: Rootfs,
  mounts: Known["mounts"]
): Effect.fn.Return<User, Errors.Reason> {
  const here = yield* Accounts.read(mounts)
  const found = here ?? (yield* Effect.catchTag(accounts, "Unsupported", (error) =>
    // Who is given in numbers is who is meant.
    /^\d+:\d+$/.test(user) ? Effect.undefined : Effect.fail(error)))
  if (found === undefined) return yield* userOf(image, user, UserOf.nobody)
  remember(chainId, found)
  return yield* userOf(image, user, found)
})

const withUser = (spec: Spec, user: User): Spec => ({ ...spec, process: { ...spec.process, user } })

/** The whole specification but for its user, with these volumes; without: of one whose files are only looked at. */
const describe = Effect.fnUntraced(function*(
  engine: Engine,
  id: string,
  config: ContainerConfig,
  rootfs: Rootfs,
  { hostname, network }: Hostname.Named
): Effect.fn.Return<(volumes: ReadonlyArray<Volumes.Volume> | undefined) => Spec, Errors.Reason> {
  const input = {
    config,
    image: rootfs.config,
    user: { uid: 0, gid: 0, additionalGids: [] },
    hostname,
    cgroupsPath: `/${engine.channel.namespace}/${id}`,
    host: engine.host,
    network,
    given: yield* Privileged.given(config, engine.host)
  }
  const looking = { mounts: [], tty: false, workDir: "/", entrypoint: [], command: Volumes.placeholder }
  const folder = folderOf(engine, id)
  const make = (volumes: ReadonlyArray<Volumes.Volume> | undefined) =>
    volumes === undefined
      ? SpecOf.make({ ...input, config: { ...config, ...looking }, files: [] })
      : SpecOf.make({ ...input, files: [...Hostname.mounts(folder), ...Volumes.mounts(volumes)] })
  return make([]).process.args.length > 0 ? make : yield* reason("InvalidArgument", {
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
  asked: ContainerConfig
): Effect.fn.Return<{ readonly id: string; readonly known: Known }, Errors.Reason> {
  const { channel, snapshotter } = engine
  const runtime = asked.runtime === undefined ? engine.runtime : engine.runtimeOf(asked.runtime)
  const rootfs = yield* engine.rootfs(asked.image, asked.platform)
  const stored = yield* Stored.use(engine, asked)
  const config = { ...asked, mounts: stored.mounts }
  const name = config.name ?? `effect-containers-${crypto.randomUUID()}`
  const id = Record.idOf(name)
  const who = config.user ?? rootfs.config.user
  const named = yield* Hostname.of(engine, id, config)
  const shared = named.network === "host" && Object.keys(config.sysctls ?? {}).find((name) => name.startsWith("net."))
  if (typeof shared === "string") {
    return yield* reason("InvalidArgument", {
      operation,
      message: `${shared} would be the machine's: the container is in its network`,
      hint: "give it another network"
    })
  }
  const folder = folderOf(engine, id)
  const volumes = yield* Volumes.of(config, rootfs.volumes, folder)
  const toFill = [...volumes, ...stored.empty]
  const areKnown = Volumes.areKnown(toFill, rootfs.chainId)
  const specWith = yield* describe(engine, id, config, rootfs, named)
  const spec = specWith(areKnown ? volumes : undefined)
  const accounts = remembered.get(rootfs.chainId)
  const first = yield* userOf(config.image, accounts === undefined ? "0" : who, accounts ?? UserOf.nobody)
  const recordOf = (user: User): Record.Record => ({
    name,
    image: config.image,
    tty: config.tty,
    stdin: config.stdin,
    stopSignal: config.stopSignal ?? rootfs.config.stopSignal ?? "SIGTERM",
    ...(named.connected === undefined ? {} : { connected: named.connected }),
    ...(stored.names.length === 0 ? {} : { volumes: stored.names }),
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
      Effect.andThen(
        Hostname.write(folder, named, config),
        areKnown ? Volumes.makeEmpty(toFill, rootfs.chainId) : Effect.void
      )
    ], { concurrency: "unbounded" })
    const filled = areKnown ? toFill : yield* Volumes.fill(engine, id, toFill, {
      chainId: rootfs.chainId,
      isReadOnly: config.readOnlyRoot,
      rootfs: mounts
    })
    const user = accounts === undefined ? yield* findUser(config.image, who, rootfs, mounts) : first
    const record = recordOf(user)
    if (!areKnown || JSON.stringify(user) !== JSON.stringify(first)) {
      yield* channel.unary(Containers.method.update, {
        container: {
          id,
          labels: {},
          spec: specAny(withUser(specWith(volumes.filter((volume) => filled.includes(volume))), user)),
          extensions: { [Record.extension]: recordAny(record) }
        },
        updateMask: { paths: ["spec", `extensions.${Record.extension}`] }
      }, { operation })
    }
    return { id, known: known(record, mounts, Owner.isNobodys(config.labels)) }
  }).pipe(Effect.onError(() =>
    channel.unary(Containers.method.delete, { id }, { operation }).pipe(
      Effect.andThen(removeSnapshot(engine, operation, id)),
      Effect.catch((error) =>
        Effect.logWarning(`container ${id} is left behind, for Container.sweep to remove: ${error.message}`)
      ),
      Effect.andThen(removeFolder(engine, id))
    )
  ))
})

const known = (record: Record.Record, mounts: Known["mounts"], isDetached: boolean): Known => ({
  record,
  mounts,
  pipes: undefined,
  task: undefined,
  isNew: true,
  isStarting: false,
  isDetached
})
