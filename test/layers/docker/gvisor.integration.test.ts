/**
 * gVisor as a runtime that a dockerd knows: code that nobody trusts never meets this machine's kernel.
 */
import { describe, it } from "@effect/vitest"
import { assertTrue, deepStrictEqual, strictEqual } from "@effect/vitest/utils"
import { Effect, Stream } from "effect"
import { Container, Errors, Image } from "effect-containers"
import * as Testing from "effect-containers/testing"
import { join } from "node:path"
import { suite } from "../../../scripts/engines/home.ts"
import { mortals, restartable } from "../../faults/engine.ts"

const job = Container.make("busybox:test").pipe(Container.pull("never"), Container.runtime("runsc"))

describe.each(mortals.filter((name) => name.startsWith("docker")))("%s", (name) => {
  it.live("runs on gVisor's kernel, as whoever it is told, and leaves nothing", () =>
    Effect.gen(function*() {
      const runsc = join(yield* Effect.promise(() => suite("trixie", "gvisor")), "usr/bin/runsc")
      const engine = yield* restartable(name, {
        daemon: { runtimes: { runsc: { path: runsc, runtimeArgs: ["--platform=systrap", "--network=none"] } } }
      })
      yield* Effect.provide(Image.fromArchive(Stream.make(engine.image)), engine.layer)
      yield* Effect.gen(function*() {
        assertTrue((yield* Container.string(Container.command(job, "dmesg"))).includes("gVisor"))
        const untrusted = Container.untrusted(job).pipe(
          Container.variable("WHO", "me"),
          Container.command("echo $WHO > /tmp/f; cat /tmp/f; id -u; touch /f 2>/dev/null || echo no")
        )
        deepStrictEqual((yield* Container.string(untrusted)).trim().split("\n"), ["me", "65534", "no"])
        const failed = yield* Effect.flip(Container.run(Container.command(job, "echo why >&2; exit 7")))
        assertTrue(failed instanceof Errors.ExitCode)
        strictEqual(failed.code, 7)
        strictEqual(failed.logs.stderrText, "why\n")
      }).pipe(Testing.withoutLeaks(engine.layer))
    }).pipe(Effect.scoped))
})
