/**
 * gVisor as the runtime of a containerd: containers that never meet this machine's kernel.
 */
import { describe, it } from "@effect/vitest"
import { assertTrue, deepStrictEqual, strictEqual } from "@effect/vitest/utils"
import { Deferred, Effect, Stream } from "effect"
import { Container, Errors, Image } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"
import { readdirSync, readFileSync } from "node:fs"
import { chmod, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { suite } from "../../../scripts/engines/home.ts"
import * as Channel from "../../../src/layers/containerd/channel.ts"
import { Snapshots } from "../../../src/layers/containerd/protocol/snapshots_pb.ts"
import { Tasks } from "../../../src/layers/containerd/protocol/tasks_pb.ts"
import { holds } from "../../faults/holds.ts"
import { type Engine, restartable, versions } from "./engine.ts"

const job = Container.make("busybox:test").pipe(Container.pull("never"))

/** A containerd with the image, whose containers are gVisor's. */
const sandboxed = Effect.fnUntraced(function*(name: string) {
  const engine = yield* restartable(name)
  const binary = join(engine.config.folder ?? "", "runsc")
  yield* Effect.promise(async () => {
    const runsc = join(await suite("trixie", "gvisor"), "usr/bin/runsc")
    // Its own network stack wants a network namespace that looks like none of this kernel's.
    await writeFile(binary, `#!/bin/sh\nexec ${runsc} --platform=systrap --network=none "$@"\n`)
    await chmod(binary, 0o755)
  })
  const runtime = { name: "io.containerd.runc.v2", binary }
  const layer = Containerd.layer({ ...engine.config, runtime, connectTimeout: 60_000 })
  yield* Effect.provide(Image.fromArchive(Stream.make(engine.image)), layer)
  return { engine, layer }
})

/** Creates the task of a container as its start would, and goes no further. */
const unstarted = ({ config }: Engine) =>
  Effect.fnUntraced(function*({ id }: Container.CreatedContainer) {
    const { address, namespace } = config
    const channel = yield* Channel.make({ socket: address, namespace, requestTimeout: 10_000 })
    const operation = "start"
    const { mounts: rootfs } = yield* channel.unary(
      Snapshots.method.mounts,
      { snapshotter: "overlayfs", key: id },
      { operation }
    )
    const task = { containerId: id, rootfs, stdin: "", stdout: "", stderr: "", terminal: false }
    yield* channel.unary(Tasks.method.create, task, { operation })
  })

/** Processes of gVisor's that the kernel still has for an engine's containers. */
const sandboxes = ({ config }: Engine) =>
  readdirSync("/proc").filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`/${config.namespace}`)
    } catch {
      return false
    }
  })

describe.each(versions)("%s", (name) => {
  it.live("runs on gVisor's kernel, as whoever it is told, with what it is given", () =>
    Effect.gen(function*() {
      const { layer } = yield* sandboxed(name)
      yield* Effect.gen(function*() {
        assertTrue((yield* Container.string(Container.command(job, "dmesg"))).includes("gVisor"))
        const untrusted = Container.untrusted(job).pipe(
          Container.tmpfs("/scratch"),
          Container.variable("WHO", "me"),
          Container.command("echo $WHO > /scratch/f; cat /scratch/f; id -u; touch /f 2>/dev/null || echo no")
        )
        deepStrictEqual((yield* Container.string(untrusted)).trim().split("\n"), ["me", "65534", "no"])
        const failed = yield* Effect.flip(Container.run(Container.command(job, "echo why >&2; exit 7")))
        assertTrue(failed instanceof Errors.ExitCode)
        strictEqual(failed.code, 7)
        strictEqual(failed.logs.stderrText, "why\n")
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.scoped))

  it.live("leaves nothing of what ended, was interrupted, or could not be started", () =>
    Effect.gen(function*() {
      const { engine, layer } = yield* sandboxed(name)
      const held = Effect.map(Effect.scoped(holds(engine)), (held) => ({ ...held, sandboxes: sandboxes(engine) }))
      const before = yield* held
      deepStrictEqual(before.sandboxes, [])
      yield* Effect.gen(function*() {
        yield* Container.run(Container.command(job, ["true"]))
        const missing = yield* Effect.flip(Container.run(Container.command(job, ["/no/such/program"])))
        strictEqual(missing._tag, "ContainerStart")
        const begun = yield* Deferred.make<void>()
        const loop = Container.command(job, "while :; do echo x; sleep 0.1; done")
        yield* Effect.raceFirst(
          Container.run(loop, { onOutput: () => Deferred.succeed(begun, undefined) }),
          Effect.andThen(Deferred.await(begun), Effect.sync(() => assertTrue(sandboxes(engine).length > 0)))
        )
        // Somebody died between the creation of a task and its start: gVisor refuses to kill it.
        yield* Effect.scoped(Effect.flatMap(Container.create(Container.command(job, ["true"])), unstarted(engine)))
        yield* Effect.scoped(Container.start(
          Container.command(job, ["sleep", "60"]).pipe(
            Container.stopWith({ grace: "100 millis" })
          )
        ))
      }).pipe(Effect.provide(layer))
      deepStrictEqual(yield* held, before)
    }).pipe(Effect.scoped))
})
