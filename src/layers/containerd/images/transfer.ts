import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf"
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { randomUUID } from "node:crypto"
import type { Credentials } from "../../../Backend.ts"
import type * as Errors from "../../../Errors.ts"
import type { Phase } from "../../../Progress.ts"
import { type RegistryConfig, settings } from "../../registry/config.ts"
import { hostOf, locate } from "../../registry/endpoint.ts"
import { type Channel, encode, type Request } from "../channel.ts"
import type { Connection } from "../connect.ts"
import { fromCause, reason } from "../errors.ts"
import { Streaming, StreamInitSchema } from "../protocol/streaming_pb.ts"
import {
  AuthRequestSchema,
  AuthResponseSchema,
  ImageStoreSchema,
  OCIRegistrySchema,
  ProgressSchema
} from "../protocol/transfer-types_pb.ts"
import { Transfer as Service } from "../protocol/transfer_pb.ts"
import type { Platform } from "./platform.ts"
import { type Report, shortId } from "./report.ts"

const operation = "pull"

/** The engine pulls by itself: in its own network, with its own trust, and faster than anybody who hands it the bytes. */
export interface Transfer {
  /** Whether it can get at this registry as well as we could. */
  readonly isFit: (domain: string) => boolean
  readonly pull: (options: {
    /** With its digest, so that it is what was resolved. */
    readonly reference: string
    readonly domain: string
    /** The name that the image gets. */
    readonly name: string
    readonly platform: Platform
    readonly credentials: Effect.Effect<Credentials | undefined>
    readonly report: Report
  }) => Effect.Effect<void, Errors.Reason>
}

/** 1.7 has the service too, but it cannot speak to a registry without TLS, and tells less. */
const oldest = 2

/** `undefined`: the engine does not do it, or not well enough. */
export const make = (
  { channel, plugins, snapshotter, version }: Connection,
  config: RegistryConfig
): Transfer | undefined => {
  const isThere = plugins.some(({ id, initErr, type }) =>
    type === "io.containerd.transfer.v1" && id === "local" && initErr === undefined
  )
  if (!isThere || Number(version.split(".")[0]) < oldest) return undefined
  const registries = settings(config)
  return {
    isFit: (domain) => {
      const host = hostOf(registries, domain)
      // What we were told about a registry the engine does not know.
      return host?.ca === undefined && (host?.mirrors ?? []).length === 0
    },
    pull: (options) =>
      Effect.scoped(Effect.gen(function*() {
        const scheme = locate(registries, options.domain)?.base.protocol === "http:" ? "http" : "https"
        const progress = yield* listen(channel, (any) => tell(options.report, any))
        // Whoever looks credentials up, be it with a program of its own, goes with the pull.
        const run = yield* FiberSet.makeRuntime<never>()
        const auth = yield* listen(channel, (any, answer) => {
          if (unpacked(AuthRequestSchema, any) !== undefined) run(authenticate(options, answer))
        })
        const platform = {
          os: options.platform.os,
          architecture: options.platform.architecture,
          variant: options.platform.variant ?? ""
        }
        yield* channel.unary(Service.method.transfer, {
          source: packed(OCIRegistrySchema, {
            reference: options.reference,
            resolver: { authStream: auth, headers: {}, hostDir: "", defaultScheme: scheme }
          }),
          destination: packed(ImageStoreSchema, {
            name: options.name,
            labels: {},
            platforms: [platform],
            unpacks: [{ platform, snapshotter }]
          }),
          options: { progressStream: progress }
        }, { operation, deadline: "none" })
      }))
  }
}

/** Types of containerd go by their bare names. */
const packed = <Desc extends DescMessage>(schema: Desc, request: Request<Desc>) => ({
  typeUrl: schema.typeName,
  value: encode(schema, request)
})

/**
 * A stream of messages beside a call, by the name that the call is to have. The engine has to know it first. The scope
 * cancels it: some never end by themselves.
 */
const listen = Effect.fnUntraced(function*(
  channel: Channel,
  onMessage: (any: Any, answer: (message: ReturnType<typeof packed>) => void) => void
): Effect.fn.Return<string, Errors.Reason, Scope.Scope> {
  const id = `effect-containers-${randomUUID()}`
  const call = yield* channel.duplex(Streaming.method.stream, { operation })
  const acknowledged = yield* Deferred.make<void, Errors.Reason>()
  const send = (message: ReturnType<typeof packed>) => {
    call.write(encode(AnySchema, message))
  }
  call.on("data", (any: Any) => {
    if (Deferred.isDoneUnsafe(acknowledged)) onMessage(any, send)
    else Deferred.doneUnsafe(acknowledged, Effect.void)
  })
  call.on("error", (cause) => void Deferred.doneUnsafe(acknowledged, Effect.fail(fromCause(operation, cause))))
  call.on("end", () =>
    void Deferred.doneUnsafe(
      acknowledged,
      Effect.fail(reason("Protocol", { operation, message: "the engine ended a stream before it began" }))
    ))
  send({
    typeUrl: "containerd.services.streaming.v1.StreamInit",
    value: encode(StreamInitSchema, { id })
  })
  yield* Deferred.await(acknowledged)
  return id
})

const unpacked = <Desc extends DescMessage>(schema: Desc, { typeUrl, value }: Any): MessageShape<Desc> | undefined => {
  if (!typeUrl.endsWith(schema.typeName)) return undefined
  try {
    return fromBinary(schema, value)
  } catch {
    return undefined
  }
}

const phases: Readonly<Record<string, readonly [phase: Phase, status: string]>> = {
  waiting: ["Waiting", "Pulling fs layer"],
  downloading: ["Downloading", "Downloading"],
  extracting: ["Extracting", "Extracting"],
  extracted: ["Complete", "Pull complete"],
  complete: ["Downloaded", "Download complete"],
  "already exists": ["Exists", "Already exists"]
}

/** The engine tells of everything that it gets; people want to hear of layers. */
const tell = (report: Report, any: Any): void => {
  const progress = unpacked(ProgressSchema, any)
  const digest = /^layer-(.*)$/.exec(progress?.name ?? "")?.[1]
  const known = phases[progress?.event ?? ""]
  if (progress === undefined || digest === undefined || known === undefined) return
  const [phase, status] = known
  const counts = phase === "Downloading"
  report.unheard({
    id: shortId(digest),
    phase,
    status,
    ...(counts ? { current: Number(progress.progress), total: Number(progress.total) } : {})
  })
}

const Kind = { none: 0, credentials: 1, refresh: 2 } as const

/** What the engine is told when it asks who is pulling. */
const authenticate = (
  { credentials }: { readonly credentials: Effect.Effect<Credentials | undefined> },
  answer: (message: ReturnType<typeof packed>) => void
): Effect.Effect<void> =>
  // Without an answer the engine would wait for one.
  Effect.map(Effect.catchDefect(credentials, (defect) => Effect.as(Effect.logError(defect), undefined)), (found) =>
    answer(packed(
      AuthResponseSchema,
      found === undefined
        ? { authType: Kind.none, secret: "", username: "" }
        : "identityToken" in found
        ? { authType: Kind.refresh, secret: Redacted.value(found.identityToken), username: "" }
        : { authType: Kind.credentials, secret: Redacted.value(found.password), username: found.username }
    )))
