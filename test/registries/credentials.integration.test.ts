/**
 * Registries that want to know who asks: what is given, and what a client's configuration has, by its helpers too.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import { Image } from "effect-containers"
import { TestClock } from "effect/testing"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { push as publish } from "../../scripts/engines/image.ts"
import { configuration } from "../layers/registry/configured.ts"
import { eventually } from "../layers/registry/fake.ts"
import { engine, engines, fresh, given, pull, push, refusal, removed, repository, runs } from "./engines.ts"

const login = { username: "user", password: "secret" }
const credentials = { username: "user", password: Redacted.make("secret") }
const wrong = { username: "user", password: Redacted.make("wrong") }

const registry = () => given("registry-auth")

const published = Effect.gen(function*() {
  const path = repository()
  const image = yield* fresh()
  yield* Effect.promise(() => publish(image, registry(), `${path}:1`, login))
  return `${registry()}/${path}:1`
})

const hosts = () => ({ [registry()]: { plainHttp: true } })

const auth = Buffer.from("user:secret").toString("base64")

const note = "echo \"$(basename \"$0\") $1 $server\" >>\"$(dirname \"$0\")/asked\""
const answers = `${note}\necho '{"ServerURL":"x","Username":"user","Secret":"secret"}'`

for (const name of engines) {
  describe(`${name}, a registry that wants a password`, () => {
    it.live("which is given", () =>
      Effect.gen(function*() {
        const image = yield* published
        yield* Effect.gen(function*() {
          yield* removed(image)
          yield* pull(image, { credentials })
          assert.strictEqual(yield* runs(image), "it runs\n")
          const copy = `${registry()}/${repository()}:1`
          yield* Image.tag(image, copy)
          yield* removed(copy)
          assert.strictEqual((yield* refusal(push(copy))).tag, "Unauthenticated")
          assert.strictEqual((yield* refusal(push(copy, { credentials: wrong }))).tag, "Unauthenticated")
          yield* push(copy, { credentials })
          yield* Image.remove(copy)
          yield* pull(copy, { credentials })
        }).pipe(Effect.scoped, Effect.provide(engine(name, { hosts: hosts() })))
      }))

    for (
      const [what, config] of [
        ["in auths", () => ({ auths: { [registry()]: { auth } } })],
        ["in credHelpers", () => ({ credHelpers: { [registry()]: "efcone", "other.example": "efctwo" } })],
        ["in credsStore", () => ({ credsStore: "efcone", credHelpers: { "other.example": "efctwo" } })]
      ] as const
    ) {
      it.live(`which is found ${what}`, () =>
        Effect.gen(function*() {
          const image = yield* published
          const folder = yield* configuration(config(), { efcone: answers, efctwo: answers })
          yield* Effect.gen(function*() {
            yield* removed(image)
            yield* pull(image)
            assert.strictEqual(yield* runs(image), "it runs\n")
          }).pipe(Effect.scoped, Effect.provide(engine(name, { folder, hosts: hosts() })))
          const asked = join(folder, "asked")
          const lines = existsSync(asked) ? readFileSync(asked, "utf8").trim().split("\n") : []
          // Whoever pulls twice, to know why the engine could not, may ask twice.
          const all = new Set(lines)
          assert.deepStrictEqual(
            [...all],
            what === "in auths" ? [] : [`docker-credential-efcone get ${registry()}`]
          )
        }))
    }

    it.live("which is wrong, or that of nobody", () =>
      Effect.gen(function*() {
        const image = yield* published
        yield* Effect.gen(function*() {
          for (const options of [{ credentials: wrong }, {}]) {
            const { message, tag } = yield* refusal(pull(image, options))
            assert.strictEqual(tag, "Unauthenticated", message)
            assert.include(message, image)
          }
          assert.isFalse(yield* Image.exists(image))
        }).pipe(Effect.provide(engine(name, { hosts: hosts() })))
      }))

    it.live("and has no such repository", () =>
      Effect.gen(function*() {
        const image = `${registry()}/${repository()}:1`
        const { message, tag } = yield* refusal(pull(image, { credentials }))
        assert.strictEqual(tag, "NotFound", message)
        assert.include(message, image)
      }).pipe(Effect.provide(engine(name, { hosts: hosts() }))))

    for (
      const [what, script, says] of [
        ["fails", "exit 3", "docker-credential-efcone: ended with 3"],
        ["prints garbage", "echo garbage", "docker-credential-efcone: its answer is not JSON"],
        ["knows nobody", "echo credentials not found in native keychain; exit 1", registry]
      ] as const
    ) {
      it.live(`and a helper that ${what}`, () =>
        Effect.gen(function*() {
          const image = yield* published
          const folder = yield* configuration({ credsStore: "efcone" }, { efcone: script })
          const { message, tag } = yield* refusal(pull(image)).pipe(
            Effect.provide(engine(name, { folder, hosts: hosts() }))
          )
          assert.strictEqual(tag, "Unauthenticated", message)
          assert.include(message, typeof says === "string" ? says : says())
        }))
    }

    it.effect("and a helper that hangs", () =>
      Effect.gen(function*() {
        const image = yield* published
        const folder = yield* configuration({ credsStore: "efcone" }, {
          efcone: "touch \"$(dirname \"$0\")/asked\"\nsleep 1000"
        })
        const pulling = yield* Effect.forkChild(
          Effect.provide(refusal(pull(image)), engine(name, { folder, hosts: hosts() }))
        )
        yield* eventually(() => existsSync(join(folder, "asked")))
        yield* TestClock.adjust("10 seconds")
        const { message, tag } = yield* Fiber.join(pulling)
        assert.strictEqual(tag, "Unauthenticated", message)
        assert.include(message, "docker-credential-efcone: no answer within 10000 ms")
      }))
  })
}
