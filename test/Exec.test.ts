import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Container } from "effect-containers"
import * as Memory from "effect-containers/layers/Memory"

const engine = Memory.layer({ images: [Memory.image("job", () => Effect.never, { exec: () => 0 })] })

describe("what is wrong with a command is said before the engine is asked", () => {
  const bad: ReadonlyArray<readonly [string, string | ReadonlyArray<string>, Container.ExecRunOptions, string]> = [
    ["no command", [], {}, "command"],
    ["an empty script", " ", {}, "command"],
    ["an empty executable", [""], {}, "command"],
    ["a NUL in an argument", ["echo", "a\0b"], {}, "command"],
    ["a variable without a name", ["true"], { env: { "": "x" } }, "variable"],
    ["a variable with a NUL", ["true"], { env: { A: "a\0" } }, "variable"],
    ["a relative directory", ["true"], { workDir: "tmp" }, "workDir"],
    ["a user that is none", ["true"], { user: "a b" }, "user"],
    ["an empty shell", "true", { shell: [] }, "shell"],
    ["an exit code that is none", ["true"], { expect: [256] }, "expect"],
    ["a limit that is none", ["true"], { outputLimit: -1 }, "outputLimit"]
  ]
  it.effect.each(bad)("%s", ([, command, options, field]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Container.execRun({ id: "some", image: "job" }, command, options))
      assert(error._tag === "ContainerOptions")
      assert.strictEqual(error.field, field)
      assert.strictEqual(error.image, "job")
      assert.deepStrictEqual(yield* (yield* Memory.Engine).calls, [])
    }).pipe(Effect.provide(engine)))
})

describe("an output limit", () => {
  it.effect("keeps the end", () =>
    Effect.gen(function*() {
      const job = yield* Container.start(Container.make("job"))
      const { logs } = yield* Container.execRun(job, ["x"], { outputLimit: 3 })
      assert.strictEqual(logs.text, "def")
    }).pipe(Effect.provide(Memory.layer({
      images: [Memory.image("job", () => Effect.never, { exec: () => ({ stdout: "abcdef" }) })]
    }))))
})
