import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import { delimiter } from "node:path"
import type * as Errors from "../../../Errors.ts"
import { reason } from "../errors.ts"
import * as Conf from "./conf.ts"
import * as Plugins from "./plugins.ts"
import * as Program from "./program.ts"

/** A container's place in a network. */
export interface Link {
  readonly plugins: Plugins.Plugins
  readonly network: Conf.Network
  /** Its name in the container. */
  readonly interface: string
  /** Known to the whole machine. */
  readonly containerId: string
  /** What plugins that take it get. */
  readonly portMappings: ReadonlyArray<PortMapping>
}

/** With the names of the convention that plugins share. */
export interface PortMapping {
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol: string
  readonly hostIP: string
}

/** What the last plugin said; the next ones get it as it is. */
export type Answer = Schema.Json

const ports = "portMappings"

export const takesPorts = ({ plugins }: Conf.Network): boolean => plugins.some((plugin) => Conf.takes(plugin, ports))

const inputOf = (link: Link, plugin: Conf.Plugin, prevResult: Answer | undefined): string => {
  const { capabilities: _, ...rest } = plugin
  return JSON.stringify({
    ...rest,
    cniVersion: Conf.versionOf(link.network),
    name: link.network.name,
    ...(link.portMappings.length > 0 && Conf.takes(plugin, ports)
      ? {
        runtimeConfig: {
          [ports]: link.portMappings.map(({ hostIP, ...mapping }) => ({
            ...mapping,
            // Every address is none in particular.
            ...(hostIP === "0.0.0.0" ? {} : { hostIP })
          }))
        }
      }
      : {}),
    ...(prevResult === undefined ? {} : { prevResult })
  })
}

interface Asked {
  readonly operation: string
  readonly command: "ADD" | "DEL"
  /** Path of the network namespace; empty: it is gone. */
  readonly namespace: string
  /** Further arguments of the protocol. */
  readonly args?: string | undefined
}

const call = (
  link: Link,
  plugin: Conf.Plugin,
  { args, command, namespace, operation }: Asked,
  prevResult: Answer | undefined
): Effect.Effect<string, Errors.Reason> => {
  const type = Conf.typeOf(plugin)
  const program = Plugins.find(link.plugins, type)
  const { folders, path } = link.plugins
  return program === undefined
    ? Effect.fail(reason("Unsupported", {
      operation,
      message: `the CNI plugin ${type} is not in ${folders.join(", ")}`,
      hint: "install the CNI plugins, or say where they are"
    }))
    : Program.run({
      operation,
      program,
      type,
      command,
      env: {
        CNI_COMMAND: command,
        CNI_CONTAINERID: link.containerId,
        CNI_IFNAME: link.interface,
        CNI_NETNS: namespace,
        CNI_PATH: folders.join(delimiter),
        ...(args === undefined ? {} : { CNI_ARGS: args }),
        PATH: path
      },
      input: inputOf(link, plugin, prevResult)
    })
}

const decodeAnswer = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Json))

/** Takes a container out of a network, the last plugin first. All are asked; the first failure is the one that counts. */
export const del = Effect.fnUntraced(function*(
  link: Link,
  answer: Answer | undefined,
  options: { readonly operation: string; readonly namespace: string }
): Effect.fn.Return<void, Errors.Reason> {
  let failed: Errors.Reason | undefined
  for (const plugin of link.network.plugins.toReversed()) {
    const result = yield* Effect.result(call(link, plugin, { ...options, command: "DEL" }, answer))
    if (Result.isFailure(result)) failed ??= result.failure
  }
  if (failed !== undefined) return yield* failed
})

/** Networks by name: a bridge is made by the first that needs it, addresses and rules are given one after the other. */
const turns = new Map<string, Semaphore.Semaphore>()

const inTurn = (name: string) => {
  const turn = turns.get(name) ?? Semaphore.makeUnsafe(1)
  turns.set(name, turn)
  return turn.withPermit
}

/**
 * Connects a container to a network. Each answer is told as it comes: whoever asked takes the container out again if a
 * later plugin fails.
 */
export const add = (
  link: Link,
  options: { readonly operation: string; readonly namespace: string; readonly args?: string | undefined },
  tell: (answer: Answer) => void
): Effect.Effect<void, Errors.Reason> =>
  Effect.gen(function*() {
    let answer: Answer | undefined
    for (const plugin of link.network.plugins) {
      const text = yield* call(link, plugin, { ...options, command: "ADD" }, answer)
      // A plugin that has nothing to add may say nothing.
      if (text.trim() === "") continue
      const result = decodeAnswer(text)
      if (Result.isFailure(result)) {
        return yield* reason("Protocol", {
          operation: options.operation,
          message: `the CNI plugin ${Conf.typeOf(plugin)} answered what is no JSON: ${text.slice(0, 200)}`
        })
      }
      answer = result.success
      tell(answer)
    }
  }).pipe(inTurn(link.network.name))

const gateway = Schema.optionalKey(Schema.String)

const Addresses = Schema.Struct({
  ips: Schema.optionalKey(Schema.Array(Schema.Struct({ address: Schema.String, gateway }))),
  // Before version 0.3.
  ip4: Schema.optionalKey(Schema.Struct({ ip: Schema.String, gateway })),
  ip6: Schema.optionalKey(Schema.Struct({ ip: Schema.String, gateway }))
})

const decodeAddresses = Schema.decodeUnknownResult(Addresses)

/** The container's own addresses. */
export const addresses = (answer: Answer | undefined): ReadonlyArray<string> => {
  const { ip4, ip6, ips = [] } = Result.getOrElse(decodeAddresses(answer), (): typeof Addresses.Type => ({}))
  return [...ips.map(({ address }) => address), ...[ip4?.ip, ip6?.ip].filter((ip) => ip !== undefined)]
    .map((address) => address.replace(/\/\d+$/, ""))
}

/** The first address by which the container leaves this network: of a bridge, this machine's own. */
export const gatewayOf = (answer: Answer | undefined): string | undefined => {
  const { ip4, ip6, ips = [] } = Result.getOrElse(decodeAddresses(answer), (): typeof Addresses.Type => ({}))
  return [...ips, ip4, ip6].find((ip) => ip?.gateway !== undefined)?.gateway
}
