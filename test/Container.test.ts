import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Redacted, Result, Stream } from "effect"
import { Backend, Capabilities, Container, Errors, Owner } from "effect-containers"
import type { ContainerConfig } from "effect-containers"
import * as fc from "fast-check"

/** An engine that must not be called: whoever does dies. */
const untouchable = (capabilities: Capabilities.Capabilities = Capabilities.all) => {
  const die = () => Effect.die("the engine was called")
  const dieStream = () => Stream.die("the engine was called")
  return Backend.layer({
    name: "untouchable",
    capabilities,
    pull: dieStream,
    create: die,
    start: die,
    inspectImage: die,
    list: die
  })
}

/** An engine that only writes down what it is asked to create. */
const recording = (created: Array<ContainerConfig.ContainerConfig>) =>
  Backend.layer({
    name: "recording",
    create: (config) => Effect.sync(() => `id-${created.push(config)}`),
    remove: () => Effect.void
  })

const refused = (container: Container.Container, capabilities?: Capabilities.Capabilities) =>
  Container.run(container).pipe(
    Effect.flip,
    Effect.provide(untouchable(capabilities))
  )

const configOf = Effect.fnUntraced(function*(container: Container.Container) {
  const created: Array<ContainerConfig.ContainerConfig> = []
  yield* Effect.scoped(Container.create(container)).pipe(Effect.provide(recording(created)))
  return created[0]!
})

/** Text of all characters there are, those that mean something somewhere more often. */
const anything = fc.string({
  unit: fc.oneof(fc.constantFrom("=", "\0", "/", ":", " "), fc.nat(0xffff).map((code) => String.fromCharCode(code)))
})

const busybox = Container.make("busybox:test")

describe("bad input is refused before any engine is called", () => {
  const cases: ReadonlyArray<readonly [string, field: string, issue: RegExp, Container.Container]> = [
    ["a reference with capitals", "image", /lower/i, Container.make("Busybox")],
    ["an empty reference", "image", /./, Container.make("")],
    ["an empty command", "command", /empty/, busybox.pipe(Container.command([]))],
    ["an empty script", "command", /empty/, busybox.pipe(Container.command("  "))],
    ["an empty executable", "command", /executable/, busybox.pipe(Container.command(["", "x"]))],
    ["a NUL in an argument", "command", /NUL/, busybox.pipe(Container.command(["echo", "a\0b"]))],
    ["an empty shell", "shell", /empty/, busybox.pipe(Container.shell([]), Container.command("true"))],
    ["a NUL in the entrypoint", "entrypoint", /NUL/, busybox.pipe(Container.entrypoint(["\0"]))],
    ["a nameless variable", "variable", /name/, busybox.pipe(Container.variable("", "x"))],
    ["an = in a variable's name", "variable", /"="/, busybox.pipe(Container.variable("A=B", "x"))],
    ["a relative working directory", "workDir", /absolute/, busybox.pipe(Container.workDir("src"))],
    ["a relative mount target", "volume", /absolute/, busybox.pipe(Container.volume("/tmp", "src"))],
    ["a mount over the root", "volume", /root/, busybox.pipe(Container.volume("/tmp", "/"))],
    [
      "a source that does not exist",
      "volume",
      /\/no\/such\/path/,
      busybox.pipe(Container.volume("/no/such/path", "/x"))
    ],
    ["a source that is neither path nor name", "volume", /"a b"/, busybox.pipe(Container.volume("a b", "/x"))],
    [
      "two mounts at one place",
      "volume",
      /two things/,
      busybox.pipe(Container.volume("/tmp", "/x"), Container.volume("/usr", "/x/"))
    ],
    ["a relative tmpfs", "tmpfs", /absolute/, busybox.pipe(Container.tmpfs("run"))],
    ["port 0", "port", /from 1 to 65535/, busybox.pipe(Container.port(0))],
    ["port 65536", "port", /65536/, busybox.pipe(Container.port(65536))],
    ["half a port", "port", /80.5/, busybox.pipe(Container.port(80.5))],
    ["a negative host port", "port", /-1/, busybox.pipe(Container.port(80, { hostPort: -1 }))],
    ["a host address that is none", "port", /address/, busybox.pipe(Container.port(80, { hostIp: "300.1.1.1" }))],
    ["a negative memory limit", "memory", /-1/, busybox.pipe(Container.memory(-1))],
    ["a memory limit that nothing fits in", "memory", /6 MiB/, busybox.pipe(Container.memory("1 MiB"))],
    ["no CPU at all", "cpus", /0/, busybox.pipe(Container.cpus(0))],
    ["NaN CPUs", "cpus", /NaN/, busybox.pipe(Container.cpus(Number.NaN))],
    ["no process at all", "pids", /0/, busybox.pipe(Container.pids(0))],
    ["a user with a blank", "user", /uid/, busybox.pipe(Container.user("a b"))],
    ["a host name with an underscore", "hostname", /host name/, busybox.pipe(Container.hostname("a_b"))],
    ["a name with a slash", "name", /name/, busybox.pipe(Container.name("a/b"))],
    ["a label of ours", "label", /library/, busybox.pipe(Container.label(Owner.labels.owner, "me"))],
    ["a platform without an architecture", "platform", /architecture/, busybox.pipe(Container.platform("linux"))],
    ["a signal that is none", "stopWith", /signal/, busybox.pipe(Container.stopWith({ signal: "SIGNOPE" }))],
    ["an exit code over 255", "expect", /256/, busybox.pipe(Container.expect([256]))],
    ["a network without a name", "network", /empty/, busybox.pipe(Container.network(""))]
  ]
  for (const [name, field, issue, container] of cases) {
    it.effect(name, () =>
      Effect.gen(function*() {
        const error = yield* refused(container)
        assert.instanceOf(error, Errors.ContainerOptions)
        assert.strictEqual(error.field, field)
        assert.match(error.issue, issue)
        assert.include(error.message, error.issue)
        assert.strictEqual(error.isRetryable, false)
      }))
  }

  it.effect("the value of a secret variable is not shown", () =>
    Effect.gen(function*() {
      const error = yield* refused(busybox.pipe(Container.variable("TOKEN", Redacted.make("hunter2\0"))))
      assert.strictEqual(error._tag, "ContainerOptions")
      assert.notInclude(JSON.stringify(error) + error.message, "hunter2")
    }))

  it.effect("what the engine cannot do is refused, naming the engine and the option", () =>
    Effect.gen(function*() {
      const error = yield* refused(busybox.pipe(Container.privileged(true)), { ...Capabilities.all, privileged: false })
      assert.deepStrictEqual(
        error,
        new Errors.ContainerCreate({
          id: "",
          image: "busybox:test",
          reason: new Errors.Unsupported({
            operation: "create",
            message: "untouchable cannot honour the option privileged",
            hint: "leave the option out or use another engine"
          })
        })
      )
    }))

  it("any variable is either handed on as it is or refused as ContainerOptions", () =>
    fc.assert(fc.asyncProperty(anything, anything, async (name, value) => {
      const exit = await Effect.runPromiseExit(configOf(busybox.pipe(Container.variable(name, value))))
      const valid = name !== "" && !/[=\0]/.test(name) && !value.includes("\0")
      if (valid) assert.deepStrictEqual(Exit.isSuccess(exit) && exit.value.env, [[name, value]])
      else assert.isTrue(Exit.isFailure(exit) && Exit.hasFails(exit))
    })))

  it("any port is either from 1 to 65535 or refused", () =>
    fc.assert(
      fc.asyncProperty(fc.oneof(fc.integer(), fc.integer({ min: -2, max: 65540 }), fc.double()), async (port) => {
        const exit = await Effect.runPromiseExit(configOf(busybox.pipe(Container.port(port))))
        assert.strictEqual(Exit.isSuccess(exit), Number.isInteger(port) && port >= 1 && port <= 65535)
      })
    ))

  it("any target path is absolute or refused, whatever it has in it", () =>
    fc.assert(fc.asyncProperty(anything, async (path) => {
      const exit = await Effect.runPromiseExit(configOf(busybox.pipe(Container.workDir(path))))
      assert.strictEqual(Exit.isSuccess(exit), path.startsWith("/") && !path.includes("\0"))
    })))

  it("any memory limit is a whole number of bytes from 6 MiB on or refused", () =>
    fc.assert(fc.asyncProperty(fc.oneof(fc.integer(), fc.double(), fc.maxSafeInteger()), async (bytes) => {
      const exit = await Effect.runPromiseExit(configOf(busybox.pipe(Container.memory(bytes))))
      assert.strictEqual(Exit.isSuccess(exit), Number.isSafeInteger(bytes) && bytes >= 6 * 1024 * 1024)
      if (Exit.isSuccess(exit)) assert.strictEqual(exit.value.resources.memorySwap, bytes)
    })))
})

describe("a description, completed", () => {
  it.effect("a repeated variable: the last one wins", () =>
    Effect.gen(function*() {
      const config = yield* configOf(
        busybox.pipe(Container.variable("A", "1"), Container.variables({ B: "2", A: "3" }))
      )
      assert.deepStrictEqual(config.env, [["A", "3"], ["B", "2"]])
    }))

  it.effect("a list is run as it is, a string by the shell in the entrypoint's place", () =>
    Effect.gen(function*() {
      const list = yield* configOf(busybox.pipe(Container.command(["make", "all"])))
      assert.deepStrictEqual([list.entrypoint, list.command], [undefined, ["make", "all"]])
      const script = yield* configOf(busybox.pipe(Container.command("make | tee log")))
      assert.deepStrictEqual([script.entrypoint, script.command], [["/bin/sh"], ["-c", "make | tee log"]])
      const strict = yield* configOf(busybox.pipe(Container.shell(["/bin/sh", "-ec"]), Container.command("make")))
      assert.deepStrictEqual([strict.entrypoint, strict.command], [["/bin/sh"], ["-ec", "make"]])
    }))

  it.effect("a relative source is relative to the current directory, a name is a volume", () =>
    Effect.gen(function*() {
      const config = yield* configOf(
        busybox.pipe(Container.volume("./src", "/src", { readOnly: true }), Container.volume("cache", "/cache"))
      )
      assert.deepStrictEqual(config.mounts, [
        { type: "bind", source: `${process.cwd()}/src`, target: "/src", readOnly: true },
        { type: "volume", source: "cache", target: "/cache", readOnly: false }
      ])
    }))

  it.effect("everything is labelled with the library and its owner", () =>
    Effect.gen(function*() {
      const owner = { host: "h", pid: 7, started: "9" }
      const config = yield* configOf(busybox.pipe(Container.label("mine", "1"))).pipe(
        Effect.provideService(Owner.Owner, owner)
      )
      assert.deepStrictEqual(config.labels, {
        [Owner.labels.version]: Owner.version,
        [Owner.labels.owner]: "7@9@h",
        mine: "1"
      })
    }))

  it("options are data-first and data-last alike", () => {
    assert.deepStrictEqual(
      Container.volume(busybox, "/a", "/b").options,
      busybox.pipe(Container.volume("/a", "/b")).options
    )
    assert.deepStrictEqual(
      Container.memory(busybox, "1 GiB").options,
      busybox.pipe(Container.memory("1 GiB")).options
    )
    assert.deepStrictEqual(Container.port(busybox, 80).options, busybox.pipe(Container.port(80)).options)
    assert.deepStrictEqual(
      Container.variable(busybox, "A", "B").options,
      busybox.pipe(Container.variable("A", "B")).options
    )
  })
})

describe("creating", () => {
  it.effect("a lost reply is followed by a removal of the name that was given", () =>
    Effect.gen(function*() {
      const removed: Array<string> = []
      const names: Array<string | undefined> = []
      const engine = Backend.layer({
        name: "forgetful",
        create: (config) => {
          names.push(config.name)
          return Effect.fail(new Errors.Unavailable({ operation: "create", message: "socket hang up" }))
        },
        remove: (id) => Effect.sync(() => void removed.push(id))
      })
      const result = yield* Effect.result(Effect.provide(Container.run(busybox), engine))
      assert.isTrue(Result.isFailure(result) && result.failure._tag === "ContainerCreate")
      assert.deepStrictEqual(removed, names as Array<string>)
    }))

  it.live("an interruption while the engine creates waits for the id, then removes it", () =>
    Effect.gen(function*() {
      const removed: Array<string> = []
      const engine = Backend.layer({
        name: "slow",
        create: () => Effect.as(Effect.yieldNow, "c1").pipe(Effect.delay(1)),
        remove: (id) => Effect.sync(() => void removed.push(id))
      })
      const fiber = yield* Effect.forkChild(
        Container.run(busybox).pipe(Effect.provide(Layer.fresh(engine))),
        { startImmediately: true }
      )
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(removed, ["c1"])
    }))
})
