/**
 * A program that uses a private engine, to be ended in every way. It starts a container, if it is given an image, says
 * `ready` and what the engine is, and goes on until a line comes: `end`, `fail`, or `exit` without a farewell. `health`
 * has it ask the engine; SIGINT interrupts it.
 *
 * Usage: node --import sources.ts program.ts CONFIG [ARCHIVE]
 */
import { Backend, Container, Image } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { once } from "node:events"
import { readFileSync } from "node:fs"

const [text = "{}", archive] = process.argv.slice(2)
const config = Schema.decodeSync(Schema.fromJsonString(Containerd.ContainerdConfig))(text)

const say = (line: object) => Effect.sync(() => process.stdout.write(`${JSON.stringify(line)}\n`))

const job = Container.make("busybox:test").pipe(
  Container.pull("never"),
  Container.command(["sleep", "600"]),
  Container.stopWith({ grace: 0 })
)

const program = Effect.gen(function*() {
  const began = performance.now()
  const backend = yield* Backend.Backend
  const { address, version } = yield* backend.health
  if (archive !== undefined) {
    if (!(yield* Image.exists("busybox:test"))) {
      yield* Image.fromArchive(Stream.make(new Uint8Array(readFileSync(archive))))
    }
    yield* Container.start(job)
  }
  yield* say({ is: "ready", address, version, milliseconds: performance.now() - began })
  while (true) {
    const [line] = yield* Effect.promise(() => once(process.stdin, "data"))
    const word = String(line).trim()
    if (word === "exit") process.exit(0)
    if (word === "fail") return yield* Effect.fail("as it was told")
    if (word !== "health") return
    yield* say(yield* Effect.result(backend.health))
  }
})

const fiber = Effect.runFork(Effect.provide(Effect.scoped(program), Containerd.layer(config)))
process.on("SIGINT", () => void Effect.runPromise(Fiber.interrupt(fiber)))
const exit = await Effect.runPromise(Fiber.await(fiber))
process.stdin.destroy()
await Effect.runPromise(say({ is: exit._tag, why: exit._tag === "Failure" ? exit.cause.toString() : "" }))
