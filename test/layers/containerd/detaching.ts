/**
 * A program that starts a container which outlives it, says its id, and waits to be killed.
 *
 * Usage: node --import daemon/sources.ts detaching.ts CONFIG NAME COMMAND
 */
import { Container } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const [text = "{}", name = "detached", command = "true"] = process.argv.slice(2)
const config = Schema.decodeSync(Schema.fromJsonString(Containerd.ContainerdConfig))(text)

const job = Container.make("busybox:test").pipe(
  Container.pull("never"),
  Container.name(name),
  Container.command(command)
)

const program = Effect.gen(function*() {
  const { id } = yield* Container.start(job, { detach: true })
  yield* Effect.sync(() => process.stdout.write(`${id}\n`))
  return yield* Effect.never
})

// Its own signals are left alone: whoever kills it means it.
await Effect.runPromise(Effect.provide(Effect.scoped(program), Containerd.layer(config)))
