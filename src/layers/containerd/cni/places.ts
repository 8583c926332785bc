/**
 * Which links and subnets of this machine are whose: networks of programs that know nothing of each other share it.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { readFile } from "node:fs/promises"
import type * as Errors from "../../../Errors.ts"
import { fromCause, reason } from "../errors.ts"
import * as Claims from "./claims.ts"
import * as Link from "./link.ts"
import type { Settings } from "./networks.ts"
import * as Subnet from "./subnet.ts"

export const Place = Schema.Struct({ link: Schema.String, subnet: Schema.String })

export type Place = typeof Place.Type

const claims = Claims.make("/run/effect-containers/networks")

const linkFile = (link: string): string => `link-${link}`

const prefix = "subnet-"

const subnetFile = (subnet: string): string => `${prefix}${subnet.replace("/", "_")}`

const subnetOf = (file: string): Subnet.Subnet | undefined =>
  file.startsWith(prefix) ? Subnet.parse(file.slice(prefix.length).replace("_", "/")) : undefined

/** As many letters as the name of a link has left. */
const isLongest = 11
const letters = 3

/** A link's name that begins as the default network's does, so that a person sees whose it is. */
const takeLink = async ({ bridge }: Settings, holder: string): Promise<string | undefined> => {
  for (let tries = 0; tries < 1000; tries++) {
    const number = Math.floor(Math.random() * 36 ** letters)
    const link = `${bridge.slice(0, isLongest)}-${number.toString(36).padStart(letters, "0")}`
    if (!Link.isThere(link) && await claims.take(linkFile(link), holder)) return link
  }
  return undefined
}

/** Claims a subnet that overlaps with none that is claimed. */
const takeSubnet = async (subnet: Subnet.Subnet, holder: string): Promise<boolean> => {
  const mine = subnetFile(Subnet.show(subnet))
  if (!(await claims.take(mine, holder))) return false
  const others = await claims.held((other) => {
    const taken = other === mine ? undefined : subnetOf(other)
    return taken !== undefined && Subnet.overlap(taken, subnet)
  })
  if (others.length > 0) await claims.release(mine, holder)
  return others.length === 0
}

interface Wanted {
  readonly settings: Settings
  readonly operation: string
  readonly internal: boolean
  /** Default: a free one of the pool. */
  readonly subnet: string | undefined
  /** The path of the file that says that they are taken as long as it is there. */
  readonly holder: string
}

const choose = async ({ holder, settings }: Wanted): Promise<string | undefined> => {
  const pool = Subnet.parse(settings.pool)
  if (pool === undefined) return undefined
  const taken = [
    ...Subnet.routed(await readFile("/proc/net/route", "utf8")),
    ...[settings.subnet].flatMap((text) => Subnet.parse(text) ?? [])
  ]
  for (const subnet of Subnet.split(pool)) {
    if (taken.some((other) => Subnet.overlap(other, subnet))) continue
    if (await takeSubnet(subnet, holder)) return Subnet.show(subnet)
  }
  return undefined
}

/** Gives up what a network had of this machine. */
export const leave = async ({ link, subnet }: Place, holder: string): Promise<void> => {
  await claims.release(linkFile(link), holder)
  await claims.release(subnetFile(subnet), holder)
}

const overlaps = (one: string, subnet: Subnet.Subnet): boolean => {
  const other = Subnet.parse(one)
  return other !== undefined && Subnet.overlap(other, subnet)
}

const takeGiven = async (given: string, { holder, internal, settings }: Wanted): Promise<string | undefined> => {
  const subnet = Subnet.parse(given)
  if (subnet === undefined) return undefined
  // The addresses of one that is internal are known to nobody else.
  const isFree = internal || !overlaps(settings.subnet, subnet) && await takeSubnet(subnet, holder)
  return isFree ? Subnet.show(subnet) : undefined
}

/** Finds a subnet and a link for a network. What fails claims nothing. */
export const take = Effect.fnUntraced(function*(wanted: Wanted): Effect.fn.Return<Place, Errors.Reason> {
  const { holder, operation, settings, subnet: given } = wanted
  const attempt = <A>(run: () => Promise<A>) =>
    Effect.tryPromise({ try: run, catch: (cause) => fromCause(operation, cause) })
  const subnet = yield* attempt(() => given === undefined ? choose(wanted) : takeGiven(given, wanted))
  if (subnet === undefined) {
    return yield* given === undefined
      ? reason("ResourceExhausted", {
        operation,
        message: `no subnet of ${settings.pool} is free`,
        hint: "remove networks that nobody needs, or give this one a subnet"
      })
      : reason("Conflict", {
        operation,
        message: `${given} overlaps with another network's addresses`,
        hint: "choose another subnet, or leave the choice to the engine"
      })
  }
  const link = yield* attempt(() => takeLink(settings, holder))
  if (link !== undefined) return { link, subnet }
  yield* attempt(() => claims.release(subnetFile(subnet), holder))
  return yield* reason("ResourceExhausted", {
    operation,
    message: `every link that could be called ${settings.bridge.slice(0, isLongest)}-… is taken`
  })
})
