import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted, Stream } from "effect"
import { BuildContext, Container, Errors, Image } from "effect-containers"
import * as Memory from "effect-containers/layers/Memory"
import * as Tar from "effect/encoding/Tar"
import { TestClock } from "effect/testing"

/** Knows a few commands; says what it is told for anything else. */
const shell: Memory.Recipe = ({ command, env, files, stderr, stdout, user, workDir }) =>
  Effect.gen(function*() {
    const script = command.at(-1) ?? ""
    if (script.startsWith("fail")) {
      yield* stderr("it went wrong\n")
      return Number(script.slice(5))
    }
    if (script.startsWith("write ")) return yield* files.write(script.slice(6), "written")
    if (script.startsWith("cat ")) return yield* Effect.flatMap(files.readText(script.slice(4)), stdout)
    if (script === "sleep") return yield* Effect.sleep("1 hour")
    yield* stdout(`${command.join(" ")} in ${workDir} as ${user} with ${env["A"]}/${env["V"] ?? ""}\n`)
  })

const layer = Memory.layer({
  images: [Memory.image("base", shell, { env: { A: "a" }, labels: { from: "base" }, files: { "/etc/base": "base" } })],
  registry: [Memory.image("remote", shell)]
})

const archive = (files: Readonly<Record<string, string>>) =>
  BuildContext.fromTar(
    Stream.fromIterable(Object.entries(files).map(([path, text]) => Tar.file(path, text))).pipe(
      Stream.pipeThroughChannel(Tar.encode())
    )
  )

const build = (
  dockerfile: string,
  options: Image.BuildImageOptions = {},
  files: Readonly<Record<string, string>> = {}
) => Image.build("built:1", archive({ Dockerfile: dockerfile, ...files }), options)

const log = (dockerfile: string, options?: Image.BuildImageOptions, files?: Readonly<Record<string, string>>) =>
  Stream.mkString(Stream.map(build(dockerfile, options, files), ({ stream }) => stream ?? ""))

const failure = (dockerfile: string, options?: Image.BuildImageOptions) =>
  Stream.runDrain(build(dockerfile, options)).pipe(
    Effect.flip,
    Effect.map((error) => {
      assert(error._tag === "ImageBuildDockerfile")
      return error
    })
  )

describe("building", () => {
  it.effect("does each instruction, and says which", () =>
    Effect.gen(function*() {
      const dockerfile = `# syntax=none
ARG BASE=base
FROM \${BASE}
ARG V=1
ENV A=b C="two words"
WORKDIR /src
USER builder
LABEL stage=one note="a b"
RUN compile \\
  # not part of it
  all
RUN ["tool", "arg"]
CMD ["run", "it"]
STOPSIGNAL SIGINT
`
      const text = yield* log(dockerfile, { labels: { mine: "yes" }, buildArgs: { V: Redacted.make("2") } })
      assert.include(text, "Step 1/11 : ARG BASE=base\n")
      assert.include(text, "/bin/sh -c compile   all in /src as builder with b/2\n")
      assert.include(text, "tool arg in /src as builder with b/2\n")
      assert.match(text, /Successfully built [0-9a-f]{12}\nSuccessfully tagged built:1\n$/)
      const { config, labels } = yield* Image.inspect("built:1")
      assert.deepStrictEqual(config, {
        env: ["A=b", "C=two words"],
        entrypoint: [],
        command: ["run", "it"],
        workDir: "/src",
        user: "builder"
      })
      assert.deepStrictEqual(labels, { from: "base", stage: "one", note: "a b", mine: "yes" })
      assert.strictEqual(yield* Container.string(Container.make("built:1")), "run it in /src as builder with b/\n")
    }).pipe(Effect.provide(layer)))

  it.effect("copies from the context and from other stages; an image takes along what its build wrote", () =>
    Effect.gen(function*() {
      const dockerfile = `FROM base AS one
COPY src /app/
COPY *.txt deep/c /docs/
RUN write /app/made
FROM base
COPY --from=one /app /app
COPY --from=base /etc/base /kept
ENTRYPOINT ["entry"]
`
      const files = { "src/a": "A", "src/sub/b": "B", "one.txt": "1", "two.txt": "2", "deep/c": "C" }
      yield* log(dockerfile, {}, files)
      const cat = (path: string) => Container.string(Container.command(Container.make("built:1"), [`cat ${path}`]))
      assert.deepStrictEqual(
        yield* Effect.forEach(["/app/a", "/app/sub/b", "/app/made", "/kept"], cat),
        ["A", "B", "written", "base"]
      )
      assert.strictEqual((yield* Effect.flip(cat("/docs/c")))._tag, "ExitCode")
      assert.deepStrictEqual((yield* Image.inspect("built:1")).config.command, [])
      yield* log(dockerfile, { target: "one" }, files)
      assert.deepStrictEqual(yield* Effect.forEach(["/docs/one.txt", "/docs/two.txt", "/docs/c"], cat), ["1", "2", "C"])
    }).pipe(Effect.provide(layer)))

  it.effect("pulls a base that is missing", () =>
    Effect.gen(function*() {
      const statuses = yield* Stream.runCollect(build("FROM remote\n"))
      assert.isAbove(statuses.filter(({ id, total }) => id !== undefined && total === 1 << 20).length, 0)
      assert.isTrue(yield* Image.exists("remote"))
      assert.deepStrictEqual(
        statuses.find(({ imageId }) => imageId !== undefined)?.imageId,
        (yield* Image.inspect("built:1")).id
      )
    }).pipe(Effect.provide(layer)))

  it.effect("fails at the step that failed, with its log", () =>
    Effect.gen(function*() {
      const error = yield* failure("FROM base\nRUN ok\nRUN fail 7\nRUN never\n")
      assert.deepStrictEqual(error.step, { number: 3, total: 4, instruction: "RUN fail 7" })
      assert.deepStrictEqual([error.reason._tag, error.reason.code], ["Internal", 7])
      assert.include(error.log, "it went wrong\n")
      assert.notInclude(error.log, "never")
      assert.isFalse(yield* Image.exists("built:1"))
    }).pipe(Effect.provide(layer)))

  it.effect("fails for what is not valid or not there", () =>
    Effect.gen(function*() {
      const why = (dockerfile: string, options?: Image.BuildImageOptions) =>
        Effect.map(failure(dockerfile, options), ({ reason, step }) => [reason._tag, step?.number])
      assert.deepStrictEqual(yield* why("FROM base\nFETCH x\n"), ["InvalidArgument", undefined])
      assert.deepStrictEqual(yield* why("RUN x\n"), ["InvalidArgument", undefined])
      assert.deepStrictEqual(yield* why("FROM base\nRUN\n"), ["InvalidArgument", undefined])
      assert.deepStrictEqual(yield* why("FROM nowhere\n"), ["NotFound", 1])
      assert.deepStrictEqual(yield* why("FROM base\nCOPY nothing /\n"), ["NotFound", 2])
      assert.deepStrictEqual(yield* why("FROM base\nCOPY x\n"), ["InvalidArgument", 2])
      assert.deepStrictEqual(yield* why("FROM base\nONBUILD RUN x\n"), ["Unsupported", 2])
      assert.deepStrictEqual(yield* why("FROM base\nSHELL sh\n"), ["InvalidArgument", 2])
      assert.deepStrictEqual(yield* why("FROM base\n", { target: "other" }), ["NotFound", undefined])
    }).pipe(Effect.provide(layer)))

  it.effect("stops when it is interrupted", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(log("FROM base\nRUN sleep\nRUN after\n"))
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(fiber.pollUnsafe())
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("2 hours")
      assert.isFalse(yield* Image.exists("built:1"))
    }).pipe(Effect.provide(layer)))

  it.effect("can be the test's own", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* log("ANYTHING\n", { buildArgs: { A: "1" } }, { "main.c": "int main;" }),
        `Step 1/1 : compile\nint main; 1\nSuccessfully built ${
          (yield* Image.inspect("built:1")).id.slice(7, 19)
        }\nSuccessfully tagged built:1\n`
      )
      assert.strictEqual(yield* Container.exitCode(Container.make("built:1")), 5)
      const refused = yield* failure("refuse me")
      assert.deepStrictEqual([refused.reason._tag, refused.step], ["ResourceExhausted", undefined])
    }).pipe(Effect.provide(Memory.layer({
      build: ({ args, context, dockerfile, log, step, tag }) =>
        Effect.gen(function*() {
          if (dockerfile.startsWith("refuse")) {
            return yield* new Errors.ResourceExhausted({ operation: "build", message: "no space left" })
          }
          yield* step(1, 1, "compile")
          yield* log(`${yield* context.readText("/main.c")} ${args["A"]}\n`)
          return Memory.image(tag, () => 5)
        })
    }))))
})
