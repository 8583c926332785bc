import * as Effect from "effect/Effect"
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Backend } from "../../Backend.ts"
import * as Container from "../../Container.ts"
import { type Case, group, job, needs } from "../case.ts"
import { equal, fails, holds } from "../expect.ts"
import { Fixture } from "../fixture.ts"
import { madeImage } from "../image.ts"

const it = group("files")

const directory = Effect.acquireRelease(
  Effect.promise(async () => {
    const path = await mkdtemp(join(tmpdir(), "efc-conformance-"))
    await chmod(path, 0o777)
    return path
  }),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)

/** Asks for a bind mount of a fresh directory. */
const bound = (
  script: string,
  options: { readonly readOnly?: boolean },
  body: (self: Container.Container, path: string) => Effect.Effect<unknown, Error, Backend>
) =>
  Effect.gen(function*() {
    const path = yield* directory
    yield* Effect.promise(() => writeFile(join(path, "given"), "from outside\n"))
    const self = Container.volume(yield* job(script), path, "/data", options)
    yield* needs("bindMounts", self, (self) => body(self, path))
  })

const reads = (path: string) => Effect.promise(() => readFile(path, "utf8"))

export const cases: ReadonlyArray<Case> = [
  it(
    "a bind mount shows what is outside",
    bound(
      "cat /data/given",
      {},
      (self) => Effect.flatMap(Container.string(self), (text) => equal("the file", text, "from outside\n"))
    )
  ),
  it(
    "a bind mount takes what is written inside",
    bound("echo inside > /data/made; echo more >> /data/given", {}, (self, path) =>
      Effect.gen(function*() {
        yield* Container.run(self)
        yield* equal("a new file", yield* reads(join(path, "made")), "inside\n")
        yield* equal("a file that was there", yield* reads(join(path, "given")), "from outside\nmore\n")
      }))
  ),
  it(
    "a read-only bind mount refuses writes",
    bound("cat /data/given; echo inside > /data/given", { readOnly: true }, (self, path) =>
      Effect.gen(function*() {
        const error = yield* fails(Container.run(self), { tag: "ExitCode", names: ["Read-only file system"] })
        yield* equal("what was read", error._tag === "ExitCode" && error.logs.stdoutText, "from outside\n")
        yield* equal("the file is as it was", yield* reads(join(path, "given")), "from outside\n")
      }))
  ),
  it(
    "a bind mount of one file",
    Effect.gen(function*() {
      const path = join(yield* directory, "file")
      yield* Effect.promise(() => writeFile(path, "one file\n"))
      yield* needs(
        "bindMounts",
        Container.volume(yield* job("cat /etc/one"), path, "/etc/one"),
        (self) => Effect.flatMap(Container.string(self), (text) => equal("the file", text, "one file\n"))
      )
    })
  ),
  it(
    "the source of a bind mount is not there",
    Effect.gen(function*() {
      const { capabilities } = yield* Backend
      const path = join(yield* directory, "missing")
      yield* needs(
        "bindMounts",
        Container.volume(yield* job(["true"]), path, "/data"),
        (self) =>
          fails(
            Container.run(self),
            capabilities.localPaths
              ? { tag: "ContainerOptions", field: "volume", names: [path] }
              : { tag: "ContainerCreate", names: [path] }
          )
      )
    })
  ),
  it(
    "a named volume outlives its container",
    Effect.gen(function*() {
      // One for all runs of the suite: nothing here removes a volume.
      const file = `/data/${crypto.randomUUID()}`
      const mounted = Effect.fnUntraced(function*(script: string, readOnly: boolean) {
        return Container.volume(yield* job(script), "efc-conformance", "/data", { readOnly })
      })
      yield* needs("namedVolumes", yield* mounted(`echo kept > ${file}`, false), (self) =>
        Effect.gen(function*() {
          yield* Container.run(self)
          yield* equal("read", yield* Container.string(yield* mounted(`cat ${file}`, true)), "kept\n")
          yield* fails(Container.run(yield* mounted(`echo x > ${file}`, true)), {
            tag: "ExitCode",
            names: ["Read-only file system"]
          })
          yield* Container.run(yield* mounted(`rm ${file}`, false))
        }))
    })
  ),
  it(
    "a file system in memory",
    Effect.gen(function*() {
      const script = "echo x > /scratch/file && cat /scratch/file && grep -c ' /scratch tmpfs ' /proc/mounts"
      yield* needs(
        "tmpfs",
        Container.tmpfs(yield* job(script), "/scratch"),
        (self) => Effect.flatMap(Container.string(self), (text) => equal("stdout", text, "x\n1\n"))
      )
    })
  ),
  it(
    "a file system in memory has the size that we give",
    Effect.gen(function*() {
      const self = Container.tmpfs(yield* job("head -c 2000000 /dev/zero | cat > /scratch/file"), "/scratch", {
        size: "1 MiB"
      })
      yield* needs(
        "tmpfs",
        self,
        (self) => fails(Container.run(self), { tag: "ExitCode", names: ["No space left on device"] })
      )
    })
  ),
  it(
    "a root file system that can only be read",
    Effect.gen(function*() {
      yield* needs(
        "readOnlyRoot",
        Container.readOnlyRoot(yield* job("echo x > /file"), true),
        (self) => fails(Container.run(self), { tag: "ExitCode", names: ["Read-only file system"] })
      )
    })
  ),
  it(
    "files of one container are not seen in another",
    Effect.gen(function*() {
      yield* Container.run(yield* job("echo x > /tmp/mine"))
      const error = yield* fails(Container.run(yield* job("cat /tmp/mine")), { tag: "ExitCode", names: ["/tmp/mine"] })
      yield* holds("nothing was read", error._tag === "ExitCode" && error.logs.stdoutText === "", error)
    })
  ),
  it(
    "a volume of the image can be written with a read-only root, holds the image's files, and goes with the container",
    Effect.gen(function*() {
      const image = yield* madeImage({ volumes: ["/etc", "/tmp", "/home"] })
      const writable = Container.make(image).pipe(Container.pull("never"))
      const self = Container.readOnlyRoot(writable, true)
      const script = `cat /etc/passwd; echo mine > /etc/mine; cat /etc/mine`
      const root = Container.command(self, script)
      const { ways = [] } = yield* Fixture
      if (ways.includes("its images' volumes are in the container's own layer")) {
        yield* fails(Container.string(root), { tag: "ContainerCreate", reason: "Unsupported", names: ["/home"] })
        const own = yield* Container.string(Container.command(writable, script))
        return yield* holds("the image's files, and what was written", /^root:[^]*\nmine\n$/.test(own), own)
      }
      const first = yield* Container.string(root)
      yield* holds("the image's files, and what was written", /^root:[^]*\nmine\n$/.test(first), first)
      const app = self.pipe(
        Container.user("app"),
        Container.command("echo a > /tmp/a; echo b > /home/app/b; cat /tmp/a /home/app/b; ls /etc")
      )
      const second = yield* Container.lines(app)
      yield* equal("what its user wrote, where users may", second.slice(0, 2), ["a", "b"])
      yield* holds("nothing of the one before", !second.includes("mine"), second)
    })
  ),
  it(
    "what is mounted where the image has a volume is what is there",
    Effect.gen(function*() {
      const image = yield* madeImage({ volumes: ["/home/"] })
      const self = Container.make(image).pipe(Container.pull("never"), Container.tmpfs("/home"))
      yield* needs(
        "tmpfs",
        Container.command(self, "ls /home"),
        (self) => Effect.flatMap(Container.string(self), (text) => equal("the image's files", text, ""))
      )
    })
  )
]
