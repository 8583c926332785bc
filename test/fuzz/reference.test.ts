import { assert, describe, it } from "@effect/vitest"
import { Reference } from "effect-containers"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { check, text } from "./fuzz.ts"

const digest = fc.constantFrom(
  `sha256:${"a".repeat(64)}`,
  `sha512:${"0".repeat(128)}`,
  `sha256:${"g".repeat(64)}`,
  "a:b"
)

const part = text("abc019._-/:@A", 12)

/** Something that looks like a reference. */
const reference = fc.oneof(
  text("abc019._-/:@A[]", 40),
  fc.tuple(part, part, part, digest, fc.integer({ min: 0, max: 15 })).map(([domain, path, tag, digest, bits]) =>
    [
      bits & 1 ? `${domain}/` : "",
      path,
      bits & 2 ? `:${tag}` : "",
      bits & 4 ? `@${digest}` : ""
    ].join("")
  ),
  fc.constantFrom("localhost:5000/a/b:c", "[::1]:5000/a", "docker.io/library/gcc:14", "a.b/c@sha256:", "").chain(
    (good) =>
      fc.tuple(fc.nat(good.length), fc.nat(3), text("A/:@. ", 2)).map(([at, gone, more]) =>
        good.slice(0, at) + more + good.slice(at + gone)
      )
  )
)

describe("fuzz, image references", () => {
  it("one that is read says the same when it is read again", () =>
    check(reference, (input) => {
      const parsed = Reference.parseResult(input)
      if (Result.isFailure(parsed)) {
        assert.strictEqual(parsed.failure._tag, "ImageOptions")
        return
      }
      const { canonical, digest, domain, path, tag } = parsed.success
      const again = Result.getOrThrow(Reference.parseResult(canonical))
      assert.deepStrictEqual([again.domain, again.path, again.tag, again.digest], [domain, path, tag, digest])
      assert.strictEqual(again.canonical, canonical)
    }, { corpus: "reference", runs: 25_000 }))
})
