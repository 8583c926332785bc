import * as Effect from "effect/Effect"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { ExtraHost } from "../../../ContainerConfig.ts"
import type * as Errors from "../../../Errors.ts"
import { fromCause } from "../errors.ts"
import { ifThere } from "../there.ts"

const local = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"

/** Lines of `/etc/hosts`. */
export const lines = (hosts: ReadonlyArray<ExtraHost> | undefined = []): string =>
  hosts.map(({ address, name }) => `${address}\t${name}\n`).join("")

/** `/etc/hosts` of a container with these addresses; its own name has none before it is connected. */
export const hosts = (
  { hostname, hosts }: { readonly hostname: string; readonly hosts?: ReadonlyArray<ExtraHost> | undefined },
  addresses: ReadonlyArray<string>
): string => local + lines(hosts) + lines(addresses.map((address) => ({ address, name: hostname })))

const isLoopback = (address: string): boolean => address.startsWith("127.") || address === "::1"

const server = /^\s*nameserver\s+(\S+)/

/** Without the name servers that only the machine itself reaches; `undefined`: then none is left. */
export const withoutLoopback = (text: string): string | undefined => {
  const lines = text.split("\n").filter((line) => !isLoopback(server.exec(line)?.[1] ?? ""))
  return lines.some((line) => server.test(line)) ? lines.join("\n") : undefined
}

/** Where systemd's own name server, which is on a loopback address, has those that it asks. */
const upstream = "/run/systemd/resolve/resolv.conf"

/** `/etc/resolv.conf` of a container in a network. */
export const resolvConf = async (): Promise<string> => {
  const read = async (path: string) => await ifThere(readFile(path, "utf8")) ?? ""
  const own = await read("/etc/resolv.conf")
  // No other server is known here: one that is said wrongly shows, one that is made up does not.
  return withoutLoopback(own) ?? withoutLoopback(await read(upstream)) ?? own
}

/** Where it is, of a container's folder. */
export const hostsOf = (folder: string): string => join(folder, "hosts")

/** In place: what is mounted in the container is this file, not its name. */
export const writeHosts = (operation: string, folder: string, text: string): Effect.Effect<void, Errors.Reason> =>
  Effect.tryPromise({
    try: () => writeFile(hostsOf(folder), text),
    catch: (cause) => fromCause(operation, cause)
  })
