/**
 * How containers of a network find each other by name. There is no server of names here: each has a file in the network's
 * folder that tells of it, and `/etc/hosts` of each has all of them, from before its process begins, and is written anew
 * when one comes or goes.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { open, readdir, readFile, rm, rmdir, writeFile } from "node:fs/promises"
import { basename, join } from "node:path"
import type * as Errors from "../../../Errors.ts"
import { codeOf, fromCause, reason } from "../errors.ts"
import { ifThere } from "../there.ts"
import * as Files from "./files.ts"
import * as State from "./state.ts"

const Member = Schema.fromJsonString(Schema.Struct({
  names: Schema.Array(Schema.String),
  addresses: Schema.Array(Schema.String)
}))

export type Member = typeof Member.Type

const decode = Schema.decodeUnknownResult(Member)
const encode = Schema.encodeSync(Member)

/** Where they are, of a network's folder: a file each, of the container's id. */
export const folderOf = (network: string): string => join(network, "members")

const idsOf = async (network: string): Promise<ReadonlyArray<string>> => await ifThere(readdir(folderOf(network))) ?? []

/** Where a container's own files are: beside the folder that all networks are in. */
const containerOf = (network: string, id: string): string => join(network, "..", "..", id)

/** Those of a network, in the order of their ids. One that comes or goes meanwhile may be missing. */
const read = async (network: string): Promise<ReadonlyArray<Member>> => {
  const texts = await Promise.all(
    (await idsOf(network)).toSorted().map((id) => ifThere(readFile(join(folderOf(network), id), "utf8")))
  )
  // Of half of one its writer tells again.
  return texts.flatMap((text = "") =>
    Result.match(decode(text), { onSuccess: (member) => [member], onFailure: () => [] })
  )
}

/**
 * Closes a network to all that would come, unless containers are in it: their ids. Those who are in none, as far as their
 * files say, are of programs that died.
 */
export const close = async (network: string): Promise<ReadonlyArray<string>> => {
  const ids = await idsOf(network)
  const living = ids.filter((id) => State.isThere(containerOf(network, id)))
  if (living.length > 0) return living
  await Promise.all(ids.map((id) => rm(join(folderOf(network), id), { force: true })))
  try {
    await rmdir(folderOf(network))
    return []
  } catch (cause) {
    const code = codeOf(cause)
    // Somebody has come in this moment.
    if (code === "ENOTEMPTY" || code === "EEXIST") return close(network)
    // It was begun before.
    if (code === "ENOENT") return []
    throw cause
  }
}

/** More than this is a container's own doing. */
const longest = 1 << 20

/**
 * In place, since what is mounted in the container is this file and not its name; and in one step, since somebody may be
 * looking a name up: what it is shorter by is blank for a moment.
 */
const replace = async (path: string, text: string): Promise<void> => {
  const file = await open(path, "r+")
  try {
    const { size } = await file.stat()
    const bytes = Buffer.from(text)
    const blank = size > bytes.length && size < longest ? size - bytes.length : 0
    await file.write(Buffer.concat([bytes, Buffer.alloc(blank, "\n")]), 0, bytes.length + blank, 0)
    await file.truncate(bytes.length)
  } finally {
    await file.close()
  }
}

type Reading = (network: string) => Promise<ReadonlyArray<Member>>

/** Each network once. */
const reading = (): Reading => {
  const found = new Map<string, Promise<ReadonlyArray<Member>>>()
  return (network) => {
    const members = found.get(network) ?? read(network)
    found.set(network, members)
    return members
  }
}

/** What a container is to know of itself and the others; `undefined`: it goes, and needs to know nothing. */
const hostsOf = async (folder: string, reading: Reading): Promise<string | undefined> => {
  const state = State.parse(await ifThere(readFile(State.pathOf(folder), "utf8")) ?? "")
  if (state === undefined) return undefined
  const networks = await Promise.all(state.links.flatMap(({ made }) => made === undefined ? [] : [reading(made)]))
  return state.hosts + Files.lines(
    networks.flat().flatMap(({ addresses, names }) => addresses.map((address) => ({ address, name: names.join(" ") })))
  )
}

/**
 * Writes what all containers of a network are to know. Two who do that at once may write what is no more: whoever has
 * written looks once more, and so what stays is right.
 */
const tellAll = async (network: string): Promise<void> => {
  const written = new Map<string, string>()
  for (let isNew = true; isNew;) {
    isNew = false
    const members = reading()
    await Promise.all((await idsOf(network)).map(async (id) => {
      const folder = containerOf(network, id)
      const text = await hostsOf(folder, members)
      if (text === undefined || text === written.get(id)) return
      isNew = true
      written.set(id, text)
      await replace(Files.hostsOf(folder), text).catch((error: unknown) => {
        // Its files are gone with it.
        if (codeOf(error) !== "ENOENT") throw error
      })
    }))
  }
}

/** Makes a container known in a network, and the others to it. */
export const enter = (
  operation: string,
  network: string,
  id: string,
  member: Member
): Effect.Effect<void, Errors.Reason> =>
  Effect.tryPromise({
    try: async () => {
      // Whoever reads half of it does without; the others are told below.
      await writeFile(join(folderOf(network), id), encode(member), { mode: 0o600 })
      await tellAll(network)
    },
    catch: (cause) =>
      codeOf(cause) === "ENOENT"
        ? reason("NotFound", { operation, message: `there is no network ${basename(network)} any more` })
        : fromCause(operation, cause)
  })

/** The others forget a container. That its network is gone is as well. */
export const leave = (operation: string, network: string, id: string): Effect.Effect<void, Errors.Reason> =>
  Effect.tryPromise({
    try: async () => {
      await rm(join(folderOf(network), id), { force: true })
      await tellAll(network)
    },
    catch: (cause) => fromCause(operation, cause)
  })
