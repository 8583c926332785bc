import * as Effect from "effect/Effect"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import type { Reference } from "../../Reference.ts"
import type { RegistryHost, Settings } from "./config.ts"
import type { Operation } from "./errors.ts"

/** Where a registry is spoken to. */
export interface Endpoint {
  /** Under which name its credentials are known: `docker.io`, `registry.example:5000`. */
  readonly domain: string
  /** As errors name it. */
  readonly host: string
  /** Ends with a `/`, before `v2/`. */
  readonly base: URL
}

const isLoopback = (hostname: string): boolean =>
  hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname)

/** What is configured for a host, under the one or the other of its names. */
export const hostOf = (settings: Settings, domain: string): RegistryHost | undefined =>
  Object.hasOwn(settings.hosts, domain)
    ? settings.hosts[domain]
    : domain === "registry-1.docker.io"
    ? hostOf(settings, "docker.io")
    : undefined

/** Whether nothing is said against speaking plain HTTP to whoever a URL names. */
export const mayBePlain = (settings: Settings, url: URL): boolean =>
  hostOf(settings, url.host)?.plainHttp ?? isLoopback(url.hostname)

/** The registry of a domain; `undefined` when that is no address, such as one with a port that there is not. */
export const locate = (settings: Settings, domain: string): Endpoint | undefined => {
  const host = domain === "docker.io" ? "registry-1.docker.io" : domain
  if (!URL.canParse(`https://${host}/`)) return undefined
  const plain = new URL(`http://${host}/`)
  const isPlain = hostOf(settings, domain)?.plainHttp ?? mayBePlain(settings, plain)
  return { domain, host, base: isPlain ? plain : new URL(`https://${host}/`) }
}

/** The registry of a reference. */
export const registry = (
  settings: Settings,
  reference: Reference,
  operation: Operation
): Effect.Effect<Endpoint, Errors.InvalidArgument> =>
  Effect.suspend(() => {
    const endpoint = locate(settings, reference.domain)
    return endpoint === undefined
      ? Effect.fail(reason("InvalidArgument", {
        operation,
        message: `${reference.name}: ${reference.domain} is no address of a registry`
      }))
      : Effect.succeed(endpoint)
  })

const mirror = (settings: Settings, text: string): Endpoint | undefined => {
  if (!/^https?:\/\//.test(text)) return locate(settings, text)
  if (!URL.canParse(text)) return undefined
  const { host, origin, pathname } = new URL(text)
  return { domain: host, host, base: new URL(pathname.endsWith("/") ? pathname : `${pathname}/`, origin) }
}

/** The mirrors of a domain, in order. What is no address is left out. */
export const mirrors = (settings: Settings, domain: string): ReadonlyArray<Endpoint> =>
  (hostOf(settings, domain)?.mirrors ?? []).flatMap((text) => mirror(settings, text) ?? [])
