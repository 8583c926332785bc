/** All that can be cut off, from the image to the removal. */
import { Effect, Stream } from "effect"
import { Backend, Container, Image, Logs, Network, Volume } from "effect-containers"

const pipeline = Effect.fnUntraced(function*(archive: Uint8Array) {
  const { capabilities } = yield* Backend.Backend
  yield* Image.fromArchive(Stream.make(archive))
  const image = yield* Image.resolve("busybox:test", { pull: "never" })
  const volume = yield* Volume.make()
  let described = Container.make(image).pipe(
    Container.command("echo begun; sleep 0.2; echo done; echo err >&2"),
    Container.volume(volume, "/data"),
    Container.stopWith({ grace: 0 })
  )
  if (capabilities.networks) described = Container.network(described, yield* Network.make())
  const created = yield* Container.create(described)
  yield* Container.copyTo(created, "/data/file", "text")
  const handle = yield* created.start
  const { stderr, stdout } = yield* Logs.separated(handle.logs({ follow: true }), { memoryLimit: 1 })
  yield* Effect.all([
    Stream.runDrain(stdout),
    Stream.runDrain(stderr),
    Container.execExitCode(handle, "sleep 0.1"),
    handle.exitStatus
  ], { concurrency: "unbounded" })
  yield* Container.copyFrom(handle, "/data/file").pipe(Stream.runDrain)
  yield* Container.remove(handle.id)
})

/** It, and besides a run that would never end. */
export const two = (archive: Uint8Array): Effect.Effect<unknown, unknown, Backend.Backend> =>
  Effect.all([
    Effect.scoped(pipeline(archive)),
    Container.run(
      Container.make("busybox:test").pipe(
        Container.pull("never"),
        Container.command("while :; do echo x; done"),
        Container.outputLimit(1024),
        Container.stopWith({ grace: 0 })
      )
    )
  ], { concurrency: 2 })
