/**
 * What is particular to building with BuildKit; what is the same with every builder is in the conformance suite.
 */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Deferred, Effect, Fiber, Layer, Redacted, Stream } from "effect"
import { BuildContext, Container, Image } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"
import { randomUUID } from "node:crypto"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { row } from "../../../../scripts/engines/table.ts"
import { type Relay, relay } from "./relay.ts"

const versions = (process.env["EFFECT_CONTAINERS_ENGINES"] ?? "buildkit").split(/[\s,]+/)
  .filter((name) => row(name)?.kind === "buildkit")

const given = (name: string): string => {
  const value = process.env[`EFFECT_CONTAINERS_TEST_${name.toUpperCase().replaceAll("-", "_")}`]
  if (value === undefined || value === "") throw new Error(`${name} is not given`)
  return value
}

/** A folder that goes with the test. */
const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "efc-buildkit-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** The client's configuration, in a folder. */
const client = (auths: Readonly<Record<string, unknown>>) =>
  Effect.tap(folder, (path) => Effect.sync(() => writeFileSync(join(path, "config.json"), JSON.stringify({ auths }))))

interface Options {
  readonly auths?: Readonly<Record<string, unknown>>
}

/** A containerd whose images BuildKit builds. */
const engine = (name: string, { auths = {} }: Options = {}) =>
  Effect.gen(function*() {
    const server: Relay = yield* relay(given(name))
    const registries = [given("registry"), given("registry-auth")]
    const provider = ConfigProvider.fromUnknown({
      BUILDKIT_HOST: `unix://${server.socket}`,
      DOCKER_CONFIG: yield* client(auths)
    })
    const layer = Containerd.layer({
      address: given("containerd"),
      namespace: given("containerd-namespace"),
      folder: given("containerd-folder"),
      network: "none",
      registries: { hosts: Object.fromEntries(registries.map((host) => [host, { plainHttp: true }])) }
    }).pipe(Layer.provide(ConfigProvider.layer(provider)))
    return { server, layer }
  })

const loaded = Effect.suspend(() => Image.fromArchive(Stream.make(readFileSync(given("image")))))

const build = (name: string, text: string, options?: Image.BuildImageOptions) =>
  Effect.map(
    Stream.runCollect(Image.build(name, BuildContext.fromDockerfile(text), options)),
    (statuses) => statuses.map(({ stream }) => stream ?? "").join("")
  )

const says = (image: string, script: string) =>
  Container.string(Container.make(image).pipe(Container.pull("never"), Container.command(script)))

/** A container of it may be on its way out. */
const removed = (image: string) => Image.remove(image, { force: true })

const unique = () => `efc-${randomUUID().slice(0, 8)}`

/** Whether a process has this in its command line. */
const isRunning = (mark: string): boolean =>
  readdirSync("/proc").some((pid) => {
    try {
      return /^\d+$/.test(pid) && Number(pid) !== process.pid &&
        readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(mark)
    } catch {
      return false
    }
  })

/** A build that goes on until something is done about it, and that has begun to. */
const begun = Effect.fnUntraced(function*(name: string) {
  const mark = unique()
  const running = yield* Deferred.make<void>()
  const building = yield* Image.build(
    name,
    BuildContext.fromDockerfile(`FROM busybox:test\nRUN echo ${mark}-begun; exec sh -c 'sleep 300; : ${mark}'\n`)
  ).pipe(
    Stream.runForEach(({ step, stream }) =>
      step === undefined && stream?.includes(`${mark}-begun`) === true
        ? Deferred.succeed(running, undefined)
        : Effect.void
    ),
    Effect.forkChild
  )
  yield* Effect.raceFirst(Deferred.await(running), Fiber.join(building))
  assert.strictEqual(isRunning(mark), true)
  return { building, mark }
})

const gone = (is: () => boolean) => Effect.repeat(Effect.sleep(50), { while: is }).pipe(Effect.timeout("30 seconds"))

describe.each(versions)("%s", (version) => {
  it.live("builds on images that only containerd has, under any names", () =>
    Effect.gen(function*() {
      const { layer } = yield* engine(version)
      yield* Effect.gen(function*() {
        yield* loaded
        const [ours, name] = [`${unique()}.test:5000/base:1`, `${unique()}:1`]
        yield* Image.tag("busybox:test", ours)
        yield* build(
          name,
          [
            `ARG BASE=${ours}`,
            "FROM $BASE AS busybox",
            "RUN echo built > /made",
            "ENV A=1",
            `FROM ${ours} AS other`,
            "COPY --from=busybox /made /made",
            `COPY --from=${ours} /bin/busybox /copied`,
            `RUN --mount=from=${ours},target=/mnt test -e /mnt/bin/busybox`
          ].join("\n")
        )
        assert.strictEqual(yield* says(name, "cat /made && test -e /copied && echo $A"), "built\n\n")
        yield* Effect.forEach([name, ours], removed)
      }).pipe(Effect.provide(layer))
    }))

  it.live("builds on what containerd pulls from a registry that BuildKit does not know", () =>
    Effect.gen(function*() {
      const auth = Buffer.from("user:secret").toString("base64")
      const { layer } = yield* engine(version, { auths: { [given("registry-auth")]: { auth } } })
      yield* Effect.gen(function*() {
        yield* loaded
        const [base, name] = [`${given("registry-auth")}/${unique()}:1`, `${unique()}:1`]
        yield* Image.tag("busybox:test", base)
        yield* Stream.runDrain(Image.push(base))
        yield* removed(base)
        yield* build(name, `FROM ${base}\nRUN echo x > /x\n`, { pull: true })
        assert.strictEqual(yield* says(name, "cat /x"), "x\n")
        yield* Effect.forEach([name, base], removed)
      }).pipe(Effect.provide(layer))
    }))

  it.live("gives BuildKit the credentials for what it pulls by itself", () =>
    Effect.gen(function*() {
      const host = given("registry-auth")
      const text = `# syntax=${host}/${unique()}:1\nFROM busybox:test\n`
      const failed = (auths: Readonly<Record<string, unknown>>) =>
        Effect.flatMap(engine(version, { auths }), ({ layer }) =>
          Effect.andThen(loaded, Effect.flip(build(`${unique()}:1`, text))).pipe(Effect.provide(layer)))
      const auth = Buffer.from("user:secret").toString("base64")
      const known = yield* failed({ [host]: { auth } })
      assert.strictEqual(known._tag === "ImageBuildDockerfile" && known.reason._tag, "NotFound")
      const unknown = yield* failed({})
      assert.strictEqual(unknown._tag === "ImageBuildDockerfile" && unknown.reason._tag, "Unauthenticated")
    }))

  it.live("says no secret of a build argument", () =>
    Effect.gen(function*() {
      const { layer } = yield* engine(version)
      yield* Effect.gen(function*() {
        yield* loaded
        const secret = unique()
        const error = yield* Effect.flip(
          build(`${unique()}:1`, "FROM busybox:test\nARG SECRET\nCOPY $SECRET /x\n", {
            buildArgs: { SECRET: Redacted.make(secret) }
          })
        )
        assert.strictEqual(error._tag === "ImageBuildDockerfile" && error.reason._tag, "NotFound")
        assert.match(error.message, /<redacted>/)
        assert.notInclude(`${error.message} ${JSON.stringify(error)} ${String(error.cause)}`, secret)
      }).pipe(Effect.provide(layer))
    }))

  it.live("uses what it has built before, unless it is told not to", () =>
    Effect.gen(function*() {
      const { layer } = yield* engine(version)
      yield* Effect.gen(function*() {
        yield* loaded
        const name = `${unique()}:1`
        const text = `FROM busybox:test\nRUN echo ${name}; cat /proc/sys/kernel/random/uuid > /id\n`
        const built = (options?: Image.BuildImageOptions) =>
          Effect.andThen(build(name, text, options), says(name, "cat /id"))
        const first = yield* built()
        assert.strictEqual(yield* built(), first)
        assert.notStrictEqual(yield* built({ noCache: true }), first)
        yield* removed(name)
      }).pipe(Effect.provide(layer))
    }))

  it.live("takes files that look as they did before for what they are", () =>
    Effect.gen(function*() {
      const { layer } = yield* engine(version)
      const name = `${unique()}:1`
      yield* Effect.gen(function*() {
        yield* loaded
        const context = yield* folder
        writeFileSync(join(context, "Dockerfile"), "FROM busybox:test\nCOPY . /c\n")
        for (const text of ["one", "two"]) {
          writeFileSync(join(context, "file"), text)
          // Neither its size nor its time says that it has changed.
          const archive = yield* Stream.runCollect(
            BuildContext.toTar(BuildContext.fromDirectory(context), { image: name })
          )
          yield* Stream.runDrain(Image.build(name, BuildContext.fromTar(still(Buffer.concat(archive)))))
          assert.strictEqual(yield* says(name, "cat /c/file"), text)
        }
        yield* removed(name)
      }).pipe(Effect.provide(layer))
    }))

  it.live("takes a large context and gives a large image", () =>
    Effect.gen(function*() {
      const { layer } = yield* engine(version)
      const name = `${unique()}:1`
      yield* Effect.gen(function*() {
        yield* loaded
        const context = yield* folder
        writeFileSync(join(context, "Dockerfile"), "FROM busybox:test\nCOPY . /c\nRUN cat /c/*.bin | wc -c > /size\n")
        for (let n = 0; n < 8; n++) {
          writeFileSync(join(context, `${n}.bin`), Buffer.alloc(4 * 1024 * 1024, randomUUID()))
        }
        yield* Stream.runDrain(Image.build(name, BuildContext.fromDirectory(context)))
        assert.strictEqual(yield* says(name, "cat /size"), `${8 * 4 * 1024 * 1024}\n`)
        yield* removed(name)
      }).pipe(Effect.provide(layer))
    }))

  it.live("ends in BuildKit too when it is interrupted, and leaves no connection", () =>
    Effect.gen(function*() {
      const { layer, server } = yield* engine(version)
      yield* Effect.gen(function*() {
        yield* loaded
        const { building, mark } = yield* begun(`${unique()}:1`)
        yield* Fiber.interrupt(building)
        yield* gone(() => isRunning(mark) || server.connections() > 0)
        assert.strictEqual(isRunning(mark), false)
        assert.strictEqual(server.connections(), 0)
      }).pipe(Effect.provide(layer))
    }))

  it.live("fails when BuildKit goes away, and works when it is back", () =>
    Effect.gen(function*() {
      const { layer, server } = yield* engine(version)
      yield* Effect.gen(function*() {
        yield* loaded
        const name = `${unique()}:1`
        const { building, mark } = yield* begun(name)
        server.cut()
        const error = yield* Effect.flip(Fiber.join(building))
        assert.strictEqual(error._tag === "ImageBuildDockerfile" && error.reason._tag, "Unavailable")
        yield* gone(() => isRunning(mark))
        yield* build(name, "FROM busybox:test\nENV A=1\n")
        assert.strictEqual(yield* says(name, "echo $A"), "1\n")
        yield* removed(name)
      }).pipe(Effect.provide(layer))
    }))
})

/** An archive all of whose files are equally old. */
const still = (archive: Buffer): Buffer => {
  const copy = Buffer.from(archive)
  for (let at = 0; at + 512 <= copy.length && copy[at] !== 0;) {
    const size = Number.parseInt(copy.toString("latin1", at + 124, at + 135), 8)
    copy.write("00000000001\0", at + 136, "latin1")
    copy.write("        ", at + 148, "latin1")
    const sum = copy.subarray(at, at + 512).reduce((sum, byte) => sum + byte, 0)
    copy.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148, "latin1")
    at += 512 + Math.ceil(size / 512) * 512
  }
  return copy
}
