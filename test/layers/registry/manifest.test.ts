import { assert, describe, it } from "@effect/vitest"
import type { RegistryConfig } from "effect-containers/layers/registry/config"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type * as Http from "node:http"
import { client, failure, image, pull } from "./client.ts"
import { eventually, giveManifest, type Handler, manifest, no, ociManifest, serve, sha256 } from "./fake.ts"

const ask = Effect.fnUntraced(function*(handler: Handler, tagOrDigest = "1", config?: RegistryConfig) {
  const fake = yield* serve(handler)
  const { manifest } = yield* client(config)
  return { fake, got: manifest(image(fake.host), tagOrDigest, pull) }
})

const give = (bytes: Uint8Array | string, headers: Http.OutgoingHttpHeaders = {}): Handler => (_, response) => {
  response.writeHead(200, { "Content-Type": ociManifest, ...headers })
  response.end(bytes)
}

describe("manifests", { timeout: 60_000 }, () => {
  it.live("by tag: the type without its parameters, the digest, the size", () =>
    Effect.gen(function*() {
      const { fake, got } = yield* ask((_, response) => giveManifest(response))
      const { bytes, descriptor } = yield* got
      assert.deepStrictEqual(descriptor, { mediaType: ociManifest, digest: sha256(manifest), size: manifest.length })
      assert.isTrue(manifest.equals(bytes))
      assert.deepStrictEqual(fake.requests(), ["GET /v2/team/app/manifests/1"])
      const accept = fake.seen[0]?.headers.accept ?? ""
      for (
        const type of ["oci.image.index.v1", "manifest.list.v2", "oci.image.manifest.v1", "distribution.manifest.v2"]
      ) {
        assert.include(accept, type)
      }
      yield* got
      assert.strictEqual(fake.connections(), 1, "the connection is kept")
    }))

  it.live("what it is without a type, and what it cannot be", () =>
    Effect.gen(function*() {
      const index = JSON.stringify({ schemaVersion: 2, manifests: [] })
      const { got } = yield* ask(give(index, { "Content-Type": "text/plain" }))
      assert.strictEqual((yield* got).descriptor.mediaType, "application/vnd.oci.image.index.v1+json")
      const tags = Effect.fnUntraced(function*(handler: Handler) {
        const { got } = yield* ask(handler)
        return (yield* failure(got))._tag
      })
      assert.strictEqual(yield* tags(give("<html>hello</html>")), "Protocol")
      assert.strictEqual(yield* tags(give("[]")), "Protocol")
      assert.strictEqual(yield* tags(give("")), "Protocol")
      assert.strictEqual(yield* tags(give("{}", { "Content-Type": "application/json" })), "Protocol")
      assert.strictEqual(yield* tags(give("{\"manifests\":[],\"layers\":[]}")), "Protocol")
      const old = "{\"schemaVersion\":1,\"fsLayers\":[]}"
      assert.strictEqual(yield* tags(give(old, { "Content-Type": "application/json" })), "Unsupported")
    }))

  it.live("other bytes than those asked for, or than the registry says", () =>
    Effect.gen(function*() {
      const asked = sha256("another")
      const one = yield* failure((yield* ask(give(manifest), asked)).got)
      assert.strictEqual(one._tag, "Protocol")
      assert.include(one.message, asked)
      assert.include(one.message, sha256(manifest))
      const two = yield* failure((yield* ask(give(manifest, { "Docker-Content-Digest": asked }))).got)
      assert.strictEqual(two._tag, "Protocol")
      assert.include(two.message, asked)
      assert.include(two.message, sha256(manifest))
      const { got } = yield* ask(give(manifest), sha256(manifest))
      assert.strictEqual((yield* got).descriptor.digest, sha256(manifest))
    }))

  it.live("no more than 8 MiB of it is read", () =>
    Effect.gen(function*() {
      let sent = 0
      const { fake, got } = yield* ask((_, response) => {
        response.writeHead(200, { "Content-Type": ociManifest })
        const chunk = Buffer.alloc(1024 * 1024, 32)
        const more = () => {
          if (response.destroyed) return
          sent += chunk.length
          response.write(chunk, more)
        }
        more()
      })
      assert.strictEqual((yield* failure(got))._tag, "Protocol")
      yield* eventually(() => fake.sockets.size === 0)
      assert.isBelow(sent, 64 * 1024 * 1024)
    }))

  it.live("statuses, and the registry's own words", () =>
    Effect.gen(function*() {
      const cases: ReadonlyArray<[number, string, string]> = [
        [404, "MANIFEST_UNKNOWN", "NotFound"],
        [404, "NAME_UNKNOWN", "NotFound"],
        [403, "DENIED", "PermissionDenied"],
        [400, "NAME_INVALID", "InvalidArgument"],
        [429, "TOOMANYREQUESTS", "ResourceExhausted"],
        [405, "UNSUPPORTED", "Unsupported"],
        [500, "UNKNOWN", "Unavailable"],
        [503, "UNAVAILABLE", "Unavailable"],
        [401, "UNAUTHORIZED", "Unauthenticated"]
      ]
      for (const [status, code, tag] of cases) {
        const { fake, got } = yield* ask((_, response) => no(response, status, code, "so it is"))
        const reason = yield* failure(got)
        assert.strictEqual(reason._tag, tag, String(status))
        assert.strictEqual(reason.code, status)
        assert.include(reason.message, `${code}: so it is`)
        assert.include(reason.message, fake.host)
        assert.include(reason.message, "/team/app:1")
        assert.strictEqual(fake.seen.length, reason.isRetryable ? 4 : 1)
      }
      const { got } = yield* ask((_, response) => response.writeHead(502).end("<html>\0</html>"))
      const page = yield* failure(got)
      assert.strictEqual(page._tag, "Unavailable")
      assert.notInclude(page.message, "html")
    }))

  it.live("what gets better is tried again", () =>
    Effect.gen(function*() {
      let count = 0
      const { fake, got } = yield* ask((request, response) => {
        count++
        if (count === 1) return request.socket.destroy()
        if (count === 2) return no(response, 503, "UNAVAILABLE", "soon")
        giveManifest(response)
      })
      assert.strictEqual((yield* got).descriptor.size, manifest.length)
      assert.strictEqual(fake.seen.length, 3)
    }))

  it.live("a connection that was kept and is closed when it is used again", () =>
    Effect.gen(function*() {
      let first = true
      const { got } = yield* ask(
        (request, response) => {
          if (!first && request.socket.bytesRead > 0 && request.socket.bytesWritten > 0) return request.socket.destroy()
          first = false
          giveManifest(response)
        },
        "1",
        { retries: { times: 1, delay: 1 } }
      )
      yield* got
      yield* got
    }))

  it.live("interruption closes the connection, and the scope closes those that are kept", () =>
    Effect.gen(function*() {
      const { fake, got } = yield* ask(() => {})
      const fiber = yield* Effect.forkChild(got)
      yield* eventually(() => fake.seen.length === 1)
      yield* Fiber.interrupt(fiber)
      yield* eventually(() => fake.sockets.size === 0)

      const scope = yield* Scope.make()
      const other = yield* serve((_, response) => giveManifest(response))
      const { manifest } = yield* Scope.provide(client(), scope)
      yield* manifest(image(other.host), "1", pull)
      assert.strictEqual(other.sockets.size, 1)
      yield* Scope.close(scope, yield* Effect.exit(Effect.void))
      yield* eventually(() => other.sockets.size === 0)
    }))
})
