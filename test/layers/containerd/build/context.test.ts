import { assert, it } from "@effect/vitest"
import * as Context from "effect-containers/layers/containerd/build/context"
import * as Effect from "effect/Effect"
import * as Tar from "effect/encoding/Tar"
import * as Stream from "effect/Stream"
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe } from "vitest"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "efc-context-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const archive = (entries: ReadonlyArray<Tar.Entry>) =>
  Stream.fromIterable(entries).pipe(Stream.pipeThroughChannel(Tar.encode()))

describe("a context", () => {
  it.effect("is unpacked as it is", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "context")
      yield* Context.unpackInto(path, archive([Tar.file("a/run.sh", "text", { mode: 0o750 })]))
      assert.strictEqual(readFileSync(join(path, "a/run.sh"), "utf8"), "text")
      assert.strictEqual(statSync(join(path, "a/run.sh")).mode & 0o777, 0o750)
    }))
  it.effect("writes nothing beside its folder", () =>
    Effect.gen(function*() {
      const outside = yield* folder
      const path = join(outside, "context")
      const error = yield* Effect.flip(Context.unpackInto(path, archive([Tar.file("../evil", "x")])))
      assert.strictEqual(error._tag, "InvalidArgument")
      assert.strictEqual(existsSync(join(outside, "evil")), false)
    }))
  it.effect("a link leads nowhere else", () =>
    Effect.gen(function*() {
      const outside = yield* folder
      const path = join(outside, "context")
      yield* Effect.exit(
        Context.unpackInto(path, archive([Tar.symlink("link", ".."), Tar.file("link/evil", "x")]))
      )
      yield* Effect.exit(
        Context.unpackInto(`${path}2`, archive([Tar.symlink("link", outside), Tar.file("link/evil", "x")]))
      )
      assert.strictEqual(existsSync(join(outside, "evil")), false)
    }))
  it.effect("its Dockerfile is in it", () =>
    Effect.gen(function*() {
      const path = yield* folder
      const outside = join(yield* folder, "other")
      writeFileSync(outside, "FROM secret")
      writeFileSync(join(path, "Dockerfile"), "FROM a")
      symlinkSync("Dockerfile", join(path, "inside"))
      symlinkSync(outside, join(path, "outside"))
      assert.strictEqual(yield* Context.dockerfile(path, "Dockerfile"), "FROM a")
      assert.strictEqual(yield* Context.dockerfile(path, "inside"), "FROM a")
      for (const name of ["outside", "none", ".", "../other"]) {
        assert.strictEqual((yield* Effect.flip(Context.dockerfile(path, name)))._tag, "NotFound", name)
      }
    }))
})
