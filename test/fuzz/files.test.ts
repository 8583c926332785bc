import { assert, describe, it } from "@effect/vitest"
import { BuildContext } from "effect-containers"
import * as Dockerignore from "effect-containers/buildContext/dockerignore"
import * as Dockerfile from "effect-containers/layers/containerd/build/dockerfile"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { check, text } from "./fuzz.ts"

const glob = text("*?[]!^-\\/.# \t\r\nab", 30)

const path = fc.array(text("ab.*", 4).map((part) => part.replaceAll("/", "") || "a"), { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join("/"))

describe("fuzz, files", () => {
  it(".dockerignore: read or refused with the line; what is in an ignored folder is decided from the top", () =>
    check(fc.tuple(fc.array(glob, { maxLength: 4 }), path), ([lines, path]) => {
      const parsed = Dockerignore.parse(lines.join("\n"))
      if (Result.isFailure(parsed)) {
        assert.match(parsed.failure, /^line \d+, /)
        return
      }
      const ignored = Dockerignore.ignores(parsed.success, path)
      assert.isFalse(Dockerignore.ignores(Dockerignore.keeping(parsed.success, path), path))
      if (!parsed.success.hasExceptions && ignored) assert.isTrue(Dockerignore.ignores(parsed.success, `${path}/below`))
    }, { corpus: "dockerignore", runs: 20_000 }))

  it(".dockerignore: no pattern takes long", () =>
    check(
      fc.tuple(fc.constantFrom("*a", "**/", "**a", "[a-b]*", "?*", "**/*"), fc.constantFrom("a", "a/", "ab/")),
      ([pattern, path]) => {
        const parsed = Result.getOrThrow(Dockerignore.parse(`${pattern.repeat(60)}b`))
        const begun = performance.now()
        Dockerignore.ignores(parsed, `${path.repeat(60)}c`)
        assert.isBelow(performance.now() - begun, 2000)
      },
      { corpus: "dockerignore-time", runs: 40 }
    ))

  it("a Dockerfile's path: refused, or one below the context", () =>
    check(text("./\\ab\0 :C", 20), (dockerfile) => {
      const open = BuildContext.open(BuildContext.fromDockerfile("FROM a\n", { dockerfile }), { image: "a" })
      const exit = Effect.runSyncExit(Effect.scoped(open))
      if (Exit.isSuccess(exit)) {
        assert.notInclude(dockerfile, "\0")
        assert.isFalse(dockerfile.startsWith("/"))
        return
      }
      const error = Exit.findErrorOption(exit)
      assert.isTrue(error._tag === "Some" && error.value._tag === "ImageOptions", String(exit.cause))
    }, { corpus: "dockerfile-path", runs: 8000 }))

  it("a Dockerfile is read, whatever it is", () =>
    check(
      fc.array(
        fc.oneof(
          fc.constantFrom(
            "FROM a AS b",
            "FROM $A",
            "ARG A=b",
            "RUN <<E",
            "E",
            "COPY --from=b a b",
            "# escape=`",
            "RUN a \\",
            "FROM --platform=${B:-x} 0"
          ),
          text("FROM RUN\\`<$\"'{}:-#\n", 30)
        ),
        { maxLength: 8 }
      ).map((lines) => lines.join("\n")),
      (text) => {
        const found = Dockerfile.instructions(text)
        const count = text.split(/\r?\n/).length
        for (const { first, last } of found) assert.isTrue(first >= 0 && first <= last && last < count)
        const parsed = Dockerfile.parse(text, { args: {}, variables: {}, target: undefined, platform: undefined })
        assert.isAtMost(parsed.stages.length, found.length)
        assert.strictEqual(typeof Dockerfile.renamed(parsed, new Map([["a", "z"]])), "string")
        for (const [index] of parsed.stages.entries()) {
          const { first, total } = Dockerfile.position(parsed, index)
          assert.isTrue(first >= 1 && first <= total)
        }
      },
      { corpus: "dockerfile", runs: 8000 }
    ))
})
