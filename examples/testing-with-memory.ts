/**
 * A pipeline of a user's own: build an image, run the tests in it, keep what they said. Its test,
 * `test/examples/testing-with-memory.test.ts`, takes it down every path with no engine on the machine; what an engine
 * alone can say, that the same program does its work on a real one, says `testing-with-memory.integration.test.ts` beside
 * it, on Docker and on containerd. Run here, it shows two paths:
 *
 *     node examples/testing-with-memory.ts
 */
import { Console, Effect, Schedule, Stream } from "effect"
import { BuildContext, Container, Image } from "effect-containers"
import * as Memory from "effect-containers/layers/Memory"
import { pathToFileURL } from "node:url"

export interface Report {
  readonly passed: boolean
  readonly output: string
}

/** A registry that is down for a moment is no reason to give up; anything else is. */
const patiently = <A, E extends { readonly isRetryable: boolean }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, {
    schedule: Schedule.spaced("1 minute").pipe(Schedule.upTo({ times: 5 })),
    while: (error) => error.isRetryable
  })

/** Gets the toolchain, builds the application on it, and tests it. Exit code 1 is a test that failed, not an error. */
export const pipeline = Effect.fn("pipeline")(function*(dockerfile: string, toolchain = "gcc:14") {
  yield* patiently(Image.resolve(toolchain))
  yield* Stream.runDrain(Image.build("app:test", BuildContext.fromDockerfile(dockerfile)))
  const { exit, logs } = yield* Container.make("app:test").pipe(
    Container.command(["make", "test"]),
    Container.expect([0, 1]),
    Container.run
  )
  const report: Report = { passed: exit._tag === "Exited" && exit.code === 0, output: logs.text }
  return report
})

/** What `gcc:14` is in the test: a function. It knows a few commands, and has a bug if `BUG` is set. */
export const gcc = Memory.image("gcc:14", ({ command, env, stdout }) =>
  Effect.gen(function*() {
    const script = command.join(" ")
    if (script.includes("gcc -Wrong")) return { stderr: "gcc: unrecognized option\n", exitCode: 4 }
    if (script.includes("gcc")) return { stdout: "compiled\n" }
    yield* stdout("test 1 ok\n")
    yield* Effect.sleep("10 minutes")
    return env["BUG"] === undefined ? { stdout: "test 2 ok\n" } : { stderr: "test 2 failed\n", exitCode: 1 }
  }))

const engine = Memory.layer({ registry: [gcc] })

const main = Effect.gen(function*() {
  const error = yield* Effect.flip(pipeline("FROM gcc:14\nRUN gcc -Wrong\n"))
  yield* Console.log(error.message)
  const missing = yield* Effect.flip(pipeline("FROM gcc:15\n"))
  yield* Console.log(missing.message)
}).pipe(Effect.provide(engine))

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await Effect.runPromise(main)
