import { Effect, Fiber, Stream } from "effect"
import * as Tar from "effect/encoding/Tar"
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { describe, expect, it } from "vitest"
import { owner, reasonOf, special, swap, tar, withFolder } from "./folder.ts"

const text = (...path: ReadonlyArray<string>) => readFileSync(join(...path), "utf8")

describe.skipIf(process.platform !== "linux")("unpacking", () => {
  it("keeps modes, times, links and names", () =>
    withFolder(async ({ copyIn, root }) => {
      const long = `${"d".repeat(200)}/${"ü".repeat(100)}`
      const mtime = new Date(1_234_567_890_000)
      const exit = await copyIn(
        "/",
        tar(
          Tar.directory("dir", { ...owner, mode: 0o1777, mtime }),
          Tar.file("dir/run", "#!", { ...owner, mode: 0o4755, mtime }),
          Tar.symlink("dir/link", "../nowhere", { ...owner, mtime }),
          Tar.hardlink("other", "dir/run", owner),
          Tar.file(long, "long", owner),
          special("dir/pipe", "Fifo", "6"),
          Tar.file("empty", "", owner)
        )
      )
      expect(exit).toMatchObject({ _tag: "Success" })
      const dir = statSync(join(root, "dir"))
      expect([dir.mode & 0o7777, dir.mtimeMs]).toEqual([0o1777, mtime.getTime()])
      const run = statSync(join(root, "dir/run"))
      expect([run.mode & 0o7777, run.mtimeMs, run.nlink]).toEqual([0o4755, mtime.getTime(), 2])
      expect(statSync(join(root, "other")).ino).toBe(run.ino)
      expect(readlinkSync(join(root, "dir/link"))).toBe("../nowhere")
      expect(lstatSync(join(root, "dir/link")).mtimeMs).toBe(mtime.getTime())
      expect(text(root, long)).toBe("long")
      expect(lstatSync(join(root, "dir/pipe")).isFIFO()).toBe(true)
      expect(text(root, "empty")).toBe("")
    }))

  it("replaces what is there, and merges directories", () =>
    withFolder(async ({ copyIn, outside, root }) => {
      mkdirSync(join(root, "kept/deep"), { recursive: true })
      writeFileSync(join(root, "kept/old"), "old")
      mkdirSync(join(root, "full/of/files"), { recursive: true })
      symlinkSync(outside, join(root, "full/of/outside"))
      symlinkSync(outside, join(root, "link"))
      symlinkSync(join(outside, "secret"), join(root, "file"))
      const exit = await copyIn(
        "/",
        tar(
          Tar.directory("kept", owner),
          Tar.file("full", "now a file", owner),
          Tar.directory("link", owner),
          Tar.file("link/in", "in", owner),
          Tar.file("file", "file", owner)
        )
      )
      expect(exit).toMatchObject({ _tag: "Success" })
      expect(text(root, "kept/old")).toBe("old")
      expect(text(root, "full")).toBe("now a file")
      expect(text(root, "link/in")).toBe("in")
      expect(readdirSync(outside)).toEqual(["secret"])
      expect(text(outside, "secret")).toBe("of the host")
      expect(lstatSync(join(root, "file")).isFile()).toBe(true)
    }))

  it.each<readonly [string, ReadonlyArray<Tar.Entry>]>([
    ["an entry with ..", [Tar.file("../outside/new", "x", owner)]],
    ["an entry with .. in the middle", [Tar.file("a/../../outside/new", "x", owner)]],
    ["a hard link out", [Tar.hardlink("mine", "../outside/secret", owner)]]
  ])("refuses %s", (_, entries) =>
    withFolder(async ({ copyIn, outside }) => {
      const error = reasonOf(await copyIn("/", tar(...entries)))
      expect(error._tag).toBe("InvalidArgument")
      expect(readdirSync(outside)).toEqual(["secret"])
    }))

  it("keeps absolute names and links below the container's root", () =>
    withFolder(async ({ copyIn, outside, root }) => {
      mkdirSync(join(root, "target"))
      const exit = await copyIn(
        "/target",
        tar(
          Tar.file("/abs", "abs", owner),
          Tar.symlink("up", "../../../../..", owner),
          Tar.file("up/at-root", "root", owner),
          Tar.symlink("host", outside, owner),
          Tar.symlink("self", "/target", owner),
          Tar.file("self/again", "again", owner)
        )
      )
      expect(exit).toMatchObject({ _tag: "Success" })
      expect(text(root, "target/abs")).toBe("abs")
      expect(text(root, "at-root")).toBe("root")
      expect(text(root, "target/again")).toBe("again")
      const inside = await copyIn("/target", tar(Tar.file("host/new", "x", owner)))
      expect(inside._tag).toBe("Success")
      expect(text(root, outside, "new")).toBe("x")
      expect(readdirSync(outside)).toEqual(["secret"])
    }))

  it("follows links to the directory, forty of them", () =>
    withFolder(async ({ copyIn, outside, root }) => {
      mkdirSync(join(root, "end"))
      symlinkSync("/end", join(root, "l0"))
      for (let n = 1; n <= 40; n++) symlinkSync(`l${n - 1}`, join(root, `l${n}`))
      symlinkSync("loop", join(root, "loop"))
      symlinkSync(outside, join(root, "outside"))
      symlinkSync("../../etc", join(root, "up"))
      expect((await copyIn("/l39", tar(Tar.file("a", "a", owner))))._tag).toBe("Success")
      expect(text(root, "end/a")).toBe("a")
      for (const path of ["/l40", "/loop"]) {
        expect(reasonOf(await copyIn(path, tar(Tar.file("b", "b", owner))))).toMatchObject({
          _tag: "InvalidArgument",
          message: expect.stringContaining(path)
        })
      }
      for (const path of ["/outside", "/up", "/../../../../../tmp", "/none/at/all"]) {
        expect(reasonOf(await copyIn(path, tar(Tar.file("b", "b", owner))))).toMatchObject({
          _tag: "NotFound",
          message: expect.stringContaining(path)
        })
      }
      expect(reasonOf(await copyIn("/end/a", tar())))
        .toMatchObject({ _tag: "InvalidArgument", message: expect.stringContaining("/end/a") })
    }))

  it("names what it cannot make", () =>
    withFolder(async ({ copyIn }) => {
      for (const entry of [special("dev/zero", "CharDevice", "3"), special("odd", "Other", "Z")]) {
        expect(reasonOf(await copyIn("/", tar(entry)))).toMatchObject({
          _tag: "Unsupported",
          message: expect.stringContaining(entry.header.path)
        })
      }
      const { body, header } = Tar.file("ping", "x", owner)
      const capable = { body, header: { ...header, pax: { "SCHILY.xattr.security.capability": "x" } } }
      expect(reasonOf(await copyIn("/", tar(capable)))._tag).toBe("Unsupported")
    }))

  it("takes compressed archives, and refuses what is none", () =>
    withFolder(async ({ copyIn, root }) => {
      const bytes = Buffer.concat(await Effect.runPromise(Stream.runCollect(tar(Tar.file("a", "zipped", owner)))))
      expect((await copyIn("/", Stream.make(gzipSync(bytes))))._tag).toBe("Success")
      expect(text(root, "a")).toBe("zipped")
      expect(reasonOf(await copyIn("/", Stream.make(Buffer.alloc(1024, 7))))._tag).toBe("InvalidArgument")
      expect(reasonOf(await copyIn("/", Stream.make(bytes.subarray(0, 514))))._tag).toBe("InvalidArgument")
      const broken = Stream.concat(Stream.make(bytes.subarray(0, 514)), Stream.fail({ _tag: "Mine" }))
      expect(reasonOf(await copyIn("/", broken))._tag).toBe("Mine")
    }))

  it("is interrupted while the archive does not come", () =>
    withFolder(async ({ root }) => {
      const { hostDirectory, close } = await import("effect-containers/layers/containerd/copy/descriptor")
      const { unpack } = await import("effect-containers/layers/containerd/copy/unpack")
      const Ids = await import("effect-containers/layers/containerd/copy/ids")
      const place = await hostDirectory(root)
      const bytes = Buffer.concat(
        await Effect.runPromise(Stream.runCollect(tar(Tar.file("a", "a".repeat(9999), owner))))
      )
      const archive = Stream.concat(Stream.make(bytes.subarray(0, 2000)), Stream.never)
      await Effect.runPromise(Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(
          unpack({ ...place, users: Ids.same, groups: Ids.same }, "/", archive),
          { startImmediately: true }
        )
        yield* Effect.sleep("100 millis")
        yield* Fiber.interrupt(fiber)
      }))
      await close(place.descriptor)
      expect(readdirSync(root)).toEqual(["a"])
    }))

  it(
    "never leaves the root while directories are swapped for links under it",
    { timeout: 60_000 },
    () =>
      withFolder(async ({ copyIn, outside, root }) => {
        mkdirSync(join(outside, "deep"))
        mkdirSync(join(root, "dir/deep"), { recursive: true })
        symlinkSync(outside, join(root, "trap"))
        const swapping = swap(root)
        for (let n = 0; n < 60; n++) {
          await copyIn(
            "/dir/deep",
            tar(Tar.file(`${n}`, "x", owner), Tar.directory(`d${n}`, owner), Tar.hardlink(`h${n}`, `${n}`, owner))
          )
          await copyIn("/", tar(Tar.file(`dir/deep/${n}`, "x", owner), Tar.symlink(`dir/s${n}`, "x", owner)))
        }
        await swapping.end()
        expect(readdirSync(outside).toSorted()).toEqual(["deep", "secret"])
        expect(readdirSync(join(outside, "deep"))).toEqual([])
        expect(text(outside, "secret")).toBe("of the host")
      })
  )
})
