import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { client, failure, image, push } from "./client.ts"
import { eventually, json, manifest, no, ociManifest, serve, sha256 } from "./fake.ts"

const content = Buffer.alloc(3_000_000, "push ")
const descriptor = { digest: sha256(content), size: content.length }
const pieces = (bytes: Buffer) =>
  Stream.fromIterable(
    Array.from({ length: Math.ceil(bytes.length / 100_000) }, (_, i) => bytes.subarray(i * 100_000, (i + 1) * 100_000)),
    { chunkSize: 4 }
  )

/** A registry that takes what it is sent. */
const registry = Effect.fnUntraced(function*(options: {
  /** Ends the connection in the middle of so many uploads. */
  readonly cuts?: number
  readonly mounts?: boolean
} = {}) {
  const stored = new Map<string, Buffer>()
  let cuts = options.cuts ?? 0
  const fake = yield* serve((request, response, { method, url }) => {
    const { pathname, searchParams } = url
    if (method === "HEAD") {
      const bytes = stored.get(pathname.split("/").at(-1) ?? "")
      return response.writeHead(bytes === undefined ? 404 : 200, { "Content-Length": bytes?.length ?? 0 }).end()
    }
    if (method === "POST") {
      if (options.mounts === true && searchParams.has("mount")) {
        return response.writeHead(201, { Location: `/v2/team/app/blobs/${searchParams.get("mount")}` }).end()
      }
      return response.writeHead(202, { Location: `/v2/team/app/blobs/uploads/1?_state=a%2Fb` }).end()
    }
    const chunks: Array<Buffer> = []
    request.on("error", () => {})
    request.on("data", (chunk: Buffer) => {
      chunks.push(chunk)
      if (cuts > 0) {
        cuts--
        request.socket.destroy()
      }
    })
    request.on("end", () => {
      const bytes = Buffer.concat(chunks)
      const digest = searchParams.get("digest") ?? sha256(bytes)
      if (digest !== sha256(bytes)) return no(response, 400, "DIGEST_INVALID", "not that")
      stored.set(digest, bytes)
      response.writeHead(201, { "Docker-Content-Digest": digest }).end()
    })
  })
  return { fake, stored }
})

describe("pushing", { timeout: 60_000 }, () => {
  it.live("a blob that was not there, piece by piece", () =>
    Effect.gen(function*() {
      const { fake, stored } = yield* registry()
      const { hasBlob, uploadBlob } = yield* client()
      assert.isFalse(yield* hasBlob(image(fake.host), descriptor, push))
      assert.strictEqual(yield* uploadBlob(image(fake.host), descriptor, pieces(content), push), "Uploaded")
      assert.isTrue(yield* hasBlob(image(fake.host), descriptor, push))
      assert.isTrue(stored.get(descriptor.digest)?.equals(content))
      const sent = fake.seen[2]!
      assert.strictEqual(sent.headers["content-length"], String(content.length))
      assert.isUndefined(sent.headers["transfer-encoding"])
      assert.strictEqual(sent.url.search, `?_state=a%2Fb&digest=${encodeURIComponent(descriptor.digest)}`)
      assert.strictEqual(fake.connections(), 1)
      const empty = { digest: sha256(""), size: 0 }
      assert.strictEqual(yield* uploadBlob(image(fake.host), empty, Stream.empty, push), "Uploaded")
    }))

  it.live("mounted from a repository that has it, sent when it cannot be", () =>
    Effect.gen(function*() {
      const { fake } = yield* registry({ mounts: true })
      const { uploadBlob } = yield* client()
      const from = { ...push, mountFrom: "team/base" }
      assert.strictEqual(yield* uploadBlob(image(fake.host), descriptor, Stream.die("unused"), from), "Mounted")
      const { searchParams } = fake.seen[0]!.url
      assert.deepStrictEqual([searchParams.get("mount"), searchParams.get("from")], [descriptor.digest, "team/base"])
      const other = yield* registry()
      const sent = yield* uploadBlob(image(other.fake.host), descriptor, pieces(content), from)
      assert.strictEqual(sent, "Uploaded")
      assert.isTrue(other.stored.has(descriptor.digest))
    }))

  it.live("sent again after a connection that was cut", () =>
    Effect.gen(function*() {
      const { fake, stored } = yield* registry({ cuts: 2 })
      const { uploadBlob } = yield* client()
      yield* uploadBlob(image(fake.host), descriptor, pieces(content), push)
      assert.isTrue(stored.get(descriptor.digest)?.equals(content))
      assert.strictEqual(fake.seen.filter(({ method }) => method === "PUT").length, 3)
    }))

  it.live("what is sent is not what was announced, or fails itself", () =>
    Effect.gen(function*() {
      const { fake, stored } = yield* registry()
      const { uploadBlob } = yield* client()
      const upload = <E>(size: number, stream: Stream.Stream<Uint8Array, E>) =>
        uploadBlob(image(fake.host), { ...descriptor, size }, stream, push)
      assert.strictEqual((yield* failure(upload(content.length - 1, pieces(content))))._tag, "InvalidArgument")
      assert.strictEqual((yield* failure(upload(content.length + 1, pieces(content))))._tag, "InvalidArgument")
      const wrong = content.subarray(0, 10)
      assert.strictEqual((yield* failure(upload(10, pieces(wrong))))._tag, "InvalidArgument")
      const failing = Stream.concat(pieces(content.subarray(0, 200_000)), Stream.fail("mine" as const))
      assert.strictEqual(yield* Effect.flip(upload(content.length, failing)), "mine")
      assert.strictEqual(stored.size, 0)
      yield* eventually(() => fake.sockets.size <= 1)
    }))

  it.live("a refusal in the middle of it", () =>
    Effect.gen(function*() {
      const fake = yield* serve((_, response, { method }) =>
        method === "POST"
          ? response.writeHead(202, { Location: "/upload" }).end()
          : no(response, 413, "SIZE_INVALID", "too much")
      )
      const { uploadBlob } = yield* client()
      const endless = { digest: descriptor.digest, size: 1e12 }
      const stream = Stream.forever(Stream.succeed(Buffer.alloc(100_000)))
      const reason = yield* failure(uploadBlob(image(fake.host), endless, stream, push))
      assert.strictEqual(reason._tag, "InvalidArgument")
      assert.include(reason.message, "too much")
    }))

  it.live("sent somewhere else, without what is for the registry", () =>
    Effect.gen(function*() {
      const { fake: store, stored } = yield* registry()
      const fake = yield* serve((request, response) =>
        request.headers.authorization === undefined
          ? no(response, 401, "UNAUTHORIZED", "who?", { "WWW-Authenticate": "Basic" })
          : response.writeHead(202, { Location: `http://${store.host}/upload` }).end()
      )
      const { uploadBlob } = yield* client()
      const credentials = { username: "user", password: Redacted.make("s3cr3t") }
      yield* uploadBlob(image(fake.host), descriptor, pieces(content), { ...push, credentials })
      assert.isTrue(stored.has(descriptor.digest))
      assert.isUndefined(store.seen[0]?.headers.authorization)
    }))

  it.live("tokens are asked for both repositories", () =>
    Effect.gen(function*() {
      const tokens = yield* serve((_, response) => json(response, 200, { token: "t0ken" }))
      const fake = yield* serve((request, response) =>
        request.headers.authorization === undefined
          ? no(response, 401, "UNAUTHORIZED", "who?", {
            "WWW-Authenticate": `Bearer realm="http://${tokens.host}/",scope="repository:team/app:pull,push"`
          })
          : response.writeHead(201).end()
      )
      const { uploadBlob } = yield* client()
      yield* uploadBlob(image(fake.host), descriptor, pieces(content), { ...push, mountFrom: "team/base" })
      assert.deepStrictEqual(tokens.seen[0]?.url.searchParams.getAll("scope"), [
        "repository:team/app:pull,push",
        "repository:team/base:pull"
      ])
    }))

  it.live("manifests", () =>
    Effect.gen(function*() {
      const { fake, stored } = yield* registry()
      const { putManifest } = yield* client()
      const what = { mediaType: ociManifest, bytes: manifest }
      assert.deepStrictEqual(yield* putManifest(image(fake.host), "1", what, push), {
        mediaType: ociManifest,
        digest: sha256(manifest),
        size: manifest.length
      })
      assert.isTrue(stored.get(sha256(manifest))?.equals(manifest))
      assert.strictEqual(fake.seen[0]?.headers["content-type"], ociManifest)
      const odd = yield* serve((_, response) =>
        response.writeHead(201, { "Docker-Content-Digest": sha256("another") }).end()
      )
      assert.strictEqual((yield* failure(putManifest(image(odd.host), "1", what, push)))._tag, "Protocol")
    }))

  it.live("interruption closes the connection", () =>
    Effect.gen(function*() {
      const { fake } = yield* registry()
      const { uploadBlob } = yield* client()
      const stream = Stream.concat(Stream.succeed(content), Stream.never)
      const fiber = yield* Effect.forkChild(
        uploadBlob(image(fake.host), { ...descriptor, size: content.length + 1 }, stream, push)
      )
      yield* eventually(() => fake.seen.length === 2)
      yield* Fiber.interrupt(fiber)
      yield* eventually(() => fake.sockets.size === 0)
    }))
})
