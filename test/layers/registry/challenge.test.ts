import { assert, describe, it } from "@effect/vitest"
import { parse } from "effect-containers/layers/registry/challenge"
import * as fc from "fast-check"

const read = (header: string) => parse(header).map(({ parameters, scheme }) => [scheme, Object.fromEntries(parameters)])

const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/)
const name = fc.stringMatching(/^[a-z]{1,10}$/)
const challenge = fc.record({
  scheme: fc.stringMatching(/^[A-Za-z]{1,10}$/),
  parameters: fc.dictionary(name, fc.string({ unit: "grapheme-ascii", maxLength: 20 }), { minKeys: 1, maxKeys: 5 })
})

const quoted = (text: string) => `"${text.replace(/["\\]/g, (found) => `\\${found}`)}"`

describe("WWW-Authenticate", () => {
  it("what registries write", () => {
    assert.deepStrictEqual(
      read(
        "Bearer realm=\"https://auth.example/token\",service=\"registry.example\",scope=\"repository:a/b:pull,push\""
      ),
      [["bearer", {
        realm: "https://auth.example/token",
        service: "registry.example",
        scope: "repository:a/b:pull,push"
      }]]
    )
    assert.deepStrictEqual(read("Basic realm=\"Registry Realm\""), [["basic", { realm: "Registry Realm" }]])
    assert.deepStrictEqual(read("BASIC"), [["basic", {}]])
  })

  it("several in one header, and what is not read", () => {
    assert.deepStrictEqual(
      read("Negotiate, NTLM abc==, Digest realm = x , nonce=\"a\\\"b\" ,, Basic REALM=y, realm=z"),
      [["negotiate", {}], ["ntlm", {}], ["digest", { realm: "x", nonce: "a\"b" }], ["basic", { realm: "y" }]]
    )
    assert.deepStrictEqual(read(""), [])
    assert.deepStrictEqual(read("Bearer realm=\"no end"), [["bearer", {}]])
    assert.deepStrictEqual(read("Basic a=1, \u0000"), [["basic", { a: "1" }]])
  })

  it("reads what is written", () => {
    fc.assert(
      fc.property(fc.array(challenge, { maxLength: 4 }), fc.constantFrom(",", ", ", " ,\t", ",, "), (all, comma) => {
        const header = all.map(({ parameters, scheme }) =>
          `${scheme} ${Object.entries(parameters).map(([name, value]) => `${name}=${quoted(value)}`).join(comma)}`
        ).join(comma)
        assert.deepStrictEqual(
          read(header),
          all.map(({ parameters, scheme }) => [scheme.toLowerCase(), { ...parameters }])
        )
      })
    )
  })

  it("a token needs no quotes", () => {
    fc.assert(fc.property(name, token, (name, value) => {
      assert.deepStrictEqual(read(`Bearer ${name}=${value}`), [["bearer", { [name]: value }]])
    }))
  })

  it("ends with whatever it is given", () => {
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => Array.isArray(parse(text))))
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("Basic", " ", ",", "=", "\"", "\\", "a", "realm"), { maxLength: 60 }),
        (parts) => Array.isArray(parse(parts.join("")))
      )
    )
    const long = `Bearer ${"a".repeat(16_000)}="${"\\".repeat(16_000)}`
    const began = performance.now()
    parse(long)
    assert.isBelow(performance.now() - began, 1000)
  })
})
