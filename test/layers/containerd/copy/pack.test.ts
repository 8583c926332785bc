import { Effect, Exit, Stream } from "effect"
import type * as Tar from "effect/encoding/Tar"
import { execFileSync } from "node:child_process"
import {
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { listed, owner, reasonOf, swap, withFolder } from "./folder.ts"

const names = (entries: ReadonlyArray<Tar.Header>) => entries.map(({ path }) => path).toSorted()

describe.skipIf(process.platform !== "linux")("packing", () => {
  it("names a file, a directory, its contents and a link as Docker does", () =>
    withFolder(async ({ copyOut, outside, root }) => {
      mkdirSync(join(root, "dir/sub"), { recursive: true })
      writeFileSync(join(root, "dir/sub/a"), "a")
      symlinkSync("/dir/sub", join(root, "link"))
      symlinkSync(join(outside, "secret"), join(root, "out"))
      symlinkSync(outside, join(root, "host"))
      expect(names(await listed(copyOut("/dir/sub/a")))).toEqual(["a"])
      expect(names(await listed(copyOut("dir/sub")))).toEqual(["sub/", "sub/a"])
      expect(names(await listed(copyOut("/dir/.")))).toEqual(["./", "./sub/", "./sub/a"])
      expect(names(await listed(copyOut("/link/")))).toEqual(["link/", "link/a"])
      expect(names(await listed(copyOut("/link/.")))).toEqual(["./", "./a"])
      expect(names(await listed(copyOut("/link/a")))).toEqual(["a"])
      expect(await listed(copyOut("/link"))).toMatchObject([{ path: "link", type: "Symlink", linkTarget: "/dir/sub" }])
      expect(await listed(copyOut("/out"))).toMatchObject([{ type: "Symlink", linkTarget: join(outside, "secret") }])
      expect(names(await listed(copyOut("/")))).toEqual(
        ["./", "./dir/", "./dir/sub/", "./dir/sub/a", "./host", "./link", "./out"]
      )
      for (const path of ["/none", "/host/secret", "/out/", "/dir/sub/a/b", "/../../etc/passwd"]) {
        expect(reasonOf(await Effect.runPromiseExit(Stream.runDrain(copyOut(path))))).toMatchObject({
          _tag: "NotFound",
          message: expect.stringContaining(path)
        })
      }
    }))

  it("keeps what is known of files", () =>
    withFolder(async ({ copyOut, root }) => {
      const long = "n".repeat(200)
      mkdirSync(join(root, "dir", long), { recursive: true })
      writeFileSync(join(root, "dir", long, "ü".repeat(100)), "long")
      writeFileSync(join(root, "dir/run"), "#!")
      chmodSync(join(root, "dir/run"), 0o4711)
      utimesSync(join(root, "dir/run"), 1_234_567_890, 1_234_567_890.9)
      linkSync(join(root, "dir/run"), join(root, "dir/run2"))
      execFileSync("mkfifo", [join(root, "dir/pipe")])
      const server = createServer().listen(join(root, "dir/socket"))
      await new Promise((resolve) => server.once("listening", resolve))
      const entries = await listed(copyOut("/dir"))
      server.close()
      expect(names(entries)).toEqual([
        "dir/",
        `dir/${long}/`,
        `dir/${long}/${"ü".repeat(100)}`,
        "dir/pipe",
        "dir/run",
        "dir/run2"
      ])
      const runs = entries.filter(({ path }) => path.startsWith("dir/run"))
      expect(runs[0]).toMatchObject({
        type: "File",
        mode: 0o4711,
        ...owner,
        mtime: new Date(1_234_567_890_000),
        content: "#!"
      })
      expect(runs[1]).toMatchObject({ type: "Hardlink", linkTarget: runs[0]?.path })
      expect(entries.find(({ path }) => path === "dir/pipe")).toMatchObject({ type: "Fifo" })
    }))

  it("never looks into the kernel's own file systems", async () => {
    const { close, hostDirectory } = await import("effect-containers/layers/containerd/copy/descriptor")
    const { pack } = await import("effect-containers/layers/containerd/copy/pack")
    const Ids = await import("effect-containers/layers/containerd/copy/ids")
    const root = { ...await hostDirectory("/"), users: Ids.same, groups: Ids.same }
    expect(await listed(pack(root, "/proc"))).toMatchObject([{ path: "proc/" }])
    for (const path of ["/proc/self/root/etc/passwd", "/sys/."]) {
      expect(reasonOf(await Effect.runPromiseExit(Stream.runDrain(pack(root, path))))._tag).toBe("Unsupported")
    }
    await close(root.descriptor)
  })

  it("is a valid archive of a file that shrinks, grows or goes while it is read", () =>
    withFolder(async ({ copyOut, root }) => {
      const size = 5_000_000
      for (const change of [0, 20_000_000]) {
        const path = join(root, "file")
        writeFileSync(path, Buffer.alloc(size, 1))
        writeFileSync(join(root, "last"), "last")
        let isChanged = false
        const changing = copyOut("/.").pipe(Stream.tap(() =>
          Effect.sync(() => {
            if (!isChanged) truncateSync(path, change)
            isChanged = true
          })
        ))
        const entries = await listed(changing)
        expect(entries.map(({ path, size }) => [path, size]).toSorted()).toEqual(
          [["./", 0], ["./file", size], ["./last", 4]]
        )
      }
    }))

  it(
    "streams what is larger than memory should be",
    { timeout: 120_000 },
    () =>
      withFolder(async ({ copyOut, root }) => {
        const path = join(root, "huge")
        closeSync(openSync(path, "w"))
        const size = 160 * 1024 ** 2
        truncateSync(path, size)
        let total = 0
        let most = 0
        const before = process.memoryUsage().arrayBuffers
        await Effect.runPromise(Stream.runForEachArray(copyOut("/huge"), (chunks) =>
          Effect.sync(() => {
            for (const { length } of chunks) total += length
            most = Math.max(most, process.memoryUsage().arrayBuffers)
          })))
        expect(total).toBe(size + 1024 + 512)
        expect(most - before).toBeLessThan(96 * 1024 ** 2)
      })
  )

  it("goes down many directories, and stops early without a trace", () =>
    withFolder(async ({ copyOut, root }) => {
      const deep = Array.from({ length: 300 }, () => "d").join("/")
      mkdirSync(join(root, deep), { recursive: true })
      for (let n = 0; n < 500; n++) writeFileSync(join(root, "d", `f${n}`), "x".repeat(n))
      expect(await listed(copyOut("/d"))).toHaveLength(800)
      await Effect.runPromise(Stream.runDrain(Stream.take(copyOut("/d"), 1)))
    }))

  it(
    "never leaves the root while directories are swapped for links under it",
    { timeout: 60_000 },
    () =>
      withFolder(async ({ copyOut, outside, root }) => {
        const dir = join(root, "dir")
        mkdirSync(dir)
        symlinkSync(outside, join(root, "trap"))
        writeFileSync(join(dir, "secret"), "of the container")
        const swapping = swap(root)
        const contents = new Set<string>()
        for (let n = 0; n < 20; n++) {
          for (const path of ["/dir/secret", "/.", "/dir/", "/dir"]) {
            const exit = await Effect.runPromiseExit(Effect.tryPromise(() => listed(copyOut(path))))
            if (Exit.isSuccess(exit)) { for (const { content } of exit.value) contents.add(content) }
          }
        }
        await swapping.end()
        expect([...contents].filter((content) => content !== "")).toEqual(["of the container"])
      })
  )
})
