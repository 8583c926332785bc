/**
 * No request that our types let through brings an engine down. `EFFECT_CONTAINERS_FUZZ` (default 3000) says how many
 * are sent.
 */
import type { DescField, DescMessage, MessageInitShape } from "@bufbuild/protobuf"
import { create, ScalarType, toBinary } from "@bufbuild/protobuf"
import { describe, it } from "@effect/vitest"
import { strictEqual } from "@effect/vitest/utils"
import * as Grpc from "@grpc/grpc-js"
import { Effect } from "effect"
import { Containers } from "../../../src/layers/containerd/protocol/containers_pb.ts"
import { Content } from "../../../src/layers/containerd/protocol/content_pb.ts"
import { Diff } from "../../../src/layers/containerd/protocol/diff_pb.ts"
import { Images } from "../../../src/layers/containerd/protocol/images_pb.ts"
import { Introspection } from "../../../src/layers/containerd/protocol/introspection_pb.ts"
import { Leases } from "../../../src/layers/containerd/protocol/leases_pb.ts"
import { Namespaces } from "../../../src/layers/containerd/protocol/namespaces_pb.ts"
import { Snapshots } from "../../../src/layers/containerd/protocol/snapshots_pb.ts"
import { Tasks } from "../../../src/layers/containerd/protocol/tasks_pb.ts"
import { Version } from "../../../src/layers/containerd/protocol/version_pb.ts"
import { restartable, versions } from "./engine.ts"

/** So many wait for their answers at the same time. */
const atOnce = 64

const requests = Number(process.env["EFFECT_CONTAINERS_FUZZ"] ?? 3000)

/** Reproducible: mulberry32. */
const generator = (seed: number) => () => {
  seed = seed + 0x6D2B79F5 | 0
  let t = Math.imul(seed ^ seed >>> 15, 1 | seed)
  t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t
  return ((t ^ t >>> 14) >>> 0) / 2 ** 32
}

const digest = `sha256:${"0".repeat(64)}`

/** Words that mean something somewhere, and words that mean nothing; none is a path of this machine. */
const words = [
  "",
  "a",
  "b1",
  "overlayfs",
  "native",
  digest,
  "sha256:x",
  "docker.io/library/a:1",
  "io.containerd.runc.v2",
  "labels",
  "labels.a",
  "target",
  "spec",
  "extensions.a",
  "id==a",
  "labels.\"a\"==b",
  "name~=(",
  "application/vnd.oci.image.layer.v1.tar+gzip",
  "types.containerd.io/opencontainers/runtime-spec/1/Spec",
  "overlay",
  "é\u{1F600}",
  "x".repeat(5000),
  "-1",
  "../../a"
]

const services = [Containers, Content, Diff, Images, Introspection, Leases, Namespaces, Snapshots, Tasks, Version]
/** What blocks by its meaning is not asked for an answer. */
const methods = services.flatMap((service) =>
  service.methods.filter(({ methodKind, name }) =>
    (methodKind === "unary" || methodKind === "server_streaming") && name !== "Wait"
  )
)

type Value = MessageInitShape<DescMessage>

const fuzzer = (seed: number) => {
  const random = generator(seed)
  const below = (n: number) => Math.floor(random() * n)
  const word = () => words[below(words.length)] ?? ""

  const scalar = (type: ScalarType): unknown => {
    switch (type) {
      case ScalarType.STRING:
        return word()
      case ScalarType.BOOL:
        return random() < 0.5
      case ScalarType.BYTES:
        return Uint8Array.from({ length: below(64) }, () => below(256))
      case ScalarType.INT64:
        return BigInt(below(2 ** 31)) - (random() < 0.3 ? 2n ** 31n : 0n)
      case ScalarType.UINT64:
        return BigInt(below(2 ** 31))
      default:
        return below(200)
    }
  }
  const value = (field: DescField, depth: number): unknown => {
    if (field.fieldKind === "message") return message(field.message, depth + 1)
    if (field.fieldKind === "scalar") return scalar(field.scalar)
    if (field.fieldKind === "list") {
      const one = () =>
        field.listKind === "message" ? message(field.message, depth + 1) : field.listKind === "scalar"
          ? scalar(field.scalar)
          : 0
      return Array.from({ length: below(3) }, one)
    }
    if (field.fieldKind === "map") {
      const one = () => field.mapKind === "message" ? message(field.message, depth + 1) : word()
      return Object.fromEntries(Array.from({ length: below(3) }, () => [word(), one()]))
    }
    return 0
  }
  const message = (schema: DescMessage, depth = 0): Value => {
    const out: Record<string, unknown> = {}
    for (const field of schema.fields) {
      // What the types let be left out is left out now and then. 3: LEGACY_REQUIRED.
      if (field.fieldKind === "message" && field.presence !== 3 && (depth > 3 || random() < 0.4)) continue
      out[field.localName] = value(field, depth)
    }
    return create(schema, out as Value)
  }
  return {
    next: () => {
      const method = methods[below(methods.length)]!
      return { method, bytes: Buffer.from(toBinary(method.input, message(method.input) as never)) }
    },
    namespace: () => ["fuzz", "fuzz-2", "fuzz-3"][below(3)] ?? "fuzz"
  }
}

describe.each(versions)("%s", (name) => {
  it.live(`${requests} requests do not bring it down`, () =>
    Effect.scoped(Effect.gen(function*() {
      const engine = yield* restartable(name)
      const client = new Grpc.Client(`unix:${engine.config.address}`, Grpc.credentials.createInsecure())
      const { namespace, next } = fuzzer(1)
      let isDown: string | undefined
      let answered = 0
      const ask = () =>
        new Promise<void>((done) => {
          const { bytes, method } = next()
          const path = `/${method.parent.typeName}/${method.name}`
          const metadata = new Grpc.Metadata()
          metadata.set("containerd-namespace", namespace())
          const ended = (error: Grpc.ServiceError | null) => {
            answered++
            if (error?.code === 14 && /connect|reset|drop/i.test(error.details)) isDown ??= `${path}: ${error.details}`
            done()
          }
          const same = (buffer: Buffer) => buffer
          const options = { deadline: Date.now() + 20_000 }
          if (method.methodKind === "unary") {
            client.makeUnaryRequest(path, same, same, bytes, metadata, options, ended)
          } else {
            const call = client.makeServerStreamRequest(path, same, same, bytes, metadata, options)
            let failure: Grpc.ServiceError | null = null
            call.on("error", (error: Grpc.ServiceError) => {
              failure = error
            })
            call.on("close", () => ended(failure))
            call.resume()
          }
        })
      yield* Effect.promise(async () => {
        for (let sent = 0; sent < requests; sent += atOnce) {
          if (isDown !== undefined) break
          await Promise.all(Array.from({ length: Math.min(atOnce, requests - sent) }, ask))
          // A million takes the better part of an hour.
          if (Math.floor((sent + atOnce) / 50_000) > Math.floor(sent / 50_000)) {
            process.stderr.write(`${name}: ${answered} of ${requests} requests answered\n`)
          }
        }
        client.close()
      })
      strictEqual(isDown, undefined)
      strictEqual(answered, requests)
    })), 7_200_000)

  it.live("a request without the message in it does, from 1.7 on", () =>
    Effect.scoped(Effect.gen(function*() {
      const engine = yield* restartable(name)
      const client = new Grpc.Client(`unix:${engine.config.address}`, Grpc.credentials.createInsecure())
      const metadata = new Grpc.Metadata()
      metadata.set("containerd-namespace", "fuzz")
      const same = (buffer: Buffer) => buffer
      const code = yield* Effect.callback<number | undefined>((resume) => {
        client.makeUnaryRequest(
          "/containerd.services.images.v1.Images/Create",
          same,
          same,
          Buffer.alloc(0),
          metadata,
          { deadline: Date.now() + 20_000 },
          (error) => resume(Effect.succeed(error?.code))
        )
      })
      client.close()
      // 1.6 looks before it takes: InvalidArgument. Later ones are gone.
      strictEqual(code, name === "containerd16" ? 3 : 14)
    })))
})
