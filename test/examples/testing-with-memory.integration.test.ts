/**
 * The pipeline of `examples/testing-with-memory.ts` on real engines. Every path of it is in its unit tests, in memory: here
 * is what these take for granted.
 */
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Container, Filter, Image } from "effect-containers"
import { Fixture } from "effect-containers/testing"
import { pipeline } from "../../examples/testing-with-memory.ts"
import { makeImage, push } from "../../scripts/engines/image.ts"
import { suites } from "../conformance/engines.ts"

/** A toolchain in the registry: the commands that its likeness in memory knows, as programs. */
const toolchain = Effect.gen(function*() {
  const { registries } = yield* Fixture
  const program = (text: string) => ({ contents: Buffer.from(`#!/bin/sh\n${text}\n`), mode: 0o755 })
  const image = yield* Effect.promise(() =>
    makeImage({
      layers: [{
        "usr/bin/gcc": program(
          "case $* in *-Wrong*) echo 'gcc: unrecognized option' >&2; exit 4;; esac; echo compiled"
        ),
        "usr/bin/make": program(
          "echo 'test 1 ok'; sleep \"${SLOW:-0}\"; [ -z \"$BUG\" ] || { echo 'test 2 failed' >&2; exit 1; }; echo 'test 2 ok'"
        )
      }]
    })
  )
  yield* Effect.promise(() => push(image, registries.address, "gcc:14"))
  return `${registries.address}/gcc:14`
})

const dockerfile = (base: string, more = "") => `FROM ${base}\nRUN gcc app.c\n${more}`

const left = Effect.map(Container.list(Filter.make("ancestor", "app:test")), (all) => all.map(({ state }) => state))

for (const suite of suites.filter(({ name }) => name !== "memory")) {
  describe(`on ${suite.name}`, () => {
    layer(suite.layer, { excludeTestServices: true, timeout: "2 minutes" })((it) => {
      it.effect("builds on a toolchain of the registry, and reports what the tests said", () =>
        Effect.gen(function*() {
          const base = yield* toolchain
          const report = yield* pipeline(dockerfile(base), base)
          assert.deepStrictEqual(report, { passed: true, output: "test 1 ok\ntest 2 ok\n" })
          const failed = yield* pipeline(dockerfile(base, "ENV BUG=1\n"), base)
          assert.isFalse(failed.passed)
          assert.deepStrictEqual(failed.output.split("\n").toSorted(), ["", "test 1 ok", "test 2 failed"])
          yield* Image.remove("app:test", { force: true })
        }), 120_000)

      it.effect("says at which step a build failed, and how", () =>
        Effect.gen(function*() {
          const base = yield* toolchain
          const error = yield* Effect.flip(pipeline(dockerfile(base, "RUN gcc -Wrong\n"), base))
          assert(error._tag === "ImageBuildDockerfile")
          assert.include(error.log, "gcc: unrecognized option")
        }), 120_000)

      it.effect("leaves no container when it is interrupted", () =>
        Effect.gen(function*() {
          const base = yield* toolchain
          const fiber = yield* Effect.forkChild(pipeline(dockerfile(base, "ENV SLOW=600\n"), base))
          while ((yield* left).length === 0) yield* Effect.sleep("100 millis")
          yield* Fiber.interrupt(fiber)
          while ((yield* left).length > 0) yield* Effect.sleep("100 millis")
          assert.deepStrictEqual(yield* left, [])
        }), 120_000)
    })
  })
}
