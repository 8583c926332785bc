import * as Schema from "effect/Schema"

const Milliseconds = Schema.Finite.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 31 - 1 }))

/**
 * What is particular about one registry.
 *
 * - `plainHttp`: speak HTTP without TLS. Default: only with this machine (`localhost`, `127.0.0.0/8`, `::1`).
 * - `ca`: PEM text of a certificate authority to trust besides those that Node trusts.
 * - `mirrors`: asked before the registry, in this order: `host[:port]`, or a URL with `http://` or `https://` and maybe a
 *   path. One that cannot be reached, or does not have what is asked for, is passed over.
 *
 * @category models
 * @since 0.1.0
 */
export const RegistryHost = Schema.Struct({
  plainHttp: Schema.optional(Schema.Boolean),
  ca: Schema.optional(Schema.String),
  mirrors: Schema.optional(Schema.Array(Schema.String))
})

/**
 * @category models
 * @since 0.1.0
 */
export type RegistryHost = typeof RegistryHost.Type

/**
 * How to speak to registries. Everything may be left out.
 *
 * - `hosts`: by `host[:port]`, as references have it; Docker Hub is `docker.io`.
 * - `connectTimeout`: milliseconds within which a connection is there. Default 10000.
 * - `answerTimeout`: milliseconds within which an answer begins; for a small one (a manifest, a token), is complete.
 *   Default 60000.
 * - `commitTimeout`: milliseconds within which a registry says that it has stored all of a blob. Default 300000.
 * - `stallTimeout`: milliseconds that may pass between two pieces of a blob. Default 30000.
 * - `retries`: how often what may help is tried again (default 4), with a wait of `delay` milliseconds (default 250) that
 *   doubles each time up to `maximumDelay` (default 10000). A registry that wants a longer wait is not asked again.
 *
 * **Example** (A registry with a certificate of its own)
 *
 * ```ts
 * const config: RegistryConfig = {
 *   hosts: { "registry.example:5000": { ca: "-----BEGIN CERTIFICATE-----..." }, "docker.io": { mirrors: ["hub.example"] } }
 * }
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export const RegistryConfig = Schema.Struct({
  hosts: Schema.optional(Schema.Record(Schema.String, RegistryHost)),
  connectTimeout: Schema.optional(Milliseconds),
  answerTimeout: Schema.optional(Milliseconds),
  commitTimeout: Schema.optional(Milliseconds),
  stallTimeout: Schema.optional(Milliseconds),
  retries: Schema.optional(Schema.Struct({
    times: Schema.optional(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 }))),
    delay: Schema.optional(Milliseconds),
    maximumDelay: Schema.optional(Milliseconds)
  }))
})

/**
 * @category models
 * @since 0.1.0
 */
export type RegistryConfig = typeof RegistryConfig.Type

/** A configuration in which nothing is missing. */
export interface Settings {
  readonly hosts: Readonly<Record<string, RegistryHost>>
  readonly connectTimeout: number
  readonly answerTimeout: number
  readonly commitTimeout: number
  readonly stallTimeout: number
  readonly retries: { readonly times: number; readonly delay: number; readonly maximumDelay: number }
}

/** The configuration with the defaults in the gaps. */
export const settings = (config: RegistryConfig): Settings => ({
  hosts: config.hosts ?? {},
  connectTimeout: config.connectTimeout ?? 10_000,
  answerTimeout: config.answerTimeout ?? 60_000,
  commitTimeout: config.commitTimeout ?? 300_000,
  stallTimeout: config.stallTimeout ?? 30_000,
  retries: {
    times: config.retries?.times ?? 4,
    delay: config.retries?.delay ?? 250,
    maximumDelay: config.retries?.maximumDelay ?? 10_000
  }
})
