import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { Errors } from "effect-containers"
import * as Files from "effect-containers/layers/containerd/images/files"
import * as Tar from "effect/encoding/Tar"
import { gzipSync, zstdCompressSync } from "node:zlib"

const archive = (...entries: ReadonlyArray<Tar.Entry<never>>): Promise<Buffer> =>
  Effect.runPromise(Effect.map(
    Stream.runCollect(
      Stream.pipeThroughChannel(Stream.fromIterable(entries), Tar.encode<never, unknown, Tar.Entry<never>>())
    ),
    (chunks) => Buffer.concat(chunks)
  ))

const file = (path: string, text: string) => Tar.file(path, text)
const users = "/etc/passwd"
const base = [Tar.directory("etc"), file("etc/passwd", "base"), file("etc/group", "group")]

/** Reads `/etc/passwd` out of layers, the lowest first. */
const read = Effect.fnUntraced(function*(
  layers: ReadonlyArray<ReadonlyArray<Tar.Entry<never>>>,
  options: { readonly path?: string; readonly compress?: (bytes: Buffer) => Buffer; readonly opened?: Array<string> } =
    {}
) {
  const { compress = (bytes) => bytes, opened = [], path = users } = options
  const blobs = yield* Effect.promise(() => Promise.all(layers.map(async (layer) => compress(await archive(...layer)))))
  const content = {
    stream: (digest: string) => {
      opened.push(digest)
      const bytes = blobs[Number(digest)]
      return bytes === undefined
        ? Stream.fail(new Errors.NotFound({ operation: "create", message: digest }))
        : Stream.fromIterable([bytes.subarray(0, 3), bytes.subarray(3, 700), bytes.subarray(700)])
    }
  }
  const found = yield* Files.read(content, layers.map((_, n) => ({ digest: String(n) })), [path], "create")
  return found.get(path)
})

describe("files of an image, out of its layers", () => {
  for (
    const [name, layers, expected, path] of [
      ["the topmost layer that has it", [base, [file("etc/passwd", "upper")], [file("other", "")]], "upper"],
      ["as tar writes it", [[file("./etc/passwd", "dot")]], "dot"],
      ["the last of two entries", [[file("etc/passwd", "one"), file("etc/passwd", "two")]], "two"],
      ["nowhere", [[file("other", "")]], undefined],
      ["whited out", [base, [file("etc/.wh.passwd", "")]], undefined],
      ["whited out, and there again above", [base, [file("etc/.wh.passwd", "")], [file("etc/passwd", "new")]], "new"],
      ["whited out with its directory", [base, [file(".wh.etc", "")]], undefined],
      ["hidden by an opaque directory", [base, [file("etc/.wh..wh..opq", "")]], undefined],
      ["in an opaque directory", [base, [file("etc/passwd", "own"), file("etc/.wh..wh..opq", "")]], "own"],
      ["another is whited out", [base, [file("etc/.wh.passwd-", "")]], "base"],
      ["a link", [base, [Tar.symlink("etc/passwd", "../lib/users"), file("lib/users", "led")]], "led"],
      ["a link to what a layer above has", [[Tar.symlink("etc/passwd", "/lib/u")], [file("lib/u", "above")]], "above"],
      ["a link to nothing", [base, [Tar.symlink("etc/passwd", "users")]], undefined],
      ["a link that leads out", [[Tar.symlink("etc/passwd", "../../../lib/u"), file("lib/u", "in")]], "in"],
      ["links in a circle", [[Tar.symlink("etc/passwd", "b"), Tar.symlink("etc/b", "passwd")]], undefined],
      ["its directory is a link", [[Tar.symlink("etc", "usr/etc"), file("usr/etc/passwd", "through")]], "through"],
      ["its directory is a file", [base, [file(".wh.etc", ""), file("etc", "")]], undefined],
      [
        "its directory is one again",
        [[Tar.symlink("etc", "lib"), file("lib/passwd", "no")], [Tar.directory("etc")]],
        undefined
      ],
      [
        "another name of a file, which changed above",
        [[file("etc/users", "old"), Tar.hardlink("etc/passwd", "etc/users")], [file("etc/users", "new")]],
        "old"
      ],
      ["a directory", [base, [file("etc/.wh.passwd", ""), Tar.directory("etc/passwd")]], undefined],
      ["too large", [base, [file("etc/passwd", "x".repeat(5 * 1024 * 1024))]], undefined],
      ["another path", [base], "group", "/etc/group"]
    ] as ReadonlyArray<
      readonly [string, ReadonlyArray<ReadonlyArray<Tar.Entry<never>>>, string | undefined, string?]
    >
  ) {
    it.effect(name, () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* read(layers, path === undefined ? {} : { path }), expected)
      }))
  }

  it.effect("compressed layers", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* read([base], { compress: gzipSync }), "base")
      assert.strictEqual(yield* read([base], { compress: zstdCompressSync }), "base")
    }))

  it.effect("layers below the one that has it are not opened", () =>
    Effect.gen(function*() {
      const opened: Array<string> = []
      yield* read([base, base, [file("other", "")]], { opened })
      assert.deepStrictEqual(opened, ["2", "1"])
    }))

  it.effect("what is no layer is a reason", () =>
    Effect.gen(function*() {
      const damaged = yield* Effect.flip(read([base], { compress: () => Buffer.from("not a tar".repeat(200)) }))
      assert.strictEqual(damaged._tag, "Protocol")
      const cut = yield* Effect.flip(read([base], { compress: (bytes) => gzipSync(bytes).subarray(0, 60) }))
      assert.strictEqual(cut._tag, "InvalidArgument")
    }))
})
