import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { X509Certificate } from "node:crypto"
import * as Http from "node:http"
import * as Https from "node:https"
import * as Tls from "node:tls"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import type { Settings } from "./config.ts"
import { hostOf } from "./endpoint.ts"
import type { Subject } from "./errors.ts"

/** Connections that are kept though nobody uses them, for each host, and for how long: milliseconds. */
const kept = { keepAlive: true, maxFreeSockets: 4, timeout: 30_000 }

/** Made once for an agent: reading all certificates takes longer than a request. Throws when it is no certificate. */
const trusting = (ca: string): Tls.SecureContext => {
  // What it cannot read, a context leaves out without a word.
  const { raw: _ } = new X509Certificate(ca)
  return Tls.createSecureContext({ ca: [...Tls.getCACertificates("default"), ca] })
}

/** Which agent asks a URL: one for HTTP, one for HTTPS, and one for each host that has a certificate authority. */
export const agents = (
  settings: Settings
): Effect.Effect<
  (subject: Subject, url: URL) => Effect.Effect<Http.Agent, Errors.Reason>,
  never,
  Scope.Scope
> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => new Map<string, Http.Agent>()),
      (agents) =>
        Effect.sync(() => {
          for (const agent of agents.values()) agent.destroy()
        })
    ),
    (agents) => (subject, url) => {
      const ca = url.protocol === "https:" ? hostOf(settings, url.host)?.ca : undefined
      const key = ca === undefined ? url.protocol : url.host
      const known = agents.get(key)
      if (known !== undefined) return Effect.succeed(known)
      return Effect.try({
        try: () => {
          const agent = url.protocol === "http:"
            ? new Http.Agent(kept)
            : ca === undefined
            ? new Https.Agent(kept)
            : new Https.Agent({ ...kept, secureContext: trusting(ca) })
          agents.set(key, agent)
          return agent
        },
        catch: () =>
          reason("InvalidArgument", {
            operation: subject.operation,
            message: `${subject.image}: the ca given for ${url.host} is not a certificate in PEM`
          })
      })
    }
  )
