/**
 * What builds for a containerd is killed, and containerd lives: the build fails as if the engine had died, nothing of it
 * stays, and the same build succeeds when BuildKit is back.
 */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Deferred, Effect, Fiber, Layer, Stream } from "effect"
import { BuildContext, Container, Image } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"
import * as Testing from "effect-containers/testing"
import { relay } from "../layers/containerd/build/relay.ts"
import { job, outcome, whileAway } from "./case.ts"
import { containerd, restartable, versions } from "./engine.ts"
import { holdsAtRest } from "./holds.ts"

/** The one that is inside of a dockerd, which is killed with it. */
const buildkit = "docker"

const name = "faults-buildkit:1"

describe.each(versions)("%s", (version) => {
  it.live("BuildKit is killed while building", (context) =>
    Effect.gen(function*() {
      const engine = yield* containerd(version)
      const mortal = yield* restartable(buildkit, { daemon: { features: { "containerd-snapshotter": true } } })
      if (mortal.connection.kind !== "docker") return assert.fail("there is no BuildKit in it")
      const server = yield* relay(mortal.connection.config.host ?? "")
      const provider = ConfigProvider.fromUnknown({ BUILDKIT_HOST: `unix://${server.socket}` })
      const layer = Layer.orDie(Containerd.layer({ ...engine.config, connectTimeout: 60_000 })).pipe(
        Layer.provide(ConfigProvider.layer(provider))
      )
      yield* Effect.provide(
        Effect.andThen(Image.fromArchive(Stream.make(engine.image)), Container.run(job("true"))),
        layer
      )
      const before = yield* holdsAtRest(engine)
      const program = Effect.gen(function*() {
        const begun = yield* Deferred.make<void>()
        const delivered: Array<string> = []
        const build = Stream.runForEach(
          Image.build(
            name,
            BuildContext.fromDockerfile("FROM busybox:test\nRUN echo beg''un; sleep 5; echo made > /made\n")
          ),
          ({ step, stream }) =>
            step === undefined && stream?.includes("begun") === true
              ? Effect.andThen(Effect.sync(() => delivered.push("begun")), Deferred.succeed(begun, undefined))
              : Effect.void
        )
        const building = yield* Effect.forkChild(outcome(build))
        yield* Deferred.await(begun)
        const killed = performance.now()
        yield* mortal.kill
        const came = yield* Fiber.join(building)
        const took = performance.now() - killed
        assert.isBelow(took, 10_000)
        const got = [...delivered, came].join("; ")
        assert.deepStrictEqual(
          (yield* Image.list()).flatMap(({ references }) => references).filter((tag) => tag.includes(name)),
          []
        )
        assert.deepStrictEqual(yield* holdsAtRest(engine), before)
        // Who asks while it is away is told at once.
        const meanwhile = yield* outcome(Effect.timeout(build, "10 seconds"))
        delivered.length = 0
        yield* whileAway(mortal, build)
        const says = yield* Container.string(
          Container.make(name).pipe(Container.pull("never"), Container.command("cat /made"))
        )
        yield* Image.remove(name, { force: true })
        context.task.meta.gets = `${got} after ${Math.round(took)} ms; ${meanwhile}; then ${says.trim()}`
        return [got, meanwhile, says.trim()]
      })
      assert.deepStrictEqual(yield* Testing.withoutLeaks(layer)(Effect.scoped(program)), [
        "begun; ImageBuildDockerfile: Unavailable",
        "ImageBuildDockerfile: Unavailable",
        "made"
      ])
    }), 240_000)
})
