import * as Effect from "effect/Effect"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type * as Errors from "../../../Errors.ts"
import { fromCause } from "../errors.ts"

const local = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"

/** `/etc/hosts` of a container with these addresses; its own name has none before it is connected. */
export const hosts = (hostname: string, addresses: ReadonlyArray<string>): string =>
  local + addresses.map((address) => `${address}\t${hostname}\n`).join("")

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
  const read = (path: string) => readFile(path, "utf8").catch(() => "")
  const own = await read("/etc/resolv.conf")
  // No other server is known here: one that is said wrongly shows, one that is made up does not.
  return withoutLoopback(own) ?? withoutLoopback(await read(upstream)) ?? own
}

/** In place: what is mounted in the container is this file, not its name. */
export const writeHosts = (
  operation: string,
  folder: string,
  hostname: string,
  addresses: ReadonlyArray<string>
): Effect.Effect<void, Errors.Reason> =>
  Effect.tryPromise({
    try: () => writeFile(join(folder, "hosts"), hosts(hostname, addresses)),
    catch: (cause) => fromCause(operation, cause)
  })
