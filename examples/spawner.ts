/**
 * Programs that know only `ChildProcess`, moved into a container by a Layer: a pipeline of processes, one that is talked to
 * while it runs, and one that is ended.
 *
 *     npm run example -- spawner
 */
import { Console, Effect, Fiber, Queue, Stream } from "effect"
import { Container, ContainerSpawner } from "effect-containers"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { engine, image } from "./engine.ts"

/** Knows nothing of containers. */
const wordCount = Effect.gen(function*() {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const words = ChildProcess.make("sort", [], { stdin: Stream.encodeText(Stream.make("b\na\nb\n")) })
  const lines = yield* spawner.lines(ChildProcess.pipeTo(words, ChildProcess.make("uniq", ["-c"])))
  yield* Console.log(`words: ${lines.map((line) => line.trim().replace(/\s+/, " x ")).join(", ")}`)
})

/** Asks a calculator one thing at a time; each question waits for the answer before. */
const conversation = Effect.gen(function*() {
  const questions = yield* Queue.make<string>()
  const calculator = yield* ChildProcess.make("bc", [], {
    stdin: Stream.encodeText(Stream.map(Stream.fromQueue(questions), (question) => `${question}\n`))
  })
  yield* Queue.offer(questions, "1")
  const answers = yield* calculator.stdout.pipe(
    Stream.decodeText,
    Stream.splitLines,
    Stream.take(5),
    Stream.tap((answer) => Queue.offer(questions, `${answer} * 3`)),
    Stream.runCollect
  )
  yield* Console.log(`powers of three: ${answers.join(", ")}`)
}).pipe(Effect.scoped)

/** A process that would go on for ever: who started it is interrupted, and it is gone from the container. */
const ended = Effect.gen(function*() {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const waiting = yield* Effect.forkChild(spawner.exitCode(ChildProcess.make("sleep", ["86400"])))
  const asleep = Effect.map(
    spawner.lines(ChildProcess.make("ps")),
    (lines) => lines.filter((line) => line.includes("sleep 86400")).length
  )
  yield* Effect.repeat(asleep, { until: (count) => count === 1 })
  yield* Fiber.interrupt(waiting)
  yield* Console.log(`still asleep: ${yield* asleep}`)
})

const main = Effect.gen(function*() {
  const tools = yield* Container.start(
    Container.make(image).pipe(Container.command("sleep 600"), Container.stopWith({ grace: "1 second" }))
  )
  yield* Effect.provide(Effect.all([wordCount, conversation, ended]), ContainerSpawner.layer(tools))
}).pipe(Effect.scoped, Effect.provide(engine))

await Effect.runPromise(main)
