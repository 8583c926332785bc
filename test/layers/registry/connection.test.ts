import { assert, describe, it } from "@effect/vitest"
import { settings } from "effect-containers/layers/registry/config"
import { locate, mirrors } from "effect-containers/layers/registry/endpoint"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import { TestClock } from "effect/testing"
import * as Net from "node:net"
import { client, collect, failure, image, pull } from "./client.ts"
import { certificate, eventually, giveManifest, manifest, no, serve, sha256 } from "./fake.ts"

describe("where a registry is", () => {
  const base = (domain: string, config = {}) => locate(settings(config), domain)?.base.href

  it("plain HTTP only on this machine, or when it is asked for", () => {
    assert.strictEqual(base("docker.io"), "https://registry-1.docker.io/")
    assert.strictEqual(base("registry.example:5000"), "https://registry.example:5000/")
    for (const domain of ["localhost:5000", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000"]) {
      assert.strictEqual(base(domain), `http://${domain}/`)
    }
    assert.strictEqual(base("localhost.example"), "https://localhost.example/")
    assert.strictEqual(base("r.example", { hosts: { "r.example": { plainHttp: true } } }), "http://r.example/")
    assert.strictEqual(base("localhost", { hosts: { localhost: { plainHttp: false } } }), "https://localhost/")
    assert.strictEqual(base("constructor"), "https://constructor/")
    assert.isUndefined(base("registry.example:99999"))
  })

  it("mirrors by host, by URL, with a path", () => {
    const hosts = { "docker.io": { mirrors: ["m.example:5000", "http://n.example/hub", "localhost:1", "not a host"] } }
    assert.deepStrictEqual(mirrors(settings({ hosts }), "docker.io").map(({ base }) => base.href), [
      "https://m.example:5000/",
      "http://n.example/hub/",
      "http://localhost:1/"
    ])
    assert.deepStrictEqual(mirrors(settings({ hosts }), "r.example"), [])
  })
})

describe("the connection", { timeout: 60_000 }, () => {
  it.live("nobody there", () =>
    Effect.gen(function*() {
      const { manifest } = yield* client()
      const closed = yield* failure(manifest(image("127.0.0.1:1"), "1", pull))
      assert.strictEqual(closed._tag, "Unavailable")
      assert.strictEqual(closed.code, "ECONNREFUSED")
      assert.include(closed.message, "127.0.0.1:1/team/app:1")
      const none = yield* failure(manifest(image("registry.example:99999"), "1", pull))
      assert.strictEqual(none._tag, "InvalidArgument")
      const unknown = yield* failure(manifest(image("registry.invalid"), "1", pull))
      assert.strictEqual(unknown._tag, "Unavailable")
    }))

  it.live("TLS: an authority of one's own, and none", () =>
    Effect.gen(function*() {
      const { ca, ...tls } = yield* certificate
      const fake = yield* serve((_, response) => giveManifest(response), tls)
      const get = Effect.fnUntraced(function*(host: object) {
        const { manifest } = yield* client({ hosts: { [fake.host]: { plainHttp: false, ...host } } })
        return yield* manifest(image(fake.host), "1", pull)
      })
      assert.strictEqual((yield* get({ ca })).descriptor.size, manifest.length)
      const stranger = yield* failure(get({}))
      assert.strictEqual(stranger._tag, "PermissionDenied")
      assert.include(stranger.hint ?? "", "ca")
      const bad = yield* failure(get({ ca: "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----" }))
      assert.strictEqual(bad._tag, "InvalidArgument")
    }))

  it.live("HTTP where HTTPS is spoken, and the other way round", () =>
    Effect.gen(function*() {
      const { ca: _, ...tls } = yield* certificate
      const secure = yield* serve((_, response) => giveManifest(response), tls)
      const plain = yield* serve((_, response) => giveManifest(response))
      const { manifest } = yield* client({ hosts: { [plain.host]: { plainHttp: false } } })
      const one = yield* failure(manifest(image(plain.host), "1", pull))
      assert.strictEqual(one._tag, "Protocol")
      assert.include(one.hint ?? "", "set plainHttp")
      const two = yield* failure(manifest(image(secure.host), "1", pull))
      assert.include(["Protocol", "Unavailable"], two._tag)
      const garbage = yield* serve((request) => request.socket.end("SSH-2.0-OpenSSH\r\n"))
      assert.strictEqual((yield* failure(manifest(image(garbage.host), "1", pull)))._tag, "Protocol")
    }))

  it.live("from HTTPS to plain HTTP only where that is allowed", () =>
    Effect.gen(function*() {
      const { ca, ...tls } = yield* certificate
      const plain = yield* serve((_, response) => giveManifest(response))
      const secure = yield* serve(
        (_, response) => response.writeHead(302, { Location: `http://${plain.host}/` }).end(),
        tls
      )
      const get = Effect.fnUntraced(function*(plainHttp: boolean) {
        const { manifest } = yield* client({
          hosts: { [secure.host]: { plainHttp: false, ca }, [plain.host]: { plainHttp } }
        })
        return yield* manifest(image(secure.host), "1", pull)
      })
      assert.strictEqual((yield* failure(get(false)))._tag, "Protocol")
      assert.strictEqual(plain.seen.length, 0)
      assert.strictEqual((yield* get(true)).descriptor.size, manifest.length)
    }))

  it.effect("no answer in time", () =>
    Effect.gen(function*() {
      const fake = yield* serve(() => {})
      const { manifest } = yield* client({ answerTimeout: 60_000, retries: { times: 0 } })
      const fiber = yield* Effect.forkChild(failure(manifest(image(fake.host), "1", pull)))
      yield* eventually(() => fake.seen.length === 1)
      yield* TestClock.adjust("61 seconds")
      const reason = yield* Fiber.join(fiber)
      assert.strictEqual(reason._tag, "TimedOut")
      assert.include(reason.message, "60000 ms")
      yield* eventually(() => fake.sockets.size === 0)
    }))

  it.effect("a small answer that comes in drops", () =>
    Effect.gen(function*() {
      const fake = yield* serve((_, response) => response.write("{"))
      const { manifest } = yield* client({ answerTimeout: 60_000, stallTimeout: 600_000, retries: { times: 0 } })
      const fiber = yield* Effect.forkChild(failure(manifest(image(fake.host), "1", pull)))
      yield* eventually(() => fake.seen.length === 1)
      // Each step lets the answer's head arrive and its deadline begin.
      while (fiber.pollUnsafe() === undefined) {
        yield* TestClock.adjust("61 seconds")
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 5)))
      }
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "TimedOut")
    }))

  it.effect("no connection in time", () =>
    Effect.gen(function*() {
      // Takes the connection and never says a word of TLS.
      const sockets = new Set<Net.Socket>()
      const server = Net.createServer((socket) => {
        sockets.add(socket.resume().on("error", () => {}).on("close", () => sockets.delete(socket)))
      })
      yield* Effect.acquireRelease(
        Effect.promise(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))),
        () => Effect.promise(() => new Promise((resolve) => server.close(resolve)))
      )
      const host = `127.0.0.1:${(server.address() as Net.AddressInfo).port}`
      const { manifest } = yield* client({
        connectTimeout: 10_000,
        retries: { times: 0 },
        hosts: { [host]: { plainHttp: false } }
      })
      const fiber = yield* Effect.forkChild(failure(manifest(image(host), "1", pull)))
      yield* eventually(() => sockets.size === 1)
      yield* TestClock.adjust("11 seconds")
      const reason = yield* Fiber.join(fiber)
      assert.strictEqual(reason._tag, "Unavailable")
      yield* eventually(() => sockets.size === 0)
    }))

  it.effect("waits longer each time, and not without end", () =>
    Effect.gen(function*() {
      const fake = yield* serve((_, response) => no(response, 503, "UNAVAILABLE", "later"))
      const { manifest } = yield* client({ retries: { times: 3, delay: 1000, maximumDelay: 3000 } })
      const fiber = yield* Effect.forkChild(Effect.flip(manifest(image(fake.host), "1", pull)))
      for (const [count, wait] of [[1, 1250], [2, 2500], [3, 3750]] as const) {
        yield* eventually(() => fake.seen.length === count)
        // The answer is on its way, and the wait begins when it is there.
        while (fake.seen.length === count) {
          yield* TestClock.adjust(wait)
          yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)))
        }
      }
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "Unavailable")
      assert.strictEqual(fake.seen.length, 4)
    }).pipe(Random.withSeed("registry")))

  it.effect("429 with Retry-After: waits as long as it says, or does not try again", () =>
    Effect.gen(function*() {
      let wait = "7"
      const fake = yield* serve((_, response) =>
        fake.seen.length % 2 === 1
          ? no(response, 429, "TOOMANYREQUESTS", "slow down", { "Retry-After": wait })
          : giveManifest(response)
      )
      const { manifest } = yield* client({ retries: { times: 1, delay: 1, maximumDelay: 10_000 } })
      const fiber = yield* Effect.forkChild(manifest(image(fake.host), "1", pull))
      yield* eventually(() => fake.seen.length === 1)
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 100)))
      yield* TestClock.adjust("6 seconds")
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 50)))
      assert.strictEqual(fake.seen.length, 1)
      while (fake.seen.length === 1) {
        yield* TestClock.adjust("1 seconds")
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 5)))
      }
      yield* Fiber.join(fiber)
      wait = "3600"
      const reason = yield* failure(manifest(image(fake.host), "1", pull))
      assert.strictEqual(reason._tag, "ResourceExhausted")
      assert.strictEqual(reason.code, 429)
      assert.strictEqual(fake.seen.length, 3)
    }))
})

describe("mirrors", { timeout: 60_000 }, () => {
  it.live("in order, and the registry when none has it", () =>
    Effect.gen(function*() {
      const content = Buffer.from("a blob of some bytes")
      const descriptor = { mediaType: "x", digest: sha256(content), size: content.length }
      const empty = yield* serve((_, response) => no(response, 404, "NAME_UNKNOWN", "never heard of it"))
      // Has half of it.
      const weak = yield* serve((_, response) => {
        response.writeHead(200, { "Content-Length": content.length })
        response.write(content.subarray(0, 10), () => setTimeout(() => response.destroy(), 20))
      })
      const origin = yield* serve((_, response, { headers, url }) => {
        if (url.pathname.includes("/manifests/")) return giveManifest(response)
        const start = Number(/\d+/.exec(headers.range ?? "0")?.[0])
        response.writeHead(headers.range === undefined ? 200 : 206, {
          "Content-Range": `bytes ${start}-${content.length - 1}/${content.length}`
        })
        response.end(content.subarray(start))
      })
      const { blob, manifest } = yield* client({
        hosts: { [origin.host]: { mirrors: ["127.0.0.1:1", empty.host, `http://${weak.host}/proxy`] } }
      })
      assert.isTrue((yield* collect(blob(image(origin.host), descriptor, pull))).equals(content))
      assert.deepStrictEqual(weak.requests(), [`GET /proxy/v2/team/app/blobs/${descriptor.digest}`])
      assert.strictEqual(empty.seen.length, 1)
      assert.strictEqual(origin.seen[0]?.headers.range, `bytes=10-${content.length - 1}`)
      yield* manifest(image(origin.host), "1", pull).pipe(Effect.ignore)
      assert.strictEqual(empty.seen.length, 2)
    }))

  it.live("the first one that has it is enough, and what it refuses is said", () =>
    Effect.gen(function*() {
      const mirror = yield* serve((_, response, { url }) =>
        url.pathname.endsWith("/2") ? no(response, 403, "DENIED", "not you") : giveManifest(response)
      )
      const { manifest } = yield* client({ hosts: { "registry.invalid": { mirrors: [mirror.host] } } })
      yield* manifest(image("registry.invalid"), "1", pull)
      const reason = yield* failure(manifest(image("registry.invalid"), "2", pull))
      assert.strictEqual(reason._tag, "PermissionDenied")
      assert.include(reason.message, mirror.host)
    }))
})
