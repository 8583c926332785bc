import * as NodeFileSystem from "@effect/platform-node-shared/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Backend } from "../../Backend.ts"
import * as Container from "../../Container.ts"
import { type Case, group, job, part } from "../case.ts"
import { equal, equalBytes, fails } from "../expect.ts"
import { Fixture } from "../fixture.ts"

const it = group("copying directories")

const created = Effect.flatMap(job(["sleep", "600"]), Container.create)

/** With a directory of this machine to copy from and to. */
const copies = <E>(
  name: string,
  run: (
    fs: FileSystem.FileSystem,
    home: string
  ) => Effect.Effect<unknown, E, FileSystem.FileSystem | Backend | Fixture | Scope.Scope>
): Case =>
  it(
    name,
    part(
      "copy",
      Effect.flatMap(created, ({ id }) => Container.copyTo(id, "/tmp/file", "x")),
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const home = yield* fs.makeTempDirectoryScoped({ prefix: "efc-directories-" })
        return yield* run(fs, home)
      }).pipe(Effect.provide(NodeFileSystem.layer))
    )
  )

const pattern = Uint8Array.from({ length: 300_000 }, (_, n) => n % 251)

const long = "l".repeat(120)
const deep = [long, long, "e".repeat(200)].join("/")
const odd = "-a name\nof two lines, \u{e9}\u{1f431}"

/** A directory that has something of everything. */
const fill = Effect.fnUntraced(function*(fs: FileSystem.FileSystem, root: string) {
  yield* fs.makeDirectory(`${root}/empty`, { recursive: true })
  yield* fs.makeDirectory(`${root}/${long}/${long}`, { recursive: true })
  yield* fs.writeFile(`${root}/large`, pattern)
  yield* fs.writeFileString(`${root}/none`, "")
  yield* fs.writeFileString(`${root}/${deep}`, "deep")
  yield* fs.writeFileString(`${root}/${odd}`, "odd")
  yield* fs.writeFileString(`${root}/tool`, "tool")
  yield* fs.chmod(`${root}/tool`, 0o750)
  yield* fs.link(`${root}/tool`, `${root}/tool-too`)
  yield* fs.symlink("tool", `${root}/link`)
  yield* fs.symlink("/nowhere/at/all", `${root}/dangling`)
  yield* fs.symlink("../../up/and/out", `${root}/up`)
  yield* fs.utimes(`${root}/none`, 1_000_000, 1_000_000)
  yield* fs.chmod(`${root}/empty`, 0o711)
  yield* fs.utimes(`${root}/empty`, 2_000_000, 2_000_000)
})

/** What has a name, and what is said of it. */
const described = Effect.fnUntraced(function*(fs: FileSystem.FileSystem, root: string) {
  const lines: Array<string> = []
  for (const name of (yield* fs.readDirectory(root, { recursive: true })).toSorted()) {
    const path = `${root}/${name}`
    const { mode, nlink, type } = yield* fs.lstat(path)
    const said = type === "SymbolicLink"
      ? yield* fs.readLink(path)
      : `${(mode & 0o7777).toString(8)} ${type === "File" ? Option.getOrUndefined(nlink) : ""}`
    lines.push(`${type} ${JSON.stringify(name)} ${said}`)
  }
  return lines
})

const seconds = (time: Option.Option<Date>) => Option.getOrUndefined(time)?.getTime()

export const cases: ReadonlyArray<Case> = [
  copies("there and back, with all that there is to keep", (fs, home) =>
    Effect.gen(function*() {
      yield* fill(fs, `${home}/from`)
      const container = yield* created
      yield* Container.copyDirectoryTo(container, "/srv", `${home}/from`)
      yield* Container.copyDirectoryFrom(container, "/srv", `${home}/to`)
      yield* equal("entries", yield* described(fs, `${home}/to`), yield* described(fs, `${home}/from`))
      yield* equalBytes("large", yield* fs.readFile(`${home}/to/large`), pattern)
      yield* equal("deep", yield* fs.readFileString(`${home}/to/${deep}`), "deep")
      yield* equal("odd", yield* fs.readFileString(`${home}/to/${odd}`), "odd")
      yield* equal("times", [
        seconds((yield* fs.stat(`${home}/to/none`)).mtime),
        seconds((yield* fs.stat(`${home}/to/empty`)).mtime)
      ], [1_000_000_000, 2_000_000_000])
    })),
  copies("into one that runs, over what is there", (fs, home) =>
    Effect.gen(function*() {
      const handle = yield* Effect.flatMap(job(["sleep", "600"]), Container.start)
      yield* fs.makeDirectory(`${home}/from/sub`, { recursive: true })
      yield* fs.writeFileString(`${home}/from/sub/file`, "fresh")
      yield* Container.copyTo(handle, "/tmp/kept", "kept")
      yield* Container.copyDirectoryTo(handle, "/tmp", `${home}/from`)
      yield* Container.copyTo(handle, "/tmp/sub/other", "other")
      yield* fs.writeFileString(`${home}/from/sub/file`, "fresher")
      yield* Container.copyDirectoryTo(handle, "/tmp/", `${home}/from`)
      const read = (path: string) => Container.readText(handle, path)
      yield* equal("texts", yield* Effect.forEach(["/tmp/kept", "/tmp/sub/file", "/tmp/sub/other"], read), [
        "kept",
        "fresher",
        "other"
      ])
    })),
  copies("out of one that runs, over what is there", (fs, home) =>
    Effect.gen(function*() {
      const handle = yield* Effect.flatMap(job(["sleep", "600"]), Container.start)
      yield* fill(fs, `${home}/from`)
      yield* Container.copyDirectoryTo(handle, "/srv", `${home}/from`)
      yield* fs.makeDirectory(`${home}/to/empty`, { recursive: true })
      yield* fs.writeFileString(`${home}/to/kept`, "kept")
      yield* fs.writeFileString(`${home}/to/tool`, "old")
      yield* fs.writeFileString(`${home}/outside`, "outside")
      yield* fs.symlink("../outside", `${home}/to/none`)
      yield* Container.copyDirectoryFrom(handle, "/srv", `${home}/to`)
      yield* equal("kept", yield* fs.readFileString(`${home}/to/kept`), "kept")
      yield* equal("replaced", yield* fs.readFileString(`${home}/to/tool`), "tool")
      yield* equal("a link is replaced", (yield* fs.lstat(`${home}/to/none`)).type, "File")
      yield* equal("not followed", yield* fs.readFileString(`${home}/outside`), "outside")
    })),
  copies("through a link that is there, which leads out", (fs, home) =>
    Effect.gen(function*() {
      const container = yield* created
      yield* fs.makeDirectory(`${home}/from/sub`, { recursive: true })
      yield* fs.writeFileString(`${home}/from/sub/file`, "x")
      yield* Container.copyDirectoryTo(container, "/srv", `${home}/from`)
      yield* fs.makeDirectory(`${home}/to`)
      yield* fs.makeDirectory(`${home}/outside`)
      yield* fs.symlink("../outside", `${home}/to/sub`)
      yield* fails(Container.copyDirectoryFrom(container, "/srv", `${home}/to`), {
        tag: "ContainerCopy",
        reason: "Conflict",
        names: [`${home}/to/sub`]
      })
      yield* equal("outside", yield* fs.readDirectory(`${home}/outside`), [])
    })),
  copies("whose files they are", (fs, home) =>
    Effect.gen(function*() {
      const { ways = [] } = yield* Fixture
      if (ways.includes("its files have no owners")) return
      const container = yield* Effect.flatMap(job("stat -c '%u %g' /a /a/file /b/file"), Container.create)
      yield* fs.makeDirectory(`${home}/from`)
      yield* fs.writeFileString(`${home}/from/file`, "x")
      const { gid, uid } = yield* fs.stat(`${home}/from/file`)
      const copied = Container.copyDirectoryTo(container, "/a", `${home}/from`, { uid: 1000, gid: 1001 })
      if (ways.includes("its files are given to root alone")) {
        yield* fails(copied, { tag: "ContainerCopy", reason: "PermissionDenied" })
        const container = yield* Effect.flatMap(job("stat -c '%u %g' /b/file"), Container.create)
        yield* Container.copyDirectoryTo(container, "/b", `${home}/from`)
        const { stdout } = yield* container.start
        return yield* equal("root's", yield* Stream.mkString(Stream.decodeText(stdout)), "0 0\n")
      }
      yield* copied
      yield* Container.copyDirectoryTo(container, "/b", `${home}/from`)
      const handle = yield* container.start
      const said = yield* Stream.mkString(Stream.decodeText(handle.stdout))
      const own = `${Option.getOrElse(uid, () => 0)} ${Option.getOrElse(gid, () => 0)}`
      yield* equal("owners", said, `1000 1001\n1000 1001\n${own}\n`)
    })),
  copies("what is no directory, or not there", (fs, home) =>
    Effect.gen(function*() {
      const container = yield* created
      yield* fs.makeDirectory(`${home}/from`)
      yield* fs.writeFile(`${home}/from/file`, pattern)
      const to = (path: string, from = `${home}/from`) => Container.copyDirectoryTo(container, path, from)
      const from = (path: string) => Container.copyDirectoryFrom(container, path, `${home}/to`)
      yield* fails(to("/none/at/all"), { tag: "ContainerCopy", reason: "NotFound" })
      yield* fails(to("/etc/passwd"), { tag: "ContainerCopy", reason: "InvalidArgument" })
      yield* fails(to("/srv", `${home}/none`), { tag: "PlatformError", reason: "NotFound" })
      yield* fails(from("/none"), { tag: "ContainerCopy", reason: "NotFound" })
      yield* fails(from("/etc/passwd"), { tag: "ContainerCopy", reason: "InvalidArgument", names: ["file"] })
      yield* fails(Container.copyDirectoryFrom("efc-no-such-container", "/etc", `${home}/to`), {
        tag: "ContainerCopy",
        reason: "NotFound"
      })
      yield* equal("nothing was made", yield* fs.exists(`${home}/to`), false)
    })),
  copies("what cannot be is refused before the engine is asked", (fs, home) =>
    Effect.gen(function*() {
      const to = { tag: "ContainerOptions", field: "copyDirectoryTo" }
      yield* fs.writeFileString(`${home}/file`, "x")
      yield* fails(Container.copyDirectoryTo("none", "relative", home), to)
      yield* fails(Container.copyDirectoryTo("none", "/a\0b", home), to)
      yield* fails(Container.copyDirectoryTo("none", "/a", home, { uid: -1 }), to)
      yield* fails(Container.copyDirectoryTo("none", "/a", `${home}/file`), to)
      yield* fails(Container.copyDirectoryFrom("none", "relative", home), {
        tag: "ContainerOptions",
        field: "copyDirectoryFrom"
      })
    }))
]
