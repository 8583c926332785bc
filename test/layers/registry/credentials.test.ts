import { assert, describe, it } from "@effect/vitest"
import type { Credentials } from "effect-containers/Backend"
import { find } from "effect-containers/layers/registry/credentials"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { configuration, environmentOf } from "./configured.ts"

const base64 = (text: string) => Buffer.from(text).toString("base64")

/** A client's configuration, and with it a helper that is called `docker-credential-efctest`. */
const configured = Effect.fnUntraced(function*(config: unknown, helper = "exit 1") {
  const environment = yield* environmentOf(yield* configuration(config, { efctest: helper }))
  return (domain: string) => Effect.map(find(environment, domain, "pull"), shown)
})

const shown = (credentials: Credentials | undefined) =>
  credentials === undefined
    ? undefined
    : "identityToken" in credentials
    ? Redacted.value(credentials.identityToken)
    : `${credentials.username}:${Redacted.value(credentials.password)}`

describe("credentials of Docker's client", { timeout: 60_000 }, () => {
  it.live("in its configuration", () =>
    Effect.gen(function*() {
      const find = yield* configured({
        auths: {
          "https://index.docker.io/v1/": { auth: base64("hub:p:w") },
          "a.example:5000": { auth: base64("user:pw") },
          "https://b.example/v1/": { identitytoken: "1dentity", auth: base64("<token>:") },
          "c.example": { username: "plain", password: "pw" },
          "d.example": {}
        }
      })
      assert.strictEqual(yield* find("docker.io"), "hub:p:w")
      assert.strictEqual(yield* find("a.example:5000"), "user:pw")
      assert.strictEqual(yield* find("b.example"), "1dentity")
      assert.strictEqual(yield* find("c.example"), "plain:pw")
      assert.isUndefined(yield* find("d.example"))
      assert.isUndefined(yield* find("a.example"))
    }))

  it.live("of its helpers", () =>
    Effect.gen(function*() {
      const find = yield* configured(
        { credHelpers: { "a.example": "efctest" }, auths: { "b.example": { auth: base64("user:pw") } } },
        "echo \"{\\\"Username\\\":\\\"$server\\\",\\\"Secret\\\":\\\"pw\\\"}\""
      )
      assert.strictEqual(yield* find("a.example"), "a.example:pw")
      assert.strictEqual(yield* find("b.example"), "user:pw")
      const token = yield* configured({ credsStore: "efctest" }, "echo '{\"Username\":\"<token>\",\"Secret\":\"t\"}'")
      assert.strictEqual(yield* token("a.example"), "t")
      const empty = yield* configured({ credsStore: "efctest" }, "echo credentials not found; exit 1")
      assert.isUndefined(yield* empty("a.example"))
    }))

  it.live("what cannot be read is gone on without", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* (yield* configured("{"))("a.example"))
      assert.isUndefined(yield* (yield* configured({ credsStore: "efctest" }, "echo nonsense"))("a.example"))
      assert.isUndefined(yield* (yield* configured({ credsStore: "efc-is-not-there" }))("a.example"))
    }))
})
