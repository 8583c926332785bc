/**
 * Networks that programs make: containerd has none, so each is a folder of ours, with a file that tells of it, the
 * addresses that its plugin has given away, and the containers that are in it.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { randomUUID } from "node:crypto"
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { NetworkConfig, NetworkInfo, Primitives } from "../../../Backend.ts"
import type * as Errors from "../../../Errors.ts"
import * as Filter from "../../../Filter.ts"
import { discard } from "../discard.ts"
import { codeOf, fromCause, reason } from "../errors.ts"
import * as Conf from "./conf.ts"
import * as Link from "./link.ts"
import * as Members from "./members.ts"
import * as Networks from "./networks.ts"
import * as Places from "./places.ts"

const Description = Schema.Struct({
  labels: Schema.Record(Schema.String, Schema.String),
  /** Milliseconds since the epoch. */
  createdAt: Schema.Finite,
  internal: Schema.Boolean,
  gateway: Schema.optionalKey(Schema.String),
  /** Its link and its subnet on this machine; absent while they are looked for. */
  place: Schema.optionalKey(Places.Place)
})

type Description = typeof Description.Type

const DescriptionJson = Schema.fromJsonString(Description)
const decode = Schema.decodeUnknownResult(DescriptionJson)
const encode = Schema.encodeSync(DescriptionJson)

const driver = "bridge"

const folderOf = ({ made }: Networks.Settings, name: string): string => join(made, name)

const fileOf = (folder: string): string => join(folder, "network.json")

const attempt = <A>(operation: string, run: () => Promise<A>): Effect.Effect<A, Errors.Reason> =>
  Effect.tryPromise({ try: run, catch: (cause) => fromCause(operation, cause) })

const unsupported = (operation: string, what: string) =>
  reason("Unsupported", {
    operation,
    message: `containerd's networks are bridges with addresses of IPv4: there is no ${what}`
  })

/** What is asked of a network that none of ours has. */
const lacking = ({ driver: wanted = driver, ipv6, options, subnet }: NetworkConfig): string | undefined =>
  wanted !== driver
    ? `driver ${wanted}`
    : Object.keys(options).length > 0
    ? `option ${Object.keys(options).join(", ")}`
    : ipv6 || subnet?.includes(":") === true
    ? "IPv6"
    : undefined

const write = async (folder: string, description: Description): Promise<void> => {
  const path = fileOf(folder)
  await writeFile(`${path}.new`, encode(description), { mode: 0o600 })
  await rename(`${path}.new`, path)
}

/** What is on file of one; `undefined`: there is none. */
const read = (
  settings: Networks.Settings,
  name: string,
  operation: string
): Effect.Effect<Description | undefined, Errors.Reason> =>
  attempt(operation, () => readFile(fileOf(folderOf(settings, name)), "utf8")).pipe(
    Effect.flatMap((text) =>
      Result.match(decode(text), {
        onSuccess: (description) => Effect.succeed(description),
        onFailure: () =>
          Effect.fail(reason("Internal", { operation, message: `what is on file of network ${name} cannot be read` }))
      })
    ),
    Effect.catchTag("NotFound", () => Effect.undefined)
  )

/** A network that a container is in, and the folder of one that a program made. */
export interface Found {
  readonly network: Conf.Network
  readonly made: string | undefined
}

/** The network of a name, whoever made it. */
export const find = Effect.fnUntraced(function*(
  settings: Networks.Settings,
  name: string,
  operation: string
): Effect.fn.Return<Found, Errors.Reason> {
  const folder = folderOf(settings, name)
  const description = Networks.isDefault(settings, name) ? undefined : yield* read(settings, name, operation)
  if (description === undefined) return { network: yield* Networks.find(settings, name, operation), made: undefined }
  const { gateway, internal, place } = description
  if (place === undefined) {
    return yield* reason("Conflict", { operation, message: `network ${name} is not finished: it is being made` })
  }
  const dataDir = join(folder, "addresses")
  const { link: bridge, subnet } = place
  // Plugins call it after the link: that name is the only one of the whole machine.
  const network = Networks.bridgeOf(settings, { name: bridge, bridge, subnet, gateway, internal, dataDir })
  if (!Link.isThere(bridge)) {
    const others = [settings.pool, settings.subnet]
    yield* Link.separate(operation, settings.plugins.path, { link: bridge, internal, others })
  }
  return { network, made: folder }
})

/** Why it could not be made is on its way. */
const saying = (name: string, undo: Effect.Effect<unknown, Errors.Reason>): Effect.Effect<void> =>
  Effect.asVoid(
    Effect.catch(undo, (error) =>
      Effect.logWarning(`network ${name} was not made, and something of it is left behind: ${error.message}`))
  )

const createNetwork = Effect.fnUntraced(function*(
  settings: Networks.Settings,
  config: NetworkConfig
): Effect.fn.Return<string, Errors.Reason> {
  const operation = "createNetwork"
  const { gateway, internal, labels, name, subnet } = config
  const lacks = lacking(config)
  if (lacks !== undefined) return yield* unsupported(operation, lacks)
  const taken = reason("AlreadyExists", { operation, message: `there is a network named ${name} already` })
  if (Networks.isDefault(settings, name) || (yield* Networks.described(settings.folder, operation)).has(name)) {
    return yield* taken
  }
  const description: Description = {
    labels,
    internal,
    createdAt: DateTime.toEpochMillis(yield* DateTime.now),
    ...gateway === undefined ? {} : { gateway }
  }
  const folder = folderOf(settings, name)
  const isMade = yield* attempt(operation, async () => {
    const draft = join(settings.made, `.${name}-${randomUUID()}`)
    await mkdir(Members.folderOf(draft), { recursive: true, mode: 0o700 })
    await write(draft, description)
    try {
      await rename(draft, folder)
      return true
    } catch (cause) {
      await rm(draft, { recursive: true, force: true })
      const code = codeOf(cause)
      if (code === "ENOTEMPTY" || code === "EEXIST") return false
      throw cause
    }
  })
  if (!isMade) return yield* taken
  yield* Places.take({ settings, internal, subnet, holder: fileOf(folder), operation }).pipe(
    Effect.flatMap((place) =>
      attempt(operation, () => write(folder, { ...description, place })).pipe(
        Effect.onError(() => saying(name, attempt(operation, () => Places.leave(place, fileOf(folder)))))
      )
    ),
    Effect.onError(() => saying(name, attempt(operation, () => discard(settings.made, name))))
  )
  return name
})

const infoOf = (name: string, { createdAt, internal, labels, place }: Description): NetworkInfo => ({
  id: name,
  name,
  driver,
  internal,
  ipv6: false,
  subnets: place === undefined ? [] : [place.subnet],
  labels,
  createdAt: DateTime.makeUnsafe(createdAt)
})

/** One that no program made. */
const foreignInfo = (id: string, name: string, network: Conf.Network): NetworkInfo => ({
  id,
  name,
  driver: Conf.typeOf(network.plugins[0]),
  internal: false,
  ipv6: false,
  subnets: Conf.subnetsOf(network),
  labels: {}
})

/** The default one and those of administrators. */
const foreign = Effect.fnUntraced(function*(
  settings: Networks.Settings,
  operation: string
): Effect.fn.Return<ReadonlyArray<NetworkInfo>, Errors.Reason> {
  const standard = yield* Networks.find(settings, Networks.alias, operation)
  const described = yield* Networks.described(settings.folder, operation)
  return [
    foreignInfo(standard.name, Networks.alias, standard),
    ...[...described].map(([name, network]) => foreignInfo(name, name, network))
  ]
})

const inspectNetwork = Effect.fnUntraced(function*(
  settings: Networks.Settings,
  name: string,
  operation: string
): Effect.fn.Return<NetworkInfo, Errors.Reason> {
  const description = yield* read(settings, name, operation)
  if (description !== undefined) return infoOf(name, description)
  const found = (yield* foreign(settings, operation)).find((one) => one.name === name || one.id === name)
  return found ?? (yield* reason("NotFound", { operation, message: `there is no network ${name}` }))
})

const removeNetwork = Effect.fnUntraced(function*(
  settings: Networks.Settings,
  name: string
): Effect.fn.Return<void, Errors.Reason> {
  const operation = "removeNetwork"
  const description = yield* read(settings, name, operation)
  if (description === undefined) {
    yield* inspectNetwork(settings, name, operation)
    return yield* reason("PermissionDenied", { operation, message: `network ${name} was not made by a program` })
  }
  const folder = folderOf(settings, name)
  const members = yield* attempt(operation, () => Members.close(folder))
  if (members.length > 0) {
    return yield* reason("Conflict", {
      operation,
      message: `containers are in network ${name}: ${members.join(", ")}`,
      hint: "remove the containers that are in it"
    })
  }
  const { place } = description
  if (place !== undefined) {
    yield* Link.remove(operation, settings.plugins.path, place.link)
    yield* attempt(operation, () => Places.leave(place, fileOf(folder)))
  }
  const was = yield* attempt(operation, () => discard(settings.made, name))
  if (!was) return yield* reason("NotFound", { operation, message: `there is no network ${name}` })
})

export const make = (
  settings: Networks.Settings
): Pick<Primitives, "createNetwork" | "inspectNetwork" | "listNetworks" | "removeNetwork"> => ({
  createNetwork: (config) => Effect.uninterruptible(createNetwork(settings, config)),
  inspectNetwork: (name) => inspectNetwork(settings, name, "inspectNetwork"),
  removeNetwork: (name) => Effect.uninterruptible(removeNetwork(settings, name)),
  listNetworks: Effect.fnUntraced(function*(filter) {
    const operation = "listNetworks"
    const names = yield* attempt(operation, () => readdir(settings.made)).pipe(
      Effect.catchTag("NotFound", () => Effect.succeed([]))
    )
    const found: Array<NetworkInfo> = []
    for (const network of yield* foreign(settings, operation)) found.push(network)
    for (const name of names.filter((name) => !name.startsWith("."))) {
      // It may be removed meanwhile.
      const description = yield* read(settings, name, operation)
      if (description !== undefined) found.push(infoOf(name, description))
    }
    const passes = Result.all(found.map((network) => Filter.matchNetwork(filter, network)))
    return Result.isSuccess(passes)
      ? found.filter((_, n) => passes.success[n])
      : yield* reason("InvalidArgument", { operation, message: passes.failure.issue })
  })
})
