import * as Schema from "effect/Schema"
import { address } from "../dockerApi/address.ts"

/**
 * How to reach an engine with Docker's API. Everything may be left out; what is not given is found as the engine's own
 * client finds it.
 *
 * - `host`: `unix:///path`, `tcp://host:port`, `http://` or `https://host:port`, with or without a path. Default: from
 *   `DOCKER_HOST`, `DOCKER_CONTEXT`, the client's current context, or a well-known socket.
 * - `tls`: PEM texts, and whether the engine's certificate must be valid (default `true`). Only with `host`.
 * - `apiVersion`: such as `"1.43"`. Default: the newest that both sides know.
 * - `connectTimeout`: milliseconds within which a connection over TCP is there. Default 5000.
 * - `healthTimeout`: milliseconds within which an engine answers the first question. Default 5000.
 * - `requestTimeout`: milliseconds within which an engine answers what needs no waiting (create, inspect, ...). Streams,
 *   and waiting for a container, have no limit. Default 60000.
 * - `publishedHost`: the name or address of the engine's machine, as seen from here, where the ports of its containers are
 *   reached. Default: that of `host` over TCP, else `"127.0.0.1"`.
 * - `network`: what a container gets that asks for no network and publishes no port: `"none"`, `"host"` or the name of one.
 *   Default: the engine's own, a bridge; `"none"` is faster.
 *
 * **Example** (Reading it from JSON)
 *
 * ```ts import.meta.vitest
 * import { Schema } from "effect"
 * import * as Docker from "effect-containers/layers/Docker"
 *
 * const config = Schema.decodeUnknownSync(Docker.DockerConfig)({ host: "tcp://127.0.0.1:2375", connectTimeout: 1000 })
 * config.host // => "tcp://127.0.0.1:2375"
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export const DockerConfig = Schema.Struct({
  ...address,
  publishedHost: Schema.optional(Schema.NonEmptyString),
  network: Schema.optional(Schema.NonEmptyString)
})

/**
 * @category models
 * @since 0.1.0
 */
export type DockerConfig = typeof DockerConfig.Type
