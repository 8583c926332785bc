import { assert, describe, it } from "@effect/vitest"
import { find, fromEntry } from "effect-containers/layers/registry/credentials"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as fc from "fast-check"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { check, checkAsync, text } from "./fuzz.ts"

const base64 = (text: string): string => Buffer.from(text).toString("base64")

const secret = "Zs3cretZ"

const auth = fc.oneof(
  text(":=\0é", 10).map((name) => base64(`${name}:${secret}`)),
  text("=AZaz09+/-_", 20),
  text("\0é🐋", 8),
  fc.constant("")
)

const entry = fc.record({ auth, username: text("a:", 4), password: fc.constant(secret), identitytoken: text("a", 3) }, {
  requiredKeys: []
})

const odd: fc.Arbitrary<unknown> = fc.constantFrom(null, [], 3, "", "x", {}, { auth: 3 }, { auth: null }, true)

const server = fc.constantFrom(
  "r.example",
  "https://r.example/v1/",
  "https://index.docker.io/v1/",
  "__proto__",
  "constructor",
  "",
  "http://"
)

const config = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      auths: fc.oneof(
        { weight: 6, arbitrary: fc.dictionary(server, fc.oneof({ weight: 8, arbitrary: entry }, odd)) },
        odd
      ),
      credHelpers: fc.constantFrom(undefined, null, [], 3),
      credsStore: fc.constantFrom(undefined, null, "", 3)
    }, { requiredKeys: [] }).map((json) => JSON.stringify(json))
  },
  { weight: 1, arbitrary: text("{}[]\":,", 20).map((text) => text + secret) }
)

describe("fuzz, the client's credentials", { timeout: 180_000 }, () => {
  it("an entry is credentials, whose secrets are hidden, or none", () =>
    check(entry, (entry) => {
      const credentials = fromEntry(entry)
      if (credentials === undefined) return
      const hidden = "identityToken" in credentials ? credentials.identityToken : credentials.password
      assert.isTrue(Redacted.isRedacted(hidden))
      assert.notInclude(JSON.stringify(credentials), secret)
      if ("username" in credentials) assert.notStrictEqual(credentials.username, "")
    }, { corpus: "credentials", runs: 10_000 }))

  it("a config.json is read or left with a warning that repeats nothing of it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "efz-"))
    const environment = { DOCKER_CONFIG: folder, HOME: folder } as unknown as Parameters<typeof find>[0]
    const said: Array<string> = []
    const logger = Logger.make(({ message }) => void said.push(String(message)))
    try {
      await checkAsync(
        fc.tuple(config, fc.constantFrom("r.example", "docker.io", "__proto__", "a")),
        async ([text, domain]) => {
          writeFileSync(join(folder, "config.json"), text)
          said.length = 0
          const exit = await Effect.runPromiseExit(
            find(environment, domain, "pull").pipe(Effect.provide(Logger.layer([logger])))
          )
          assert.isTrue(Exit.isSuccess(exit), String(exit))
          assert.notInclude(said.join(" "), secret)
        },
        { corpus: "client-config", runs: 500 }
      )
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
