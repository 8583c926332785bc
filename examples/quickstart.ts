/**
 * The main job, for real: `npm run quickstart`.
 *
 * It uses the engine that this machine has. Where there is none it runs a private containerd for itself, for which it
 * installs two packages on a bare Debian machine, with a registry to pull from, and takes both away at the end.
 */
import * as NodeRuntime from "@effect/platform-node-shared/NodeRuntime"
import { Console, Effect, Layer, Stream } from "effect"
import { Container, Errors, Filter, Image, Owner } from "effect-containers"
import * as Auto from "effect-containers/layers/Auto"
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { makeImage, push } from "../scripts/engines/image.ts"
import { start } from "../scripts/engines/start.ts"

const title = (text: string) => Console.log(`\n== ${text}`)

/** A registry that this program brings, filled with an image made of files at hand. */
const privateRegistry = Effect.fnUntraced(function*(registry: string) {
  const noise = new Uint8Array(24 * 1024 * 1024)
  for (let at = 0; at < noise.length; at += 65536) crypto.getRandomValues(noise.subarray(at, at + 65536))
  const layers = [0, 1, 2].map((n) => ({ [`usr/share/data/${n}`]: noise.subarray(n * 8 << 20, (n + 1) * 8 << 20) }))
  yield* Effect.promise(async () => push(await makeImage({ layers }), registry, "tools/busybox:1"))
  return `${registry}/tools/busybox:1`
})

/** Two packages are all that a private engine needs. Somebody else's machine is not for us to install things on. */
const install = Effect.gen(function*() {
  const isDebian = process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")
  if (!isDebian) return
  yield* Console.log("Installing the packages containerd and runc ...")
  const apt = (...args: ReadonlyArray<string>) =>
    spawnSync("apt-get", ["-qq", ...args], {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" }
    }).status
  const packages = ["install", "-y", "--no-install-recommends", "containerd", "runc"]
  // A machine that never looked for packages knows none.
  if (apt(...packages) !== 0 && apt("update") === 0) apt(...packages)
})

/** An engine that answers, else a private one, and an image to get: a public one where it can be reached. */
const setUp = Effect.gen(function*() {
  const found = Effect.map(Auto.available, (all) => all.filter((one) => one.available && one.engine !== "memory"))
  const here = yield* found
  const running = here.filter((engine) => engine.starts !== true)
  if (running.length > 0) {
    yield* Console.log(
      `Using the engine that is here: ${running.map((one) => `${one.engine} at ${one.address}`).join(", ")}`
    )
    return { engine: Auto.layer(), image: process.env["QUICKSTART_IMAGE"] ?? "busybox:1.37" }
  }
  yield* Console.log("No engine runs here: this program brings one of its own.")
  if (here.length === 0) yield* install
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync("/tmp/quickstart-engine-")),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )
  yield* Console.log("A registry to pull from (the first time its download takes a minute) ...")
  const registry = yield* Effect.acquireRelease(
    Effect.promise(() => start(["registry"])),
    (engines) => Effect.promise(() => engines.stop())
  )
  const address = registry.registries["registry"] ?? ""
  const engine = Auto.layer({
    containerd: {
      autoStart: { folder },
      folder: join(folder, "client"),
      registries: { hosts: { [address]: { plainHttp: true } } }
    }
  })
  return { engine, image: yield* privateRegistry(address) }
})

/** From the registry if it can be reached, else made of files at hand. */
const getImage = Effect.fnUntraced(function*(name: string) {
  return yield* Image.resolve(name, { progress: true }).pipe(
    Effect.timeout("2 minutes"),
    Effect.catchTag(["ImagePull", "TimeoutError"], (error) =>
      Effect.gen(function*() {
        yield* Console.log(`(${error.message}. Making an image of files at hand instead.)`)
        const { archive } = yield* Effect.promise(() => import("../scripts/engines/image.ts"))
        const bytes = archive(yield* Effect.promise(() => makeImage()), ["quickstart:1"])
        yield* Image.fromArchive(Stream.make(new Uint8Array(bytes)))
        return yield* Image.resolve("quickstart:1", { pull: "never" })
      }))
  )
})

const program = Effect.fnUntraced(function*(name: string) {
  yield* title(`An image: ${name}`)
  const image = yield* getImage(name)
  yield* Console.log(`${image.name} is ${image.id.slice(0, 19)}, ${image.info.os}/${image.info.architecture}`)

  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "quickstart-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )
  writeFileSync(join(folder, "words.txt"), "containers\nfrom\nTypeScript\n")

  yield* title("A job with a mount and variables; its output as it comes")
  const job = Container.make(image).pipe(
    Container.volume(folder, "/work"),
    Container.workDir("/work"),
    Container.variables({ GREETING: "Hello", WHO: "Effect" }),
    Container.command(
      `echo "$GREETING, $WHO"; while read word; do echo "  $word"; sleep ${
        process.env["QUICKSTART_PAUSE"] ?? 0.3
      }; done < words.txt; `
        + `sort words.txt > sorted.txt; echo "3 words sorted" >&2`
    )
  )
  yield* Container.streamLines(job).pipe(
    Stream.runForEach((line) => Console.log(`${line.source === "stdout" ? "out" : "err"} | ${line.text}`))
  )
  yield* Console.log(
    `sorted.txt, here: ${readFileSync(join(folder, "sorted.txt"), "utf8").trim().split("\n").join(", ")}`
  )

  yield* title("A job that fails: a typed error with its logs")
  const failing = Container.make(image).pipe(
    Container.command("echo compiling app.c; echo 'app.c:3: error: expected ;' >&2; exit 3")
  )
  yield* Container.run(failing).pipe(
    Effect.catchTag(
      "ExitCode",
      (error) => Console.log(`${error._tag}: code ${error.code}; stderr said: ${error.logs.stderrText.trim()}`)
    )
  )

  yield* title("What is left behind")
  return image
})

/** What this process made and the engine still has: asked in a Layer of its own, after the first has closed. */
const leftBehind = Effect.gen(function*() {
  const owner = Owner.encode(yield* Owner.Owner)
  const left = yield* Container.list(Filter.label(Owner.labels.owner, owner))
  yield* Console.log(left.length === 0 ? "Nothing: no container of ours is left." : `LEFT: ${JSON.stringify(left)}`)
  return left.length
})

const main = Effect.gen(function*() {
  const { engine, image } = yield* setUp
  yield* Effect.scoped(program(image)).pipe(Effect.provide(Layer.fresh(engine)))
  const left = yield* Effect.provide(leftBehind, Layer.fresh(engine))
  if (left > 0) return yield* Effect.die("something was left behind")
}).pipe(
  Effect.scoped,
  Effect.catchTag("BackendNotAvailable", (error) => Effect.andThen(Console.error(error.message), Effect.fail(error))),
  Effect.tapError((error) => error instanceof Errors.BackendNotAvailable ? Effect.void : Console.error(error.message))
)

NodeRuntime.runMain(main)
