import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as BuildContext from "../../BuildContext.ts"
import * as Container from "../../Container.ts"
import * as Image from "../../Image.ts"
import { type Case, group, part, unique } from "../case.ts"
import { equal, fails, holds } from "../expect.ts"
import { Fixture } from "../fixture.ts"
import { removedLater } from "../image.ts"

const it = group("build")

/** Waits for a name of its own; what it makes is removed. */
const named = Effect.gen(function*() {
  const name = `${yield* unique("build")}:1`
  yield* removedLater(name)
  return name
})

const dockerfile = (lines: ReadonlyArray<string>) =>
  Effect.map(Fixture, ({ image }) => BuildContext.fromDockerfile([`FROM ${image}`, ...lines, ""].join("\n")))

const build = Effect.fnUntraced(function*(lines: ReadonlyArray<string>, options?: Image.BuildImageOptions) {
  const name = yield* named
  const statuses = yield* Stream.runCollect(Image.build(name, yield* dockerfile(lines), options))
  return { name, statuses }
})

const says = (image: string, script: string) =>
  Container.string(Container.make(image).pipe(Container.pull("never"), Container.command(script)))

/** A directory with these files. */
const directory = (files: Readonly<Record<string, string>>) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const path = await mkdtemp(join(tmpdir(), "efc-conformance-"))
      for (const [name, content] of Object.entries(files)) {
        await mkdir(dirname(join(path, name)), { recursive: true })
        await writeFile(join(path, name), content)
      }
      return path
    }),
    (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
  )

const builds = <E>(name: string, run: Effect.Effect<unknown, E, Effect.Services<ReturnType<typeof build>>>): Case =>
  it(name, part("build", Effect.flatMap(build(["CMD true"]), ({ name }) => Image.inspect(name)), run))

export const cases: ReadonlyArray<Case> = [
  builds(
    "of a Dockerfile's text",
    Effect.gen(function*() {
      const { name, statuses } = yield* build(["ENV A=built", "RUN echo made > /made", "CMD [\"cat\", \"/made\"]"])
      yield* equal(
        "steps",
        statuses.flatMap(({ step }) =>
          step === undefined ? [] : [[step.number, step.total, step.instruction.split(" ")[0]]]
        ),
        [[1, 4, "FROM"], [2, 4, "ENV"], [3, 4, "RUN"], [4, 4, "CMD"]]
      )
      const { id } = yield* Image.inspect(name)
      yield* equal("image id", statuses.findLast(({ imageId }) => imageId !== undefined)?.imageId, id)
      yield* equal("variable", yield* says(name, "printf %s $A"), "built")
      yield* equal("command", yield* Container.string(Container.make(name)), "made\n")
    })
  ),
  builds(
    "what RUN writes is in the stream",
    Effect.gen(function*() {
      const words = yield* unique("words")
      const { statuses } = yield* build([`RUN echo ${words}-out; echo ${words}-err >&2`])
      const log = statuses.map(({ stream }) => stream ?? "").join("")
      yield* holds("stdout and stderr", log.includes(`${words}-out\n`) && log.includes(`${words}-err\n`), log)
    })
  ),
  builds(
    "fails at a step: which, why and its log",
    Effect.gen(function*() {
      const name = yield* named
      const context = yield* dockerfile(["ENV A=1", `RUN echo before-${name}; exit 7`, "ENV B=1"])
      const error = yield* fails(Stream.runDrain(Image.build(name, context)), {
        tag: "ImageBuildDockerfile",
        reason: "Internal",
        image: name,
        names: [name, "3/4", "exit 7"]
      })
      if (error._tag !== "ImageBuildDockerfile") return
      yield* equal("step", [error.step?.number, error.step?.total], [3, 4])
      yield* holds("instruction", error.step?.instruction.startsWith("RUN echo before") === true, error.step)
      yield* equal("exit code", error.reason.code, 7)
      yield* holds("log", error.log.includes(`before-${name}\n`), error.log)
      yield* equal("exists", yield* Image.exists(name), false)
    })
  ),
  builds(
    "of a base image that is not there",
    Effect.gen(function*() {
      const { registries } = yield* Fixture
      const name = yield* named
      const base = `${registries.address}/${yield* unique("base")}:1`
      const error = yield* fails(
        Stream.runDrain(Image.build(name, BuildContext.fromDockerfile(`FROM ${base}\nRUN true\n`))),
        {
          tag: "ImageBuildDockerfile",
          reason: "NotFound",
          image: name,
          names: [name, base]
        }
      )
      yield* equal("step", error._tag === "ImageBuildDockerfile" && error.step?.number, 1)
    })
  ),
  builds(
    "of a Dockerfile that is none",
    Effect.gen(function*() {
      const name = yield* named
      const context = yield* dockerfile(["NOSUCHINSTRUCTION x"])
      yield* fails(Stream.runDrain(Image.build(name, context)), {
        tag: "ImageBuildDockerfile",
        reason: "InvalidArgument",
        image: name,
        names: [name, "NOSUCHINSTRUCTION"]
      })
    })
  ),
  builds(
    "of a directory, without what .dockerignore names",
    Effect.gen(function*() {
      const { image } = yield* Fixture
      const path = yield* directory({
        "Dockerfile": `FROM ${image}\nCOPY . /context\n`,
        ".dockerignore": "# comment\n*.log\n!keep.log\nsecret\n",
        "a.txt": "a",
        "drop.log": "x",
        "keep.log": "x",
        "secret/key": "x",
        "sub/b.txt": "b"
      })
      const name = yield* named
      yield* Stream.runDrain(Image.build(name, BuildContext.fromDirectory(path)))
      yield* equal("files", yield* says(name, "cd /context && ls"), "Dockerfile\na.txt\nkeep.log\nsub\n")
      yield* equal("a file in a directory", yield* says(name, "cat /context/sub/b.txt"), "b")
    })
  ),
  builds(
    "with a Dockerfile of another name",
    Effect.gen(function*() {
      const { image } = yield* Fixture
      const path = yield* directory({
        "Dockerfile": "FROM efc-not-this-one\n",
        "docker/other": `FROM ${image}\nCOPY file /file\n`,
        "file": "other"
      })
      const name = yield* named
      yield* Stream.runDrain(Image.build(name, BuildContext.fromDirectory(path, { dockerfile: "docker/other" })))
      yield* equal("file", yield* says(name, "cat /file"), "other")
    })
  ),
  builds(
    "copies what is not in the context",
    Effect.gen(function*() {
      const name = yield* named
      const context = yield* dockerfile(["COPY not-there /file"])
      const error = yield* fails(Stream.runDrain(Image.build(name, context)), {
        tag: "ImageBuildDockerfile",
        reason: "NotFound",
        image: name,
        names: ["not-there", "2/2"]
      })
      yield* equal("step", error._tag === "ImageBuildDockerfile" && error.step?.number, 2)
    })
  ),
  builds(
    "of a tar archive",
    Effect.gen(function*() {
      const name = yield* named
      const archive = BuildContext.toTar(yield* dockerfile(["ENV A=tar"]), { image: name })
      const bytes = Buffer.concat(yield* Stream.runCollect(archive))
      yield* Stream.runDrain(Image.build(name, BuildContext.fromTar(bytes)))
      yield* equal("variable", yield* says(name, "printf %s $A"), "tar")
    })
  ),
  builds(
    "with arguments and labels",
    Effect.gen(function*() {
      const { name } = yield* build(["ARG WHAT=nothing", "ARG OTHER=default", "ENV A=$WHAT-$OTHER"], {
        buildArgs: { WHAT: "something" },
        labels: { "conformance.build": "labelled" }
      })
      yield* equal("variable", yield* says(name, "printf %s $A"), "something-default")
      yield* equal("label", (yield* Image.inspect(name)).labels["conformance.build"], "labelled")
    })
  ),
  builds(
    "of one stage",
    Effect.gen(function*() {
      const { image } = yield* Fixture
      const name = yield* named
      const text = `FROM ${image} AS first\nENV A=first\nFROM ${image} AS second\nENV A=second\nRUN exit 9\n`
      yield* Stream.runDrain(Image.build(name, BuildContext.fromDockerfile(text), { target: "first" }))
      yield* equal("variable", yield* says(name, "printf %s $A"), "first")
    })
  ),
  builds(
    "resolve builds what is not there, and only that",
    Effect.gen(function*() {
      const name = yield* named
      const seen: Array<unknown> = []
      const output = Sink.forEach((status) => Effect.sync(() => seen.push(status)))
      const built = yield* Image.resolve(name, { build: yield* dockerfile(["ENV A=1"]), output })
      yield* equal("image", [built.name, built.id], [name, (yield* Image.inspect(name)).id])
      yield* holds("the output saw it", seen.length > 0, seen)
      const broken = yield* dockerfile(["RUN exit 1"])
      const again = yield* Image.resolve(name, { build: broken })
      yield* equal("nothing is built", again.id, built.id)
    })
  ),
  builds(
    "ForceRebuild builds also what is there",
    Effect.gen(function*() {
      const name = yield* named
      // What no other case builds: that would be the same image, and go while this one takes it from the cache.
      const built = yield* Image.resolve(name, { build: yield* dockerfile([`ENV A=${name}`]) })
      const again = yield* Image.resolve(name, { build: yield* dockerfile([`ENV A=again-${name}`]) }).pipe(
        Effect.provideService(Image.ForceRebuild, true)
      )
      yield* holds("another image", again.id !== built.id, again.id)
      yield* equal("variable", again.info.config.env.includes(`A=again-${name}`), true)
    })
  ),
  builds(
    "resolve says what a build failed with",
    Effect.gen(function*() {
      const name = yield* named
      const error = yield* fails(Image.resolve(name, { build: yield* dockerfile([`RUN echo log-${name}; exit 5`]) }), {
        tag: "ImageBuild",
        reason: "Internal",
        image: name,
        names: [name, "2/2", "exit 5"]
      })
      if (error._tag !== "ImageBuild") return
      yield* equal("cause", [error.cause._tag, error.cause.step?.number, error.reason.code], [
        "ImageBuildDockerfile",
        2,
        5
      ])
      yield* holds("log", error.cause.log.includes(`log-${name}`), error.cause.log)
    })
  ),
  builds(
    "that is interrupted",
    Effect.gen(function*() {
      const name = yield* named
      const begun = yield* Deferred.make<void>()
      // A step that nobody has built before, or the cache would have it.
      const context = yield* dockerfile([`RUN echo ${name} && sleep 50`])
      const building = yield* Image.build(name, context).pipe(
        Stream.runForEach(({ step }) => step?.number === 2 ? Deferred.succeed(begun, undefined) : Effect.void),
        Effect.forkChild
      )
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(building)
      yield* equal("exists", yield* Image.exists(name), false)
    })
  )
]
