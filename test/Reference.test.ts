import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import * as Reference from "effect-containers/Reference"
import * as fc from "fast-check"

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length })
const word = fc.string({ unit: fc.constantFrom(..."abcxyz019"), minLength: 1, maxLength: 6 })
const component = fc.tuple(
  word,
  fc.array(fc.tuple(fc.constantFrom(".", "_", "__", "-", "---"), word), { maxLength: 3 })
)
  .map(([head, tail]) => head + tail.flat().join(""))
const path = fc.array(component, { minLength: 1, maxLength: 4 }).map((components) => components.join("/"))
const label = fc.tuple(word, fc.constantFrom("", "-", "--x", "A")).map(([a, b]) => `${a}${b}z`)
const host = fc.oneof(
  fc.constantFrom("localhost", "docker.io", "index.docker.io", "127.0.0.1", "[::1]", "[2001:db8::FF]", "UPPER"),
  fc.array(label, { minLength: 2, maxLength: 3 }).map((labels) => labels.join("."))
)
const domain = fc.tuple(host, fc.option(fc.nat({ max: 65535 }), { nil: undefined }))
  .map(([name, port]) => port === undefined ? name : `${name}:${port}`)
const tag = fc.tuple(
  fc.constantFrom(..."aZ0_"),
  fc.string({ unit: fc.constantFrom(..."abZ09_.-"), maxLength: 127 })
).map((parts) => parts.join(""))
const digest = fc.oneof(
  hex(64).map((digits) => `sha256:${digits}`),
  hex(96).map((digits) => `sha384:${digits}`),
  hex(128).map((digits) => `sha512:${digits}`)
)
const optional = <A>(arbitrary: fc.Arbitrary<A>) => fc.option(arbitrary, { nil: undefined })
// the first part of a path that has several must not look like a domain
const text = fc.record({ domain: optional(domain), path, tag: optional(tag), digest: optional(digest) })
  .filter((parts) => parts.domain !== undefined || !/^[^/]*\..*\//.test(parts.path))
  .map((parts) =>
    (parts.domain === undefined ? "" : `${parts.domain}/`) + parts.path +
    (parts.tag === undefined ? "" : `:${parts.tag}`) + (parts.digest === undefined ? "" : `@${parts.digest}`)
  )

// The grammar as it is published, as one expression; what goes beyond it (lengths, what is a domain) is around it.
const published = (() => {
  const domainComponent = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
  const domainName = `${domainComponent}(?:\\.${domainComponent})*`
  const pathComponent = "[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*"
  const digests = "sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}"
  return new RegExp(
    `^(?:(?:${domainName}|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?/)(${pathComponent}(?:/${pathComponent})*)` +
      `(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@(?:${digests}))?$`
  )
})()

const grammatical = (input: string): boolean => {
  if (/^[a-f0-9]{64}$/.test(input)) return false
  const [first = ""] = input.split("/")
  const hasDomain = input.includes("/") &&
    (first === "localhost" || first.includes(".") || first.includes(":") || /[A-Z]/.test(first))
  const onHub = hasDomain && (first === "docker.io" || first === "index.docker.io") && input.split("/").length === 2 &&
    !input.includes("@")
  const full = hasDomain
    ? onHub ? input.replace("/", "/library/") : input
    : input.includes("/")
    ? `docker.io/${input}`
    : `docker.io/library/${input}`
  const match = published.exec(full)
  return match !== null && match[1]!.length <= 255
}

const issueOf = (input: string): string => {
  const result = Reference.parseResult(input)
  assert.isTrue(Result.isFailure(result), `${input} was accepted`)
  return Result.isFailure(result) ? result.failure.issue : ""
}

const canonicalOf = (input: string) => Effect.map(Reference.parse(input), (reference) => reference.canonical)

describe("Reference", () => {
  it.effect("completes names as Docker does", () =>
    Effect.gen(function*() {
      const expected: ReadonlyArray<readonly [string, string]> = [
        ["gcc", "docker.io/library/gcc"],
        ["gcc:14", "docker.io/library/gcc:14"],
        ["team/app", "docker.io/team/app"],
        ["docker.io/gcc", "docker.io/library/gcc"],
        ["index.docker.io/gcc:14", "docker.io/library/gcc:14"],
        ["index.docker.io/team/app", "docker.io/team/app"],
        ["localhost", "docker.io/library/localhost"],
        ["localhost:5000", "docker.io/library/localhost:5000"],
        ["localhost/app", "localhost/app"],
        ["localhost:5000/app:1", "localhost:5000/app:1"],
        ["UPPER/app", "UPPER/app"],
        ["a.b/app", "a.b/app"],
        ["[::1]:5000/app", "[::1]:5000/app"],
        ["[fc00::1]/app:1", "[fc00::1]/app:1"],
        ["a__b-c/e---f", "docker.io/a__b-c/e---f"]
      ]
      for (const [input, canonical] of expected) {
        assert.strictEqual(yield* canonicalOf(input), canonical, input)
      }
      const both = `gcc:14@sha256:${"a".repeat(64)}`
      assert.strictEqual(yield* canonicalOf(both), `docker.io/library/${both}`)
    }))

  it.effect("keeps the parts apart", () =>
    Effect.gen(function*() {
      const digest = `sha512:${"0".repeat(128)}`
      const reference = yield* Reference.parse(`quay.example:8443/a/b_c:v1.2@${digest}`)
      assert.deepStrictEqual({ ...reference }, { domain: "quay.example:8443", path: "a/b_c", tag: "v1.2", digest })
      assert.strictEqual(reference.name, "quay.example:8443/a/b_c")
      assert.strictEqual(`${reference}`, reference.canonical)
    }))

  it.effect("is short where that can be understood", () =>
    Effect.gen(function*() {
      const familiar = (input: string) => Effect.map(Reference.parse(input), (reference) => reference.familiar)
      assert.strictEqual(yield* familiar("docker.io/library/gcc:14"), "gcc:14")
      assert.strictEqual(yield* familiar("docker.io/team/app"), "team/app")
      assert.strictEqual(yield* familiar("docker.io/library/a/b"), "library/a/b")
      assert.strictEqual(yield* familiar("localhost:5000/gcc"), "localhost:5000/gcc")
      // these would be read as a registry, or as an id
      assert.strictEqual(yield* familiar("docker.io/a.b/app"), "docker.io/a.b/app")
      assert.strictEqual(yield* familiar(`docker.io/${"a".repeat(64)}`), `docker.io/library/${"a".repeat(64)}`)
    }))

  it.effect("adds latest only to a bare name", () =>
    Effect.gen(function*() {
      const tagged = (input: string) =>
        Effect.map(Reference.parse(input), (reference) => Reference.withDefaultTag(reference).familiar)
      assert.strictEqual(yield* tagged("gcc"), "gcc:latest")
      assert.strictEqual(yield* tagged("gcc:14"), "gcc:14")
      const pinned = `gcc@sha256:${"1".repeat(64)}`
      assert.strictEqual(yield* tagged(pinned), pinned)
    }))

  it("says which rule is broken, and what to write instead", () => {
    const expected: ReadonlyArray<readonly [string, RegExp]> = [
      ["", /is empty: write the name of an image/],
      ["a".repeat(64), /is 64 hexadecimal digits.*write sha256:a/],
      ["docker.io/GCC", /must be lowercase: write "library\/gcc"/],
      ["Gcc", /must be lowercase: write "library\/gcc"/],
      ["gcc:", /the tag after ":" is empty/],
      ["gcc:-x", /the tag "-x" must be made of/],
      [`gcc:${"x".repeat(129)}`, /the tag has 129 characters.*128/],
      ["a".repeat(256), /the name has 264 characters.*255/],
      ["gcc 14", /contains " "/],
      ["gcc\n", /contains "\\n"/],
      ["gcç", /contains "ç"/],
      ["a//b", /two in a row/],
      ["/gcc", /must not begin/],
      ["gcc/", /must not begin or end/],
      [":14", /the name is empty/],
      ["docker.io/", /the name is empty/],
      ["a___b", /only between them/],
      ["-gcc", /only between them/],
      ["a.b:port/c", /the port of the registry "a.b:port" must be a number/],
      ["-a.b/c", /the registry "-a.b" must be made of letters/],
      ["[::g]/c", /must be an IPv6 address/],
      ["gcc@md5:00", /must begin with sha256:, sha384: or sha512:/],
      ["gcc@sha256:00", /must have 64 digits/],
      [`gcc@sha256:${"A".repeat(64)}`, /must have 64 digits/],
      ["gcc@", /must begin with sha256:/]
    ]
    for (const [input, issue] of expected) assert.match(issueOf(input), issue, JSON.stringify(input))
  })

  it.effect("fails with ImageOptions that name the text", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Reference.parse("gcc:"))
      assert.deepStrictEqual([error._tag, error.image, error.field], ["ImageOptions", "gcc:", "reference"])
    }))

  it("tells ids from names", () => {
    for (const id of ["0123456789ab", "f".repeat(64), `sha256:${"0".repeat(64)}`]) assert.isTrue(Reference.isId(id), id)
    for (
      const name of ["gcc", "0123456789a", "f".repeat(65), "sha256:00", "0123456789AB", "", `sha256:${"0".repeat(65)}`]
    ) {
      assert.isFalse(Reference.isId(name), name)
    }
  })

  it("reads what it writes", () => {
    fc.assert(
      fc.property(text, (input) => {
        const reference = Result.getOrThrow(Reference.parseResult(input))
        for (const written of [reference.canonical, reference.familiar]) {
          assert.deepStrictEqual(Result.getOrThrow(Reference.parseResult(written)), reference)
        }
        assert.isTrue(grammatical(input))
      }),
      { numRuns: 500 }
    )
  })

  it("agrees with the published grammar on what was changed at random", () => {
    const edit = fc.record({
      at: fc.nat({ max: 200 }),
      drop: fc.nat({ max: 3 }),
      insert: fc.string({ unit: fc.constantFrom(..."aZ0:/@._-[] \nß"), maxLength: 3 })
    })
    let refused = 0
    fc.assert(
      fc.property(text, fc.array(edit, { minLength: 1, maxLength: 2 }), (input, edits) => {
        const changed = edits.reduce((sum, { at, drop, insert }) => {
          const from = at % (sum.length + 1)
          return sum.slice(0, from) + insert + sum.slice(from + drop)
        }, input)
        const accepted = Result.isSuccess(Reference.parseResult(changed))
        if (!accepted) refused++
        assert.strictEqual(accepted, grammatical(changed), JSON.stringify(changed))
      }),
      { numRuns: 3000 }
    )
    assert.isAbove(refused, 300)
  })

  it("answers for any text", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 0xffff })).map((units) => String.fromCharCode(...units)), (input) => {
        const result = Reference.parseResult(input)
        assert.strictEqual(Result.isSuccess(result), grammatical(input))
      }),
      { numRuns: 300 }
    )
  })

  it("does not grow worse than its input, and keeps its errors readable", () => {
    const long = 1_000_000
    const hostile = [
      "a".repeat(long),
      "a-".repeat(long),
      "-".repeat(long),
      "a_".repeat(long),
      "a/".repeat(long),
      "a.".repeat(long) + "/",
      `[${":".repeat(long)}/`,
      `gcc:${"a".repeat(long)}`,
      `gcc@${":".repeat(long)}`,
      "@".repeat(long),
      `a${"__a".repeat(long)}_`
    ]
    for (const input of hostile) {
      const result = Reference.parseResult(input)
      assert.isTrue(Result.isFailure(result))
      if (Result.isFailure(result)) assert.isBelow(result.failure.message.length, 1000)
    }
  })
})
