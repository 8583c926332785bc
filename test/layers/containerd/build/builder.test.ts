import { assert, it } from "@effect/vitest"
import { buildArgs } from "effect-containers/layers/containerd/build/buildah/buildah"
import { look } from "effect-containers/layers/containerd/build/buildah/program"
import * as Choose from "effect-containers/layers/containerd/build/choose"
import * as Process from "effect-containers/layers/containerd/build/process"
import * as Workspace from "effect-containers/layers/containerd/build/workspace"
import * as Channel from "effect-containers/layers/containerd/channel"
import * as Environment from "effect-containers/layers/containerd/environment"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect } from "vitest"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "efc-builder-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const nothing = Effect.map(
  Channel.make({ socket: "/nowhere", namespace: "test", requestTimeout: 1000 }),
  (channel) => ({ channel, exportImages: () => Stream.empty, importImages: () => Effect.succeed([]) })
)

describe("a builder", () => {
  it.effect("that is not there is a sentence", () =>
    Effect.gen(function*() {
      const environment = { ...yield* Effect.orDie(Environment.read), BUILDKIT_HOST: undefined }
      const parts = yield* nothing
      for (
        const config of [
          { builder: "none" as const },
          { builder: "buildah" as const, buildah: "/nowhere/buildah" },
          { builder: "buildkit" as const, namespace: "nobody" },
          { buildah: "/nowhere/buildah" }
        ]
      ) {
        const error = yield* Effect.flip(Choose.make(config, environment, "/nowhere", parts))
        assert.strictEqual(error._tag, "Unsupported")
        assert.match(error.message, /BuildKit/)
        assert.match(error.message, /Buildah/)
      }
    }))
  it.effect("that was chosen and is not there is not replaced by another", () =>
    Effect.gen(function*() {
      const environment = yield* Effect.orDie(Environment.read)
      const parts = yield* nothing
      for (
        const [config, host, tag] of [
          [{ buildkit: "unix:///nowhere/buildkitd.sock" }, undefined, "Unavailable"],
          [{}, "unix:///nowhere/buildkitd.sock", "Unavailable"],
          [{}, "docker-container://buildkitd", "Unsupported"]
        ] as const
      ) {
        const error = yield* Effect.flip(
          Choose.make(config, { ...environment, BUILDKIT_HOST: host }, "/nowhere", parts)
        )
        assert.strictEqual(error._tag, tag)
        assert.match(error.message, /nowhere|docker-container/)
      }
    }))
  it("names all that is missing", () => {
    const wanted = { buildah: "/nowhere/buildah", path: undefined, home: "/", runtime: undefined, isRoot: false }
    expect(look(wanted)).toEqual(["/nowhere/buildah"])
  })
  it.effect("gets secrets in its environment only", () =>
    Effect.gen(function*() {
      const { args, env } = yield* buildArgs({ A: "1", LDAP_PASSWORD: Redacted.make("hush") })
      assert.deepStrictEqual(args, ["--build-arg", "A=1", "--build-arg", "LDAP_PASSWORD"])
      assert.deepStrictEqual(env, { LDAP_PASSWORD: "hush" })
      for (const name of ["PATH", "LD_PRELOAD", "BUILDAH_ISOLATION"]) {
        const error = yield* Effect.flip(buildArgs({ [name]: Redacted.make("hush") }))
        assert.strictEqual(error._tag, "InvalidArgument")
        assert.notInclude(JSON.stringify(error), "hush")
      }
    }))
})

describe("a program", () => {
  const command = (script: string) => ({ command: ["sh", "-c", script], env: { PATH: "/usr/bin:/bin" }, cwd: "/" })
  it.live("says all in order, and its end", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* Process.run(command("echo a; echo b >&2; echo c; exit 3")), {
        code: 3,
        text: "a\nb\nc\n"
      })
    }))
  it.live("that cannot be started fails", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip(Process.run({ ...command(""), cwd: "/nowhere" })))._tag, "NotFound")
    }))
  it.live("ends with those that it started", () =>
    Effect.gen(function*() {
      const mark = join(yield* folder, "mark")
      const running = yield* Effect.forkChild(
        Process.run(command(`sleep 60 & echo $! > ${mark}; trap 'exit 1' TERM; wait`))
      )
      yield* Effect.repeat(Effect.sleep(10), { while: () => !existsSync(mark) })
      yield* Fiber.interrupt(running)
      const { text } = yield* Process.run(
        command(
          `case "$(sed 's/.*) \\(.\\).*/\\1/' /proc/$(cat ${mark})/stat 2>/dev/null)" in "" | Z | X) echo gone ;; *) echo alive ;; esac`
        )
      )
      assert.strictEqual(text, "gone\n")
    }))
})

describe("a folder of a build", () => {
  it.effect("goes with it, and with a program that is no more", () =>
    Effect.gen(function*() {
      const place = yield* folder
      const builds = join(place, "builds")
      yield* Effect.scoped(Effect.gen(function*() {
        const { folder, id } = yield* Workspace.make(place, "build")
        assert.strictEqual(yield* Effect.promise(() => Workspace.isDead(id)), false)
        const [, boot = "", pids = "", pid = "", start = "", rest = ""] = id.split("-")
        const others = [
          ["efc", boot, pids, pid, `${start}1`, rest].join("-"),
          ["efc", "00000000", pids, pid, start, rest].join("-")
        ]
        // Of other processes that cannot be seen from here.
        const unseen = [["efc", boot, `${pids}1`, pid, start, rest].join("-"), "something-else"]
        for (const name of [...others, ...unseen]) mkdirSync(join(builds, name))
        yield* Workspace.sweep(place)
        assert.deepStrictEqual(readdirSync(builds).sort(), [id, ...unseen].sort())
        assert.strictEqual(existsSync(folder), true)
        for (const name of unseen) rmSync(join(builds, name), { recursive: true })
      }))
      assert.deepStrictEqual(readdirSync(builds), [])
    }))
})
