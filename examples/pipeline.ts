/**
 * A pipeline as CI has it: builds the tools, compiles, tests in parallel, packs. What a step makes is handed to the next
 * one: a directory, a file, a value. No step has a network where the engine can do without, each has a time limit, at most
 * two run at once, and what is worth it is tried again. On a Swarm it is the same program, and says where each step ran.
 *
 *     npm run example -- pipeline
 *     npm run example -- pipeline --engine swarm
 */
import * as NodeFileSystem from "@effect/platform-node-shared/NodeFileSystem"
import { Console, Effect, FileSystem, Schema, Stream } from "effect"
import { Backend, BuildContext, Container, Image, Pipeline } from "effect-containers"
import { engine, image } from "./engine.ts"

// ---------------------------------------------------------------------------------------------------------------------
// what is built: a program in two files, and a test in each of three
// ---------------------------------------------------------------------------------------------------------------------

const sources = {
  "greet.head": "#!/bin/sh\n# greets whom it is told to\n",
  "greet.body": "echo \"Hello, ${1:-nobody}\"\n",
  "tests/nobody": "test \"$(greet)\" = 'Hello, nobody'\n",
  "tests/somebody": "test \"$(greet you)\" = 'Hello, you'\n",
  "tests/spaces": "test \"$(greet 'you there')\" = 'Hello, you there'\n"
}

// ---------------------------------------------------------------------------------------------------------------------
// steps
// ---------------------------------------------------------------------------------------------------------------------

/** A command in a container. The tools see what they are given, and nothing else. */
const run = Effect.fnUntraced(function*<E = never, R = never>(
  tools: string,
  command: string,
  files: Container.RunOptions<E, R>
) {
  const { capabilities } = yield* Backend.Backend
  const places: Array<string> = []
  const self = Container.make(tools).pipe(
    Container.workDir("/work"),
    Container.command(command),
    capabilities.noNetwork ? Container.network("none") : (self) => self,
    Container.memory("128 MiB"),
    Container.timeLimit("1 minute")
  )
  const { logs } = yield* Container.run(self, {
    prepare: files.prepare,
    collect: (container, finished) =>
      Effect.gen(function*() {
        const { node } = yield* Container.inspect(container.id)
        if (node !== undefined) places.push(`on ${node}`)
        if (files.collect !== undefined) yield* files.collect(container, finished)
      })
  })
  return { wrote: logs.stdoutText, where: places.join("") }
})

/** What holds for each step, and what is said of it. */
const usual: Pipeline.StepOptions<unknown, { readonly where: string }> = {
  within: "1 minute",
  note: ({ where }) => where
}

const Size = Schema.Struct({ files: Schema.Int, bytes: Schema.Int })

// ---------------------------------------------------------------------------------------------------------------------
// the pipeline
// ---------------------------------------------------------------------------------------------------------------------

const pipeline = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const home = yield* fs.makeTempDirectoryScoped({ prefix: "pipeline-" })
  yield* fs.makeDirectory(`${home}/sources/tests`, { recursive: true })
  yield* Effect.forEach(Object.entries(sources), ([name, text]) => fs.writeFileString(`${home}/sources/${name}`, text))

  // An image.
  const tools = "pipeline-tools:1"
  yield* Image.build(
    tools,
    BuildContext.fromDockerfile(`FROM ${image}\nRUN mkdir -p /work/out\nENV PATH=/work/out:/usr/bin:/bin\n`)
  ).pipe(Stream.runDrain, Pipeline.step("tools", { within: "2 minutes" }))
  yield* Effect.addFinalizer(() => Effect.ignore(Image.remove(tools)))

  // A directory in, a directory out.
  yield* run(tools, "cat greet.head greet.body > out/greet && chmod 755 out/greet", {
    prepare: (container) => Container.copyDirectoryTo(container, "/work", `${home}/sources`),
    collect: (container) => Container.copyDirectoryFrom(container, "/work/out", `${home}/program`)
  }).pipe(Pipeline.step("compile", usual))

  // Tests, two at a time; each has the program and its own file. Those that fail do not keep the others from being run.
  const tests = yield* fs.readDirectory(`${home}/sources/tests`)
  yield* Effect.validate(tests, (test) =>
    run(tools, "sh -e test", {
      prepare: Effect.fnUntraced(function*(container) {
        yield* Container.copyDirectoryTo(container, "/work/out", `${home}/program`)
        yield* Container.copyTo(container, "/work/test", yield* fs.readFile(`${home}/sources/tests/${test}`))
      })
    }).pipe(Pipeline.step(`test ${test}`, usual)), { concurrency: "unbounded" })

  // A file out, and a value.
  const archive = `${home}/greet.tar.gz`
  yield* run(tools, "tar -czf greet.tar.gz -C out .", {
    prepare: (container) => Container.copyDirectoryTo(container, "/work/out", `${home}/program`),
    collect: (container) => Stream.run(Container.copyFrom(container, "/work/greet.tar.gz"), fs.sink(archive))
  }).pipe(Pipeline.step("pack", usual))
  const { wrote } = yield* run(
    tools,
    "echo \"{ \\\"files\\\": $(tar -tzf greet.tar.gz | grep -vc '/$'), \\\"bytes\\\": $(wc -c < greet.tar.gz) }\"",
    {
      prepare: (container) =>
        Effect.flatMap(fs.readFile(archive), (bytes) => Container.copyTo(container, "/work/greet.tar.gz", bytes))
    }
  ).pipe(Pipeline.step("measure", usual))
  const size = yield* Schema.decodeEffect(Schema.fromJsonString(Size))(wrote)

  yield* Console.log(`packed ${size.files} file in ${size.bytes} bytes`)
})

const main = pipeline.pipe(
  Effect.timeout("5 minutes"),
  Pipeline.run({ concurrency: 2 }),
  Effect.scoped,
  Effect.provide([engine, NodeFileSystem.layer])
)

await Effect.runPromise(main)
