import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Backend } from "../../Backend.ts"
import * as Container from "../../Container.ts"
import * as ContainerFileSystem from "../../ContainerFileSystem.ts"
import { type Case, group, job, part } from "../case.ts"
import { equal, equalBytes, fails, holds } from "../expect.ts"
import { Fixture } from "../fixture.ts"

const it = group("files of containers as a FileSystem")

const running = Effect.flatMap(job(["sleep", "600"]), Container.start)
const created = Effect.flatMap(job(["sleep", "600"]), Container.create)

type Program<E> = (
  fs: FileSystem.FileSystem,
  container: Container.Target
) => Effect.Effect<unknown, E, FileSystem.FileSystem | Path.Path | Backend | Fixture | Scope.Scope>

const inside = <E, E2, R>(container: Effect.Effect<Container.Target, E2, R>, program: Program<E>) =>
  Effect.flatMap(container, (container) =>
    Effect.provide(
      Effect.flatMap(FileSystem.FileSystem, (fs) => program(fs, container)),
      ContainerFileSystem.layer(container)
    ))

/** In one that does not run: by archives alone. */
const stopped = <E>(name: string, program: Program<E>): Case =>
  it(
    name,
    part(
      "copy",
      Effect.flatMap(created, ({ id }) => Container.copyTo(id, "/tmp/file", "x")),
      inside(created, program)
    )
  )

const runs = <E>(name: string, program: Program<E>): Case =>
  it(
    name,
    part(
      "exec",
      Effect.flatMap(running, (container) => Container.execString(container, ["true"])),
      part(
        "copy",
        Effect.flatMap(created, ({ id }) => Container.copyTo(id, "/tmp/file", "x")),
        inside(running, program)
      )
    )
  )

const refused = <A, R>(effect: Effect.Effect<A, PlatformError, R>, reason: string, names?: ReadonlyArray<string>) =>
  fails(effect, { tag: "PlatformError", reason, ...names === undefined ? {} : { names } })

const pattern = Uint8Array.from({ length: 300_000 }, (_, n) => n % 251)

const odd = "-a name\nof two lines, \u{e9}\u{1f431}"

const text = (bytes: Option.Option<Uint8Array>) => Option.map(bytes, (bytes) => Buffer.from(bytes).toString())

export const cases: ReadonlyArray<Case> = [
  runs("read and written", (fs) =>
    Effect.gen(function*() {
      yield* fs.writeFileString("/tmp/text", "from outside: \u{e9}\n")
      yield* equal("text", yield* fs.readFileString("/tmp/text"), "from outside: \u{e9}\n")
      yield* fs.writeFile("/tmp/bytes", pattern, { mode: 0o640 })
      yield* equalBytes("bytes", yield* fs.readFile("/tmp/bytes"), pattern)
      const { mode, size, type } = yield* fs.stat("/tmp/bytes")
      yield* equal("stat", [type, mode, ByteSize.toBigInt(size)], ["File", 0o100640, 300_000n])
      yield* fs.writeFileString("tmp/bytes", "less")
      yield* equal("keeps its mode", (yield* fs.stat("/tmp/bytes")).mode & 0o7777, 0o640)
      yield* equal("a path that is relative", yield* fs.readFileString("tmp/./none/../bytes"), "less")
      yield* equal("exists", [yield* fs.exists("/tmp/bytes"), yield* fs.exists("/tmp/none/at/all")], [true, false])
      yield* fs.access("/etc/passwd", { readable: true })
    })),
  runs("directories, and what is in them", (fs) =>
    Effect.gen(function*() {
      const path = yield* Path.Path
      yield* fs.makeDirectory("/srv/a/b", { recursive: true, mode: 0o700 })
      yield* fs.makeDirectory("/srv/a/b", { recursive: true })
      yield* fs.writeFileString(path.join("/srv/a/b", odd), "odd")
      yield* fs.symlink("b", "/srv/a/link")
      yield* equal("names", (yield* fs.readDirectory("/srv/a")).toSorted(), ["b", "link"])
      yield* equal("all names", (yield* fs.readDirectory("/srv", { recursive: true })).toSorted(), [
        "a",
        "a/b",
        `a/b/${odd}`,
        "a/link"
      ])
      yield* equal("behind a link", yield* fs.readDirectory("/srv/a/link"), [odd])
      yield* equal("mode", (yield* fs.stat("/srv/a/b")).mode, 0o040700)
      yield* refused(fs.makeDirectory("/srv/a"), "AlreadyExists")
      yield* refused(fs.makeDirectory("/srv/none/c"), "NotFound")
      yield* refused(fs.makeDirectory("/etc/passwd", { recursive: true }), "AlreadyExists")
      yield* refused(fs.readDirectory("/none"), "NotFound")
    })),
  runs("links", (fs) =>
    Effect.gen(function*() {
      yield* fs.makeDirectory("/srv/deep/er", { recursive: true })
      yield* fs.writeFileString("/srv/file", "content")
      yield* fs.symlink("deep/er", "/srv/way")
      yield* fs.symlink("../../file", "/srv/deep/er/up")
      yield* equal("followed", yield* fs.readFileString("/srv/way/up"), "content")
      yield* equal("readLink", yield* fs.readLink("/srv/way/up"), "../../file")
      yield* equal("realPath", yield* fs.realPath("/srv/way/up"), "/srv/file")
      yield* equal("types", [(yield* fs.lstat("/srv/way/up")).type, (yield* fs.stat("/srv/way/up")).type], [
        "SymbolicLink",
        "File"
      ])
      yield* fs.writeFileString("/srv/way/up", "through it")
      yield* equal("written through", yield* fs.readFileString("/srv/file"), "through it")
      yield* fs.link("/srv/file", `/srv/${odd}`)
      yield* equal("another name", yield* fs.readFileString(`/srv/${odd}`), "through it")
      yield* fs.symlink("/nowhere", "/srv/dangling")
      yield* equal("leads nowhere", yield* fs.exists("/srv/dangling"), false)
    })),
  runs("links that are refused", (fs) =>
    Effect.gen(function*() {
      yield* fs.makeDirectory("/srv", { recursive: true })
      yield* fs.writeFileString("/srv/file", "content")
      yield* fs.symlink("/nowhere", "/srv/dangling")
      yield* fs.symlink("round", "/srv/round")
      yield* refused(fs.readFile("/srv/round"), "BadResource", ["links"])
      yield* refused(fs.symlink("x", "/srv/dangling"), "AlreadyExists")
      yield* refused(fs.link("/srv/file", "/srv/dangling"), "AlreadyExists")
      yield* refused(fs.link("/srv/none", "/srv/new"), "NotFound")
      yield* refused(fs.readLink("/srv/none"), "NotFound")
    })),
  stopped("without any program, also before it starts", (fs) =>
    Effect.gen(function*() {
      yield* fs.makeDirectory("/srv/a", { recursive: true })
      yield* fs.writeFileString(`/srv/a/${odd}`, "odd")
      yield* fs.symlink(odd, "/srv/a/link")
      yield* equal("names", (yield* fs.readDirectory("/srv", { recursive: true })).toSorted(), [
        "a",
        `a/${odd}`,
        "a/link"
      ])
      yield* equal("text", yield* fs.readFileString("/srv/a/link"), "odd")
    })),
  stopped("what takes a program of the container is refused before it starts, by name", (fs) =>
    Effect.gen(function*() {
      yield* fs.writeFileString("/tmp/file", "x")
      const { reason } = yield* refused(fs.chmod("/tmp/file", 0o600), "BadResource")
      const path = reason._tag === "BadArgument" ? undefined : reason.pathOrDescriptor
      yield* equal("what and where", [reason.module, reason.method, path], ["FileSystem", "chmod", "/tmp/file"])
      yield* refused(fs.remove("/tmp/file"), "BadResource")
    })),
  runs("bytes as a Stream, and into a Sink", (fs) =>
    Effect.gen(function*() {
      const pieces = Stream.make(pattern.subarray(0, 100_000), pattern.subarray(100_000))
      yield* Stream.run(pieces, fs.sink("/tmp/bytes", { mode: 0o600 }))
      yield* equal("mode", (yield* fs.stat("/tmp/bytes")).mode & 0o7777, 0o600)
      const all = Buffer.concat(yield* Stream.runCollect(fs.stream("/tmp/bytes")))
      yield* equalBytes("all", all, pattern)
      const some = fs.stream("/tmp/bytes", { offset: 250_000, bytesToRead: 10, chunkSize: 4 })
      yield* equalBytes("a part", Buffer.concat(yield* Stream.runCollect(some)), pattern.subarray(250_000, 250_010))
      // What is read is written while it is read.
      yield* Stream.run(fs.stream("/tmp/bytes"), fs.sink("/tmp/copy"))
      yield* equalBytes("the copy", yield* fs.readFile("/tmp/copy"), pattern)
      yield* refused(Stream.runDrain(fs.stream("/tmp/none")), "NotFound")
    })),
  runs("how a file is opened", (fs) =>
    Effect.gen(function*() {
      yield* fs.writeFileString("/tmp/file", "abc")
      yield* fs.writeFileString("/tmp/file", "def", { flag: "a" })
      yield* equal("a", yield* fs.readFileString("/tmp/file"), "abcdef")
      yield* fs.writeFileString("/tmp/file", "X", { flag: "r+" })
      yield* equal("r+", yield* fs.readFileString("/tmp/file"), "Xbcdef")
      yield* refused(fs.writeFileString("/tmp/file", "x", { flag: "wx" }), "AlreadyExists")
      yield* refused(fs.writeFileString("/tmp/none", "x", { flag: "r+" }), "NotFound")
      yield* refused(fs.writeFileString("/tmp", "x"), "BadResource")
      yield* refused(fs.readFile("/tmp"), "BadResource")
      yield* fs.truncate("/tmp/file", 3)
      yield* equal("shorter", yield* fs.readFileString("/tmp/file"), "Xbc")
      yield* fs.truncate("/tmp/file", 5)
      yield* equal("longer", yield* fs.readFileString("/tmp/file"), "Xbc\0\0")
      yield* fs.truncate("/tmp/file")
      yield* equal("empty", yield* fs.readFileString("/tmp/file"), "")
    })),
  runs("an open file", (fs) =>
    Effect.gen(function*() {
      const file = yield* fs.open("/tmp/file", { flag: "w+", mode: 0o600 })
      yield* file.writeAll(Buffer.from("hello world"))
      yield* equal("seek", yield* file.seek(6n, "start"), 6n)
      yield* equal("at the cursor", text(yield* file.readAlloc(5)), Option.some("world"))
      yield* equal("at the end", yield* file.readAlloc(5), Option.none())
      yield* equal("elsewhere", text(yield* file.readAlloc(4, { position: 1n })), Option.some("ello"))
      yield* file.seek(-5n, "current")
      yield* equal("write", yield* file.write(Buffer.from("W")), 1)
      yield* equal("after it", text(yield* file.readAlloc(10)), Option.some("orld"))
      yield* file.sync
      yield* equal("content", yield* fs.readFileString("/tmp/file"), "hello World")
      yield* equal("size", ByteSize.toBigInt((yield* file.stat).size), 11n)
      yield* file.truncate(5)
      yield* equal("truncated", [yield* fs.readFileString("/tmp/file"), yield* file.seek(0n, "current")], ["hello", 5n])
      yield* refused(file.seek(-9n, "current"), "BadArgument")
      const appended = yield* fs.open("/tmp/file", { flag: "a" })
      yield* appended.writeAll(Buffer.from("!"))
      yield* equal("appended", yield* fs.readFileString("/tmp/file"), "hello!")
      yield* refused(appended.readAlloc(1), "BadResource")
      yield* fs.symlink("file", "/tmp/link")
      yield* refused(fs.open("/tmp/link", { noFollow: true }), "BadResource")
      yield* refused(fs.open("/tmp/none"), "NotFound")
    })),
  runs("modes, owners and times", (fs) =>
    Effect.gen(function*() {
      yield* fs.writeFileString(`/tmp/${odd}`, "x")
      yield* fs.chmod(`/tmp/${odd}`, 0o4750)
      yield* fs.utimes(`/tmp/${odd}`, 1_000_000, new Date(2_000_000_000))
      const info = yield* fs.stat(`/tmp/${odd}`)
      yield* equal("mode", info.mode & 0o7777, 0o4750)
      yield* equal("mtime", Option.getOrUndefined(info.mtime)?.getTime(), 2_000_000_000)
      yield* refused(fs.chmod("/tmp/none", 0o600), "NotFound")
      yield* refused(fs.utimes("/tmp/none", 0, 0), "NotFound")
      yield* refused(fs.chown("/tmp/none", 1, 1), "NotFound")
      yield* fs.chown(`/tmp/${odd}`, 1000, 1001)
      const { ways = [] } = yield* Fixture
      if (ways.includes("its files have no owners") || ways.includes("its archives tell no owners")) return
      if (ways.includes("its files are given to root alone")) {
        // Who is root there is a user here, to whom the files of others are closed.
        return yield* refused(fs.stat(`/tmp/${odd}`), "PermissionDenied")
      }
      const { gid, uid } = yield* fs.stat(`/tmp/${odd}`)
      yield* equal("owner", [uid, gid], [Option.some(1000), Option.some(1001)])
    })),
  runs("renamed, copied and removed", (fs) =>
    Effect.gen(function*() {
      yield* fs.makeDirectory("/srv/from/sub", { recursive: true })
      yield* fs.writeFileString("/srv/from/sub/file", "file")
      yield* fs.symlink("sub/file", "/srv/from/link")
      yield* fs.copy("/srv/from", "/srv/to")
      yield* equal("copied", (yield* fs.readDirectory("/srv/to", { recursive: true })).toSorted(), [
        "link",
        "sub",
        "sub/file"
      ])
      yield* equal("a link stays one", yield* fs.readLink("/srv/to/link"), "sub/file")
      yield* fs.writeFileString("/srv/from/sub/file", "newer")
      yield* fs.copy("/srv/from", "/srv/to")
      yield* equal("not overwritten", yield* fs.readFileString("/srv/to/sub/file"), "file")
      yield* fs.copy("/srv/from", "/srv/to", { overwrite: true })
      yield* equal("overwritten", yield* fs.readFileString("/srv/to/sub/file"), "newer")
      yield* fs.copyFile("/srv/from/link", `/srv/${odd}`)
      yield* equal("copyFile", yield* fs.readFileString(`/srv/${odd}`), "newer")
      yield* fs.rename("/srv/to", "/srv/moved")
      yield* equal("renamed", [yield* fs.exists("/srv/to"), yield* fs.readFileString("/srv/moved/sub/file")], [
        false,
        "newer"
      ])
      yield* fs.rename(`/srv/${odd}`, "/srv/moved/sub/file")
      yield* refused(fs.rename("/srv/none", "/srv/new"), "NotFound")
      yield* refused(fs.copy("/srv/none", "/srv/new"), "NotFound")
      yield* refused(fs.copyFile("/srv/moved", "/srv/new"), "BadResource")
      yield* refused(fs.remove("/srv/moved"), "BadResource")
      yield* refused(fs.remove("/srv/none"), "NotFound")
      yield* fs.remove("/srv/none", { force: true })
      yield* fs.remove("/srv/from/link")
      yield* fs.remove("/srv/moved", { recursive: true })
      yield* equal("left", (yield* fs.readDirectory("/srv", { recursive: true })).toSorted(), [
        "from",
        "from/sub",
        "from/sub/file"
      ])
    })),
  runs("temporary files", (fs) =>
    Effect.gen(function*() {
      const directory = yield* fs.makeTempDirectory({ prefix: "efc-" })
      yield* holds("its name", directory.startsWith("/tmp/efc-"), directory)
      const path = yield* Effect.scoped(Effect.gen(function*() {
        const path = yield* fs.makeTempFileScoped({ directory, suffix: ".txt" })
        yield* holds("the file's name", path.startsWith(directory) && path.endsWith(".txt"), path)
        yield* equal("the file", yield* fs.readFileString(path), "")
        const inner = yield* fs.makeTempDirectoryScoped({ directory })
        yield* equal("a directory", (yield* fs.stat(inner)).type, "Directory")
        return path
      }))
      yield* equal("is gone", [yield* fs.exists(path), yield* fs.readDirectory(directory)], [false, []])
    })),
  runs("types, and names that match", (fs) =>
    Effect.gen(function*() {
      yield* fs.makeDirectory("/srv/a/b", { recursive: true })
      yield* fs.writeFileString("/srv/a/b/one.ts", "")
      yield* fs.writeFileString("/srv/a/two.ts", "")
      yield* fs.writeFileString(`/srv/a/${odd}`, "")
      yield* fs.symlink("b", "/srv/a/link")
      const entries = (yield* fs.readDirectoryEntries("/srv/a")).map(({ name, type }) => `${type} ${name}`)
      yield* equal(
        "entries",
        entries.toSorted(),
        [
          "Directory b",
          `File ${odd}`,
          "File two.ts",
          "SymbolicLink link"
        ].toSorted()
      )
      yield* equal("glob", yield* fs.glob("**/*.ts", { root: "/srv" }), ["a/b/one.ts", "a/two.ts"])
    })),
  runs("what cannot be", (fs) =>
    Effect.gen(function*() {
      yield* refused(Stream.runDrain(fs.watch("/tmp")), "BadArgument")
      yield* refused(fs.readFile("/tmp/a\0b"), "BadArgument")
      yield* refused(fs.readFile(""), "NotFound")
      const gone = yield* ContainerFileSystem.make("efc-no-such-container")
      yield* refused(gone.exists("/tmp"), "BadResource", ["efc-no-such-container"])
      yield* refused(gone.chmod("/tmp", 0o700), "BadResource", ["efc-no-such-container"])
    }))
]
