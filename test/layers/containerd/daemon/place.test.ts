import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { settings } from "../../../../src/layers/containerd/daemon/daemon.ts"
import * as Places from "../../../../src/layers/containerd/daemon/place.ts"
import { toml } from "../../../../src/layers/containerd/daemon/plan.ts"
import * as Programs from "../../../../src/layers/containerd/daemon/programs.ts"
import * as Environment from "../../../../src/layers/containerd/environment.ts"

const root = { uid: 0, runtime: undefined }

describe("the place of a private engine", () => {
  it("is another one for another folder, and short enough for sockets", () => {
    const one = Places.of("/data/one", root)
    assert.notStrictEqual(one.id, Places.of("/data/two", root).id)
    assert.strictEqual(one.runtime, `/run/effect-containers/${one.id}`)
    const deep = { uid: 1000, runtime: `/run/${"very-deep/".repeat(12)}` }
    assert.strictEqual(Places.of("/data/one", deep).runtime, `/tmp/effect-containers-1000/${one.id}`)
    assert.strictEqual(
      Places.of("/data/one", { uid: 1000, runtime: "/run/user/1000" }).runtime,
      `/run/user/1000/effect-containers/${one.id}`
    )
    assert.isAtMost(Buffer.byteLength(`${Places.engine(Places.of("/d", deep).runtime)}.ttrpc`), 107)
  })

  it("marks each namespace, whatever its length", () => {
    const { id } = Places.of("/data/one", root)
    assert.strictEqual(Places.namespace("build", id), `build-${id}`)
    const [a, b] = ["a", "b"].map((last) => Places.namespace("n".repeat(75) + last, id))
    assert.notStrictEqual(a, b)
    for (const name of [a, b]) {
      assert.match(name ?? "", /^(?=.{1,76}$)[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/)
      assert.isTrue(name?.endsWith(`-${id}`))
    }
  })

  it("is what containerd is told, whatever is in its name", () => {
    const text = toml(Places.of("/data/a \"b\"\\c", root))
    assert.include(text, String.raw`root = "/data/a \"b\"\\c/root"`)
    assert.notInclude(text, "io.containerd.runtime.v1.linux")
  })
})

const read = (variables: Readonly<Record<string, string>> = {}) =>
  Effect.provide(
    Environment.read,
    ConfigProvider.layer(ConfigProvider.fromUnknown({ HOME: "/home/me", ...variables }))
  )

describe("what is said about it", () => {
  it.effect("is never, when needed, or always", () =>
    Effect.gen(function*() {
      const environment = yield* read()
      const when = (autoStart: Parameters<typeof settings>[0]["autoStart"]) => settings({ autoStart }, environment).when
      assert.deepStrictEqual(
        [undefined, false, true, "always" as const, {}, { when: "always" as const }].map(when),
        ["never", "never", "needed", "always", "needed", "always"]
      )
    }))

  it.effect("counts before the environment, and that before what is usual", () =>
    Effect.gen(function*() {
      const usual = yield* read()
      const variables = yield* read({
        EFFECT_CONTAINERS_FOLDER: "/env",
        EFFECT_CONTAINERS_CONTAINERD: "/env/containerd"
      })
      assert.strictEqual(settings({ autoStart: { folder: "/given" } }, variables).folder, "/given")
      assert.strictEqual(settings({ autoStart: true }, variables).folder, "/env")
      assert.strictEqual(settings({ autoStart: true }, variables).programs.containerd, "/env/containerd")
      assert.strictEqual(settings({ autoStart: true, folder: "/data" }, usual).folder, "/data/private")
      assert.isTrue(settings({ autoStart: true }, usual).folder.endsWith("/effect-containers/private"))
    }))
})

describe("its programs", () => {
  const wanted = (given: Partial<Programs.Wanted>): Programs.Wanted => ({
    containerd: undefined,
    runc: undefined,
    rootlesskit: undefined,
    path: undefined,
    folder: "/data",
    isRoot: true,
    ...given
  })

  it.live("are named when they are missing, with what is to be installed", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Programs.find(wanted({ containerd: "/none/containerd", runc: "/none/runc" }), "linux")
      )
      assert.strictEqual(error._tag, "NotFound")
      assert.include(error.message, "/none/containerd, /none/runc")
      assert.strictEqual(error.hint, "install containerd and runc")
      const user = yield* Effect.flip(
        Programs.find(wanted({ isRoot: false, rootlesskit: "/none/rootlesskit" }), "linux")
      )
      assert.include(user.hint, "rootlesskit and uidmap")
    }))

  it.live("are not there where containerd does not run", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Programs.find(wanted({}), "darwin"))
      assert.strictEqual(error._tag, "Unsupported")
    }))

  it.live("are found in PATH, and one that is given needs nothing there", () =>
    Effect.acquireUseRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "efc-programs-"))),
      (folder) =>
        Effect.gen(function*() {
          const add = (name: string) => {
            writeFileSync(join(folder, name), "#!/bin/sh\n")
            chmodSync(join(folder, name), 0o755)
          }
          for (const name of ["containerd", "containerd-shim-runc-v2", "runc", "flock", "unshare"]) add(name)
          const found = yield* Programs.find(wanted({ path: `relative:${folder}` }), "linux")
          assert.strictEqual(found.containerd, join(folder, "containerd"))
          assert.strictEqual(found.lock[0], join(folder, "flock"))
          assert.strictEqual(found.enter[0], join(folder, "unshare"))
          assert.isTrue(found.path.startsWith(`${folder}:/`))
          rmSync(join(folder, "containerd-shim-runc-v2"))
          const given = { path: folder, containerd: join(folder, "containerd") }
          assert.strictEqual((yield* Programs.find(wanted(given), "linux")).runc, undefined)
        }),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
    ))
})
