import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const Plugin = Schema.Record(Schema.String, Schema.Json)

/** What one plugin is told; but for its type only that plugin understands it. */
export type Plugin = typeof Plugin.Type

/** A network: the plugins that connect a container to it, in this order. */
export const Network = Schema.Struct({
  cniVersion: Schema.optionalKey(Schema.String),
  name: Schema.String,
  plugins: Schema.NonEmptyArray(Plugin)
})

export type Network = typeof Network.Type

/** What is written without a version is of this one. */
const oldest = "0.1.0"

export const versionOf = ({ cniVersion }: Network): string => cniVersion ?? oldest

/** A plugin's type is the name of its program. */
export const typeOf = ({ type }: Plugin): string => typeof type === "string" ? type : ""

/** Whether a plugin takes what is only known at run time, of this kind. */
export const takes = ({ capabilities }: Plugin, what: string): boolean =>
  typeof capabilities === "object" && capabilities !== null && !Array.isArray(capabilities) &&
  Object.entries(capabilities).some(([name, is]) => name === what && is === true)

const decodeList = Schema.decodeUnknownResult(Schema.fromJsonString(Network))
const decodeSingle = Schema.decodeUnknownResult(Schema.fromJsonString(Plugin))

/** A file as administrators write it: a list of plugins, or one alone; `undefined`: it is neither. */
export const parse = (text: string, isList: boolean): Network | undefined => {
  const network = isList ? Result.getOrUndefined(decodeList(text)) : alone(text)
  return network?.plugins.every((plugin) => typeOf(plugin) !== "") ? network : undefined
}

const alone = (text: string): Network | undefined => {
  const plugin = Result.getOrUndefined(decodeSingle(text))
  if (plugin === undefined) return undefined
  const { cniVersion, name } = plugin
  if (typeof name !== "string") return undefined
  return { ...(typeof cniVersion === "string" ? { cniVersion } : {}), name, plugins: [plugin] }
}

const Ipam = Schema.Struct({
  subnet: Schema.optionalKey(Schema.String),
  ranges: Schema.optionalKey(Schema.Array(Schema.Array(Schema.Struct({ subnet: Schema.String }))))
})

const decodeIpam = Schema.decodeUnknownResult(Ipam)

/** The subnets of which containers get their addresses, as far as it says. */
export const subnetsOf = ({ plugins }: Network): ReadonlyArray<string> =>
  plugins.flatMap(({ ipam }) => {
    const { ranges = [], subnet } = Result.getOrElse(decodeIpam(ipam), (): typeof Ipam.Type => ({}))
    return [...subnet === undefined ? [] : [subnet], ...ranges.flat().map(({ subnet }) => subnet)]
  })
