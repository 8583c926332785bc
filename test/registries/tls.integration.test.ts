/**
 * Registries that speak TLS, by a certificate authority that only who is told of it trusts.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { type Backend, Image } from "effect-containers"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:https"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { certify } from "../../scripts/engines/authority.ts"
import { archive } from "../../scripts/engines/image.ts"
import { engine, engines, fresh, given, kindOf, pull, push, refusal, removed, repository, runs } from "./engines.ts"

const ca = () => readFileSync(given("registry-tls-ca"), "utf8")

/** A registry at the same address, by an authority that nobody was told of. */
const stranger = Effect.gen(function*() {
  const host = given("registry-tls").replace(/:\d+$/, "")
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "efc-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )
  const { certificate, key } = yield* Effect.promise(() => certify(folder, host, ""))
  const server = createServer(
    { cert: readFileSync(certificate), key: readFileSync(key) },
    (_, response) => response.end("{}")
  )
  server.on("tlsClientError", () => {})
  yield* Effect.acquireRelease(
    Effect.promise(() => new Promise<void>((done) => server.listen(0, host, done))),
    () =>
      Effect.promise(async () => {
        const closed = new Promise((done) => server.close(done))
        server.closeAllConnections()
        await closed
      })
  )
  return `${host}:${(server.address() as AddressInfo).port}`
})

for (const name of engines) {
  const using =
    (hosts: Parameters<typeof engine>[1]["hosts"] = {}) =>
    <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, unknown, Exclude<R, Backend.Backend>> =>
      Effect.provide(effect, engine(name, { hosts }))

  describe(`${name}, a registry with TLS`, () => {
    it.live("whose authority it was told of", () =>
      Effect.gen(function*() {
        const registry = given("registry-tls")
        const image = `${registry}/${repository()}:1`
        yield* Effect.gen(function*() {
          yield* Image.fromArchive(Stream.make(archive(yield* fresh(), [image])))
          yield* removed(image)
          yield* push(image)
          yield* Image.remove(image, { force: true })
          assert.isFalse(yield* Image.exists(image))
          yield* pull(image)
          assert.strictEqual(yield* runs(image), "it runs\n")
          const { message, tag } = yield* refusal(pull(`${registry}/${repository()}:1`))
          assert.strictEqual(tag, "NotFound", message)
        }).pipe(Effect.scoped, using({ [registry]: { ca: ca() } }))
      }))

    it.live("whose authority nobody was told of", () =>
      Effect.gen(function*() {
        const registry = yield* stranger
        const image = `${registry}/${repository()}:1`
        // That of another one is no help.
        const hosts = kindOf(name) === "containerd" ? { [registry]: { ca: ca() } } : {}
        for (const given of [{}, hosts]) {
          const { message, tag } = yield* refusal(pull(image)).pipe(using(given))
          assert.strictEqual(tag, "PermissionDenied", message)
          assert.match(message, /certificate/)
        }
      }))
  })
}
