import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { hostname as hostName } from "node:os"
import { join } from "node:path"
import type { ContainerConfig, Dns } from "../../ContainerConfig.ts"
import type * as Errors from "../../Errors.ts"
import * as NetworkFiles from "./cni/files.ts"
import type { Engine } from "./engine.ts"
import { fromCause, reason } from "./errors.ts"
import type * as Record from "./record.ts"
import type { Mount } from "./spec/model.ts"
import { ifThere } from "./there.ts"

const operation = "create"

/** How long the name of a machine can be: bytes. */
const longestHostname = 63

const nameFiles = ["hosts", "hostname", "resolv.conf"] as const

export const mounts = (folder: string): ReadonlyArray<Mount> =>
  nameFiles.map((name) => ({
    destination: `/etc/${name}`,
    type: "bind",
    source: join(folder, name),
    options: ["rbind", "rprivate", "rw"]
  }))

const ended = (text: string): string => text === "" || text.endsWith("\n") ? text : `${text}\n`

/** A resolv.conf(5) with what is asked for in the place of what it says of that. */
export const withDns = (text: string, { options, search, servers }: Dns): string => {
  const replaced = new Set([
    ...servers.length === 0 ? [] : ["nameserver"],
    ...search.length === 0 ? [] : ["search", "domain"],
    ...options.length === 0 ? [] : ["options"]
  ])
  const kept = text.split("\n").filter((line) => !replaced.has(/^\s*(\w+)/.exec(line)?.[1] ?? ""))
  return [
    ended(kept.join("\n")),
    ...servers.map((server) => `nameserver ${server}\n`),
    ...search.length === 0 ? [] : [`search ${search.join(" ")}\n`],
    ...options.length === 0 ? [] : [`options ${options.join(" ")}\n`]
  ].join("")
}

/** Nobody else gives a container the files that tell it its name and where to ask for others. */
export const write = (
  folder: string,
  { connected, hostname, network }: Named,
  { dns, extraHosts, hostAccess }: ContainerConfig
): Effect.Effect<void, Errors.Reason> =>
  Effect.tryPromise({
    try: async () => {
      await mkdir(folder, { recursive: true, mode: 0o711 })
      const local = `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.0.1\t${hostname}\n`
      const host = (path: string) => ifThere(readFile(path, "utf8"))
      const more = NetworkFiles.lines(extraHosts)
      const resolver = connected === undefined
        ? await host("/etc/resolv.conf") ?? ""
        : await NetworkFiles.resolvConf()
      const contents: globalThis.Record<typeof nameFiles[number], string> = {
        hosts: network === "host"
          ? ended(await host("/etc/hosts") ?? local) + more +
            (hostAccess === undefined ? "" : NetworkFiles.lines([{ name: hostAccess, address: "127.0.0.1" }]))
          : connected === undefined
          ? local + more
          : NetworkFiles.hosts(connected, []),
        hostname: `${hostname}\n`,
        "resolv.conf": dns === undefined ? resolver : withDns(resolver, dns)
      }
      await Promise.all(nameFiles.map((name) => writeFile(join(folder, name), contents[name], { mode: 0o644 })))
    },
    catch: (cause) => fromCause(operation, cause)
  })

/** As which machine a container is known, and whose network it sees. */
export interface Named {
  readonly hostname: string
  readonly network: "host" | "own"
  /** The networks that plugins connect it to, if there are any. */
  readonly connected: Record.Connected | undefined
}

export const of = (
  engine: Engine,
  id: string,
  config: ContainerConfig
): Effect.Effect<Named, Errors.Reason> => {
  const { extraHosts, hostAccess, hostname: given, ports } = config
  const hosts = {
    ...extraHosts === undefined ? {} : { hosts: extraHosts },
    ...hostAccess === undefined ? {} : { hostAccess }
  }
  // Whoever wants ports, or a way to this machine, wants a network that has some.
  const networks: Record.Connected["networks"] = Arr.isReadonlyArrayNonEmpty(config.networks)
    ? config.networks
    : [{ name: ports.length > 0 || hostAccess !== undefined ? "bridge" : engine.network, aliases: [] }]
  const [{ name }] = networks
  const network = name === "host" ? "host" : "own"
  const hostname = given ?? (network === "host" ? hostName() : id.slice(0, longestHostname))
  if (name !== "host" && name !== "none") {
    return Effect.succeed({ network, hostname, connected: { networks, hostname, ports, ...hosts } })
  }
  return ports.length === 0 ? Effect.succeed({ network, hostname, connected: undefined }) : Effect.fail(
    reason("InvalidArgument", {
      operation,
      message: `a container with the network ${name} has no ports to publish`,
      hint: "give it another network"
    })
  )
}
