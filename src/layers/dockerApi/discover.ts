import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { createHash } from "node:crypto"
import { join } from "node:path"
import type * as Errors from "../../Errors.ts"
import * as ClientConfig from "../registry/clientConfig.ts"
import { configDirectory, home } from "../registry/environment.ts"
import type { Address } from "./address.ts"
import { address, type Endpoint, type Tls } from "./connection.ts"
import type { Environment } from "./environment.ts"
import { reason } from "./errors.ts"

const operation = "connect"

/** Somewhere that an engine may be. */
export interface Candidate {
  /** As a person writes it. */
  readonly address: string
  /** How it was found: `"DOCKER_HOST"`, `"the context desktop-linux"`, ... */
  readonly source: string
  /** What to connect to, or why that cannot even be tried. */
  readonly endpoint: Result.Result<Endpoint, Errors.Reason>
}

// ---------------------------------------------------------------------------------------------------------------------
// addresses
// ---------------------------------------------------------------------------------------------------------------------

const unsupported = (host: string, hint: string) =>
  reason("Unsupported", { operation, message: `${host}: this kind of address is not supported`, hint })

const invalid = (host: string) =>
  reason("InvalidArgument", {
    operation,
    message: `${JSON.stringify(host)} is not the address of an engine`,
    hint: "write unix:///path/to/the/socket, tcp://host:port or https://host:port"
  })

/** Reads an address as DOCKER_HOST has it. `tls` holds for `tcp:` and is needed for `https:`. */
export const parseHost = (host: string, tls: Tls | undefined): Result.Result<Endpoint, Errors.Reason> => {
  if (host.startsWith("/")) return Result.succeed({ _tag: "Unix", path: host })
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//.exec(host)?.[1] ?? (/^[^/]+:\d+$/.test(host) ? "tcp" : undefined)
  switch (scheme) {
    case "unix": {
      const path = host.slice("unix://".length)
      return path.startsWith("/") ? Result.succeed({ _tag: "Unix", path }) : Result.fail(invalid(host))
    }
    case "ssh":
      return Result.fail(
        unsupported(host, "forward the engine's socket (ssh -L /tmp/docker.sock:/var/run/docker.sock) and use that")
      )
    case "npipe":
      return Result.fail(unsupported(host, "let the engine listen on tcp://127.0.0.1:2375"))
    case "tcp":
    case "http":
    case "https": {
      const text = host.includes("://") ? host.replace(/^[a-z]+:/, "http:") : `http://${host}`
      if (!URL.canParse(text)) return Result.fail(invalid(host))
      const { hash, hostname, password, pathname, port, search, username } = new URL(text)
      if (hostname === "" || username !== "" || password !== "" || search !== "" || hash !== "") {
        return Result.fail(invalid(host))
      }
      const secured = scheme === "http" ? undefined : tls ?? (scheme === "https" ? { verify: true } : undefined)
      const usual = scheme === "http" ? 80 : scheme === "https" ? 443 : secured === undefined ? 2375 : 2376
      return Result.succeed({
        _tag: "Tcp",
        host: hostname,
        // `new URL` drops a port of 80, since it was told that this is HTTP.
        port: port !== "" ? Number(port) : /:80(?:\/|$)/.test(text.slice("http://".length)) ? 80 : usual,
        prefix: pathname.replace(/\/+$/, ""),
        ...(secured === undefined ? {} : { tls: secured })
      })
    }
    default:
      return Result.fail(invalid(host))
  }
}

const tlsFiles = Effect.fnUntraced(function*(
  directory: string,
  verify: boolean
): Effect.fn.Return<Tls, Errors.Reason> {
  const [ca, cert, key] = yield* Effect.forEach(
    ["ca.pem", "cert.pem", "key.pem"],
    (name) => ClientConfig.text(join(directory, name), operation)
  )
  return { verify, ca, cert, ...(key === undefined ? {} : { key: Redacted.make(key) }) }
})

// ---------------------------------------------------------------------------------------------------------------------
// contexts
// ---------------------------------------------------------------------------------------------------------------------

const Meta = Schema.Struct({
  Endpoints: Schema.Record(
    Schema.String,
    Schema.Struct({ Host: Schema.optionalKey(Schema.String), SkipTLSVerify: Schema.optionalKey(Schema.Boolean) })
  )
})

const decodeMeta = Schema.decodeUnknownResult(Schema.toCodecGoJson(Meta))

/** A context of the engine's own client: its store names the directories by the hash of the context's name. */
const fromContext = Effect.fnUntraced(function*(
  name: string,
  environment: Environment
): Effect.fn.Return<Endpoint, Errors.Reason> {
  const contexts = join(configDirectory(environment), "contexts")
  const hash = createHash("sha256").update(name).digest("hex")
  const path = join(contexts, "meta", hash, "meta.json")
  const content = yield* ClientConfig.text(path, operation)
  if (content === undefined) {
    return yield* reason("NotFound", {
      operation,
      message: `there is no context ${JSON.stringify(name)}`,
      hint: `its file would be ${path}`
    })
  }
  const meta = decodeMeta(yield* ClientConfig.json(path, content, operation))
  const endpoint = Result.isSuccess(meta) ? meta.success.Endpoints["docker"] : undefined
  if (endpoint?.Host === undefined || endpoint.Host === "") {
    return yield* reason("InvalidArgument", { operation, message: `${path} has no address of an engine in it` })
  }
  const tls = yield* tlsFiles(join(contexts, "tls", hash, "docker"), endpoint.SkipTLSVerify !== true)
  const isUsed = tls.ca !== undefined || tls.cert !== undefined || endpoint.SkipTLSVerify === true
  return yield* Effect.fromResult(parseHost(endpoint.Host, isUsed ? tls : undefined))
})

// ---------------------------------------------------------------------------------------------------------------------
// candidates
// ---------------------------------------------------------------------------------------------------------------------

const candidate = (
  source: string,
  host: string | undefined,
  endpoint: Effect.Effect<Endpoint, Errors.Reason>
): Effect.Effect<Candidate> =>
  Effect.map(Effect.result(endpoint), (result): Candidate => ({
    source,
    endpoint: result,
    address: host ?? (Result.isSuccess(result) ? address(result.success) : source)
  }))

const usualSockets = (environment: Environment): ReadonlyArray<readonly [path: string, source: string]> => {
  const runtime = environment.XDG_RUNTIME_DIR
  const own = home(environment)
  return [
    ["/var/run/docker.sock", "the usual socket"],
    ...(runtime === undefined ? [] : [[join(runtime, "docker.sock"), "rootless Docker"] as const]),
    [join(own, ".docker/run/docker.sock"), "Docker Desktop"],
    [join(own, ".docker/desktop/docker.sock"), "Docker Desktop on Linux"],
    [join(own, ".colima/default/docker.sock"), "Colima"],
    ["/run/podman/podman.sock", "Podman"],
    ...(runtime === undefined ? [] : [[join(runtime, "podman/podman.sock"), "rootless Podman"] as const])
  ]
}

const currentContext = Effect.fnUntraced(function*(
  environment: Environment
): Effect.fn.Return<readonly [name: string, source: string] | undefined, Errors.Reason> {
  if (environment.DOCKER_CONTEXT !== undefined) {
    return environment.DOCKER_CONTEXT === "default" ? undefined : [environment.DOCKER_CONTEXT, "DOCKER_CONTEXT"]
  }
  const { currentContext: name } = yield* ClientConfig.read(environment, operation)
  return name === undefined || name === "" || name === "default" ? undefined : [name, "the current context"]
})

/**
 * Where to look for the engine, in order, as the engine's own client finds it: what was asked for, DOCKER_HOST,
 * DOCKER_CONTEXT or the current context, else the well-known sockets. A choice is the only candidate: when it fails,
 * nothing takes its place.
 */
export const candidates = Effect.fnUntraced(function*(
  config: Address,
  environment: Environment
): Effect.fn.Return<ReadonlyArray<Candidate>> {
  if (config.host !== undefined) {
    const { tls } = config
    return [
      yield* candidate(
        "the configuration",
        config.host,
        Effect.fromResult(
          parseHost(config.host, tls === undefined ? undefined : { ...tls, verify: tls.verify ?? true })
        )
      )
    ]
  }
  const host = environment.DOCKER_HOST
  if (host !== undefined) {
    const isSecured = environment.DOCKER_CERT_PATH !== undefined || environment.DOCKER_TLS_VERIFY !== undefined
    const isTcp = !/^(?:unix|ssh|npipe|http):|^\//.test(host)
    const endpoint = isSecured && isTcp
      ? Effect.flatMap(
        tlsFiles(
          environment.DOCKER_CERT_PATH ?? configDirectory(environment),
          environment.DOCKER_TLS_VERIFY !== undefined
        ),
        (tls) => Effect.fromResult(parseHost(host, tls))
      )
      : Effect.fromResult(parseHost(host, undefined))
    return [yield* candidate("DOCKER_HOST", host, endpoint)]
  }
  const context = yield* Effect.result(currentContext(environment))
  if (Result.isFailure(context)) {
    return [yield* candidate("the client's configuration", undefined, Effect.fail(context.failure))]
  }
  if (context.success !== undefined) {
    const [name, source] = context.success
    return [yield* candidate(`the context ${name}, from ${source}`, undefined, fromContext(name, environment))]
  }
  const seen = new Set<string>()
  return usualSockets(environment).flatMap(([path, source]): ReadonlyArray<Candidate> => {
    if (seen.has(path)) return []
    seen.add(path)
    return [{ source, address: `unix://${path}`, endpoint: Result.succeed({ _tag: "Unix", path }) }]
  })
})
