import { assert, describe, it } from "@effect/vitest"
import type { Credentials } from "effect-containers/Backend"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { TestClock } from "effect/testing"
import type * as Http from "node:http"
import { client, collect, failure, image, pull } from "./client.ts"
import { type Fake, giveManifest, json, manifest, no, serve, sha256 } from "./fake.ts"

const person: Credentials = { username: "user", password: Redacted.make("s3cr3t-pw") }
const secrets = ["s3cr3t-pw", Buffer.from("user:s3cr3t-pw").toString("base64"), "t0ken"]
const basic = `Basic ${Buffer.from("user:s3cr3t-pw").toString("base64")}`

const wantsToken = (response: Http.ServerResponse, realm: string, more = "") =>
  no(response, 401, "UNAUTHORIZED", "authentication required", {
    "WWW-Authenticate": `Bearer realm="${realm}",service="the registry",scope="repository:team/app:pull"${more}`
  })

/** A registry and a token service; tokens are `t0ken1`, `t0ken2`, ... and `isGood` says which are taken. */
const withTokens = Effect.fnUntraced(function*(options: {
  readonly isGood?: (authorization: string) => boolean
  readonly token?: (request: Http.IncomingMessage, response: Http.ServerResponse, count: number, body: string) => void
  readonly more?: string
} = {}) {
  let count = 0
  const tokens = yield* serve((request, response) => {
    let body = ""
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on("end", () => {
      count++
      if (options.token === undefined) json(response, 200, { token: `t0ken${count}`, expires_in: 300 })
      else options.token(request, response, count, body)
    })
  })
  const registry: Fake = yield* serve((request, response) => {
    const { authorization } = request.headers
    if (authorization === undefined || !(options.isGood ?? (() => true))(authorization)) {
      return wantsToken(response, `http://${tokens.host}/token`, options.more)
    }
    giveManifest(response)
  })
  return { tokens, registry }
})

describe("who asks", { timeout: 60_000 }, () => {
  it.live("Basic, found once and sent at once the next time", () =>
    Effect.gen(function*() {
      const registry = yield* serve((request, response) =>
        request.headers.authorization === basic
          ? giveManifest(response)
          : no(response, 401, "UNAUTHORIZED", "who are you?", { "WWW-Authenticate": "Basic realm=\"r\"" })
      )
      const asked: Array<string> = []
      const { manifest } = yield* client({}, (domain) => Effect.sync(() => (asked.push(domain), person)))
      yield* manifest(image(registry.host), "1", pull)
      yield* manifest(image(registry.host), "2", pull)
      assert.strictEqual(registry.seen.length, 3)
      assert.deepStrictEqual(asked, [registry.host])
      const wrong: Credentials = { username: "user", password: Redacted.make("wr0ng") }
      const refused = yield* failure(manifest(image(registry.host), "1", { ...pull, credentials: wrong }), ["wr0ng"])
      assert.strictEqual(refused._tag, "Unauthenticated")
      const nobody = yield* client()
      const none = yield* failure(nobody.manifest(image(registry.host), "1", pull))
      assert.strictEqual(none._tag, "Unauthenticated")
      assert.include(none.hint ?? "", "give credentials")
    }))

  it.live("a token for nobody, kept for the next request", () =>
    Effect.gen(function*() {
      const { registry, tokens } = yield* withTokens()
      const { manifest } = yield* client()
      yield* manifest(image(registry.host), "1", pull)
      yield* manifest(image(registry.host), "2", pull)
      assert.strictEqual(tokens.seen.length, 1)
      assert.strictEqual(registry.seen.length, 3)
      assert.strictEqual(registry.seen[2]?.headers.authorization, "Bearer t0ken1")
      const { headers, url } = tokens.seen[0]!
      assert.strictEqual(url.searchParams.get("service"), "the registry")
      assert.deepStrictEqual(url.searchParams.getAll("scope"), ["repository:team/app:pull"])
      assert.isUndefined(headers.authorization)
      yield* manifest(image(registry.host, "other"), "2", pull)
      assert.deepStrictEqual(
        tokens.seen[1]?.url.searchParams.getAll("scope"),
        ["repository:other:pull"],
        "what one repository wanted is not asked for another"
      )
    }))

  it.live("many at a time share one token", () =>
    Effect.gen(function*() {
      const { registry, tokens } = yield* withTokens()
      const { manifest } = yield* client()
      yield* Effect.all(Array.from({ length: 8 }, () => manifest(image(registry.host), "1", pull)), {
        concurrency: "unbounded"
      })
      assert.strictEqual(tokens.seen.length, 1)
    }))

  it.live("a token by Basic authentication, one for each who asks", () =>
    Effect.gen(function*() {
      const { registry, tokens } = yield* withTokens({
        token: (request, response, count) =>
          request.headers.authorization === basic
            ? json(response, 200, { access_token: `t0ken${count}`, token: "" })
            : no(response, 401, "UNAUTHORIZED", `not with ${request.headers.authorization}`)
      })
      const { manifest } = yield* client()
      yield* manifest(image(registry.host), "1", { ...pull, credentials: person })
      const before = registry.seen.length
      const refused = yield* failure(
        manifest(image(registry.host), "1", {
          ...pull,
          credentials: { username: "user", password: Redacted.make("wr0ng-pw") }
        }),
        ["wr0ng-pw", Buffer.from("user:wr0ng-pw").toString("base64"), ...secrets]
      )
      assert.strictEqual(refused._tag, "Unauthenticated")
      assert.include(refused.message, tokens.host)
      assert.include(refused.message, "<redacted>")
      assert.strictEqual(registry.seen.length, before, "the one's token is not the other's")
    }))

  it.live("an identity token is sent in a form", () =>
    Effect.gen(function*() {
      let form = new URLSearchParams()
      const { registry, tokens } = yield* withTokens({
        token: (_, response, count, body) => {
          form = new URLSearchParams(body)
          json(response, 200, { access_token: `t0ken${count}`, expires_in: 300 })
        }
      })
      const { manifest } = yield* client()
      const credentials = { identityToken: Redacted.make("1dentity") }
      yield* manifest(image(registry.host), "1", { ...pull, credentials })
      assert.strictEqual(tokens.seen[0]?.method, "POST")
      assert.deepStrictEqual(Object.fromEntries(form), {
        grant_type: "refresh_token",
        client_id: "effect-containers",
        service: "the registry",
        scope: "repository:team/app:pull",
        refresh_token: "1dentity"
      })
    }))

  it.effect("a token is renewed when its time is over", () =>
    Effect.gen(function*() {
      const { registry, tokens } = yield* withTokens()
      const { manifest } = yield* client()
      const ask = manifest(image(registry.host), "1", pull)
      yield* ask
      yield* TestClock.adjust("280 seconds")
      yield* ask
      assert.strictEqual(tokens.seen.length, 1)
      yield* TestClock.adjust("20 seconds")
      yield* ask
      assert.strictEqual(tokens.seen.length, 2)
      assert.strictEqual(registry.seen.at(-1)?.headers.authorization, "Bearer t0ken2")
      assert.strictEqual(registry.seen.length, 4, "and the registry was not asked with the old one")
    }))

  it.live("a token that is refused on the way is renewed once", () =>
    Effect.gen(function*() {
      let good = "Bearer t0ken1"
      const { registry, tokens } = yield* withTokens({
        isGood: (authorization) => authorization === good,
        more: ",error=\"invalid_token\""
      })
      const { manifest } = yield* client()
      yield* manifest(image(registry.host), "1", pull)
      good = "Bearer t0ken2"
      yield* manifest(image(registry.host), "1", pull)
      assert.strictEqual(tokens.seen.length, 2)
      good = "none"
      const reason = yield* failure(manifest(image(registry.host), "1", pull), secrets)
      assert.strictEqual(reason._tag, "Unauthenticated")
      assert.strictEqual(tokens.seen.length, 3)
    }))

  it.live("a repository that is not there, or that may not be seen", () =>
    Effect.gen(function*() {
      const { registry } = yield* withTokens({ isGood: () => false, more: ",error=\"insufficient_scope\"" })
      const { hasBlob, manifest } = yield* client()
      const pulled = yield* failure(manifest(image(registry.host), "1", pull), secrets)
      assert.strictEqual(pulled._tag, "NotFound")
      assert.include(pulled.hint ?? "", "give them")
      const known = yield* failure(manifest(image(registry.host), "1", { ...pull, credentials: person }), secrets)
      assert.strictEqual(known._tag, "NotFound")
      const pushed = { operation: "push", credentials: person } as const
      const blob = { digest: sha256("a") }
      assert.strictEqual((yield* failure(hasBlob(image(registry.host), blob, pushed)))._tag, "PermissionDenied")
      const nobody = { operation: "push" } as const
      assert.strictEqual((yield* failure(hasBlob(image(registry.host), blob, nobody)))._tag, "Unauthenticated")
    }))

  it.live("token services that say something else", () =>
    Effect.gen(function*() {
      const cases: ReadonlyArray<[(response: Http.ServerResponse) => void, string]> = [
        [(response) => response.end("<html>"), "Protocol"],
        [(response) => json(response, 200, {}), "Protocol"],
        [(response) => json(response, 200, { token: 1 }), "Protocol"],
        [(response) => json(response, 200, { token: "t0ken\nX: y" }), "Protocol"],
        [(response) => response.writeHead(404).end(), "Protocol"],
        [(response) => json(response, 403, { details: "no" }), "PermissionDenied"],
        [(response) => json(response, 503, { message: "later" }), "Unavailable"],
        [(response) => response.destroy(), "Unavailable"]
      ]
      for (const [answer, tag] of cases) {
        const { registry } = yield* withTokens({ token: (_, response) => answer(response) })
        const { manifest } = yield* client()
        const reason = yield* failure(manifest(image(registry.host), "1", pull), secrets)
        assert.strictEqual(reason._tag, tag)
      }
      const odd = yield* serve((_, response) =>
        no(response, 401, "UNAUTHORIZED", "", { "WWW-Authenticate": "Negotiate" })
      )
      const { manifest } = yield* client({}, () => Effect.succeed(person))
      assert.strictEqual((yield* failure(manifest(image(odd.host), "1", pull)))._tag, "Protocol")
    }))

  it.live("what is for the registry is not sent to whoever it points to", () =>
    Effect.gen(function*() {
      const content = Buffer.from("hello")
      const store = yield* serve((_, response) => response.end(content))
      const registry = yield* serve((request, response, { url }) => {
        if (request.headers.authorization !== basic) {
          return no(response, 401, "UNAUTHORIZED", "who?", { "WWW-Authenticate": "Basic realm=\"r\"" })
        }
        if (url.pathname.includes("/manifests/")) {
          if (url.searchParams.has("again")) return giveManifest(response)
          return response.writeHead(302, { Location: `${url.pathname}?again=1` }).end()
        }
        response.writeHead(307, { Location: `http://${store.host}/somewhere?signature=s1gned` }).end("see there")
      })
      const { blob, manifest } = yield* client({}, () => Effect.succeed(person))
      const descriptor = { mediaType: "x", digest: sha256(content), size: content.length }
      assert.isTrue((yield* collect(blob(image(registry.host), descriptor, pull))).equals(content))
      assert.strictEqual(registry.seen[1]?.headers.authorization, basic)
      assert.isUndefined(store.seen[0]?.headers.authorization)
      yield* manifest(image(registry.host), "1", pull)
      const circle: Fake = yield* serve((_, response) => response.writeHead(302, { Location: "/again" }).end())
      assert.strictEqual((yield* failure(manifest(image(circle.host), "1", pull)))._tag, "Protocol")
      assert.strictEqual(circle.seen.length, 11)
      const denied = yield* serve((_, response) => no(response, 401, "X", "no", { "WWW-Authenticate": "Basic" }))
      const away = yield* serve((_, response) =>
        response.writeHead(302, { Location: `http://${denied.host}/?signature=s1gned` }).end()
      )
      const reason = yield* failure(manifest(image(away.host), "1", pull), [...secrets, "s1gned"])
      assert.strictEqual(reason._tag, "Unauthenticated")
      assert.strictEqual(denied.seen.length, 1)
      assert.isUndefined(denied.seen[0]?.headers.authorization)
    }))

  it.live("a mirror gets its own credentials, and not the registry's", () =>
    Effect.gen(function*() {
      const mirror = yield* serve((request, response) =>
        request.headers.authorization === undefined
          ? no(response, 401, "UNAUTHORIZED", "who?", { "WWW-Authenticate": "Basic" })
          : giveManifest(response)
      )
      const found = { username: "mirror", password: Redacted.make("m1rror") }
      const { manifest: get } = yield* client(
        { hosts: { "registry.invalid": { mirrors: [mirror.host] } } },
        (domain) => Effect.succeed(domain === mirror.host ? found : undefined)
      )
      const got = yield* get(image("registry.invalid"), "1", { ...pull, credentials: person })
      assert.strictEqual(got.descriptor.size, manifest.length)
      const sent = Buffer.from(mirror.seen[1]?.headers.authorization?.slice(6) ?? "", "base64").toString()
      assert.strictEqual(sent, "mirror:m1rror")
    }))
})
