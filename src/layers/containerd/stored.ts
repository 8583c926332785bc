/**
 * Volumes that outlive containers: containerd has none, so each is a directory of ours, with a file that tells of it.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { randomUUID } from "node:crypto"
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Primitives, VolumeConfig, VolumeInfo } from "../../Backend.ts"
import type { BindMount, ContainerConfig, Mount } from "../../ContainerConfig.ts"
import type * as Errors from "../../Errors.ts"
import * as Filter from "../../Filter.ts"
import { discard } from "./discard.ts"
import type { Engine } from "./engine.ts"
import { codeOf, fromCause, reason } from "./errors.ts"
import { Containers } from "./protocol/containers_pb.ts"
import * as Record from "./record.ts"
import type { Volume } from "./volumes.ts"

const Described = Schema.fromJsonString(Schema.Struct({
  labels: Schema.Record(Schema.String, Schema.String),
  /** Milliseconds since the epoch. */
  createdAt: Schema.Finite
}))

const decode = Schema.decodeUnknownResult(Described)
const encode = Schema.encodeSync(Described)

const driver = "local"

/** No container's id begins with a dot, and no volume's name. */
const folderOf = ({ channel, folder }: Engine): string => join(folder, channel.namespace, ".volumes")

const dataOf = (engine: Engine, name: string): string => join(folderOf(engine), name, "data")

const attempt = <A>(operation: string, run: () => Promise<A>): Effect.Effect<A, Errors.Reason> =>
  Effect.tryPromise({ try: run, catch: (cause) => fromCause(operation, cause) })

const absent = (operation: string, name: string): Errors.Reason =>
  reason("NotFound", { operation, message: `there is no volume ${name}` })

const createVolume = Effect.fnUntraced(function*(
  engine: Engine,
  { driver: wanted = driver, labels, name, options }: VolumeConfig
): Effect.fn.Return<void, Errors.Reason> {
  const operation = "createVolume"
  if (wanted !== driver || Object.keys(options).length > 0) {
    return yield* reason("Unsupported", {
      operation,
      message: `containerd keeps volumes in directories: it has no driver ${wanted} and no options for one`
    })
  }
  const createdAt = DateTime.toEpochMillis(yield* DateTime.now)
  const folder = folderOf(engine)
  const made = yield* attempt(operation, async () => {
    const draft = join(folder, `.${name}-${randomUUID()}`)
    await mkdir(join(draft, "data"), { recursive: true, mode: 0o755 })
    await writeFile(join(draft, "volume.json"), encode({ labels, createdAt }))
    try {
      await rename(draft, join(folder, name))
      return true
    } catch (cause) {
      await rm(draft, { recursive: true, force: true })
      const code = codeOf(cause)
      if (code === "ENOTEMPTY" || code === "EEXIST") return false
      throw cause
    }
  })
  if (!made) return yield* reason("AlreadyExists", { operation, message: `there is a volume named ${name} already` })
})

const read = (engine: Engine, name: string, operation: string): Effect.Effect<VolumeInfo, Errors.Reason> =>
  attempt(operation, () => readFile(join(folderOf(engine), name, "volume.json"), "utf8")).pipe(
    Effect.catchTag("NotFound", () => Effect.fail(absent(operation, name))),
    Effect.flatMap((text) =>
      Result.match(decode(text), {
        onSuccess: ({ createdAt, labels }) =>
          Effect.succeed<VolumeInfo>({ name, driver, labels, createdAt: DateTime.makeUnsafe(createdAt) }),
        onFailure: () =>
          Effect.fail(reason("Internal", { operation, message: `what is on file of volume ${name} cannot be read` }))
      })
    )
  )

/** The names of the containers that have a volume, running or not. */
const usersOf = (
  engine: Engine,
  name: string,
  operation: string
): Effect.Effect<ReadonlyArray<string>, Errors.Reason> =>
  Effect.map(
    engine.channel.unary(Containers.method.list, { filters: [] }, { operation }),
    ({ containers }) =>
      containers.flatMap(({ extensions }) => {
        const record = Record.decode(extensions[Record.extension]?.value)
        return record?.volumes?.includes(name) === true ? [record.name] : []
      })
  )

export const make = (
  engine: Engine
): Pick<Primitives, "createVolume" | "inspectVolume" | "listVolumes" | "removeVolume"> => ({
  createVolume: (config) => createVolume(engine, config),
  inspectVolume: (name) => read(engine, name, "inspectVolume"),
  listVolumes: Effect.fnUntraced(function*(filter) {
    const operation = "listVolumes"
    const names = yield* Effect.catchTag(
      attempt(operation, () => readdir(folderOf(engine))),
      "NotFound",
      () => Effect.succeed([])
    )
    const found: Array<VolumeInfo> = []
    for (const name of names.filter((name) => !name.startsWith("."))) {
      // It may be removed meanwhile.
      const volume = yield* Effect.catchTag(read(engine, name, operation), "NotFound", () => Effect.undefined)
      if (volume === undefined) continue
      const passes = Filter.matchVolume(filter, volume)
      if (Result.isFailure(passes)) {
        return yield* reason("InvalidArgument", { operation, message: passes.failure.issue })
      }
      if (passes.success) found.push(volume)
    }
    return found
  }),
  removeVolume: Effect.fnUntraced(function*(name) {
    const operation = "removeVolume"
    yield* read(engine, name, operation)
    const users = yield* usersOf(engine, name, operation)
    if (users.length > 0) {
      return yield* reason("Conflict", { operation, message: `container ${users.join(", ")} has volume ${name}` })
    }
    const was = yield* attempt(operation, () => discard(folderOf(engine), name))
    if (!was) return yield* absent(operation, name)
  })
})

/** What a container has of volumes. */
export interface Used {
  /** Each volume as the directory that it is. */
  readonly mounts: ReadonlyArray<Mount>
  readonly names: ReadonlyArray<string>
  /** Those with nothing in them: as on Docker, they begin with what the image has in their place. */
  readonly empty: ReadonlyArray<Volume>
}

/** The volumes of a container, which are made when they are not there. */
export const use = Effect.fnUntraced(function*(
  engine: Engine,
  { mounts }: ContainerConfig
): Effect.fn.Return<Used, Errors.Reason> {
  const operation = "create"
  const empty: Array<Volume> = []
  const used: Array<string> = []
  const bound = yield* Effect.forEach(
    mounts,
    Effect.fnUntraced(function*(mount) {
      if (mount.type !== "volume") return mount
      const { readOnly, source: name, target } = mount
      yield* Effect.catchTag(
        createVolume(engine, { name, options: {}, labels: {} }),
        "AlreadyExists",
        () => Effect.void
      )
      const source = dataOf(engine, name)
      const there = yield* attempt(operation, () => readdir(source))
      if (there.length === 0) empty.push({ path: target, source })
      used.push(name)
      return { type: "bind", source, target, readOnly } satisfies BindMount
    })
  )
  return { mounts: bound, names: used, empty }
})
