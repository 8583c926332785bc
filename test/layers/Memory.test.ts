import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Fiber, Layer, Redacted, Ref, Stream } from "effect"
import { Backend, Container, type ContainerConfig, Errors, ExitStatus, Filter } from "effect-containers"
import * as Memory from "effect-containers/layers/Memory"
import { TestClock } from "effect/testing"

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const bytes = (text: string) => new TextEncoder().encode(text)

const engineOf = (recipe: Memory.Recipe, options: Memory.ImageOptions = {}) =>
  Memory.layer({ images: [Memory.image("app", recipe, options)] })

const config = (changes: Partial<ContainerConfig.ContainerConfig> = {}): ContainerConfig.ContainerConfig => ({
  image: "app",
  env: [],
  labels: {},
  networks: [],
  mounts: [],
  resources: {},
  ports: [],
  tty: false,
  stdin: false,
  init: false,
  readOnlyRoot: false,
  privileged: false,
  capAdd: [],
  capDrop: [],
  noNewPrivileges: false,
  devices: [],
  ...changes
})

/** Waits for the TestClock, as any recipe may. */
const sleeper: Memory.Recipe = () => Effect.as(Effect.sleep("1 hour"), 0)

const app = Container.make("app")

describe("how a recipe ends", () => {
  const cases: ReadonlyArray<readonly [string, Memory.Recipe, ExitStatus.ExitStatus, stdout: string, stderr: string]> =
    [
      ["nothing", () => {}, new ExitStatus.Exited({ code: 0 }), "", ""],
      ["a number", () => 3, new ExitStatus.Exited({ code: 3 }), "", ""],
      ["255", () => 255, new ExitStatus.Exited({ code: 255 }), "", ""],
      ["256, of which eight bits are kept", () => 256, new ExitStatus.Exited({ code: 0 }), "", ""],
      ["a number that stands for a signal", () => 137, new ExitStatus.Killed({ signal: "SIGKILL" }), "", ""],
      ["a value", () => ({ stdout: "o", stderr: "e", exitCode: 1 }), new ExitStatus.Exited({ code: 1 }), "o", "e"],
      ["out of memory", () => Memory.oomKilled, new ExitStatus.OomKilled(), "", ""],
      [
        "an Effect",
        ({ stderr, stdout }) => Effect.as(Effect.andThen(stdout("a"), stderr("b")), { stdout: "c" }),
        new ExitStatus.Exited({ code: 0 }),
        "ac",
        "b"
      ],
      [
        "an Effect that fails",
        () => Effect.fail(new Errors.NotFound({ operation: "x", message: "no such thing" })),
        new ExitStatus.Exited({ code: 1 }),
        "",
        "no such thing\n"
      ],
      [
        "an Effect that fails with how it ended",
        () => Effect.fail(new ExitStatus.Killed({ signal: "SIGSEGV" })),
        new ExitStatus.Killed({ signal: "SIGSEGV" }),
        "",
        ""
      ],
      [
        "exit in the middle",
        ({ exit, stdout }) => Effect.andThen(Effect.andThen(stdout("1"), exit(7)), stdout("2")),
        new ExitStatus.Exited({ code: 7 }),
        "1",
        ""
      ],
      [
        "a stream",
        () =>
          Stream.make<Array<Memory.Piece>>(
            "a",
            bytes("b"),
            { source: "stderr", bytes: "e" },
            new ExitStatus.Exited({ code: 4 }),
            "never"
          ),
        new ExitStatus.Exited({ code: 4 }),
        "ab",
        "e"
      ],
      ["a stream that just ends", () => Stream.make("x"), new ExitStatus.Exited({ code: 0 }), "x", ""]
    ]
  for (const [name, recipe, exit, stdout, stderr] of cases) {
    it.effect(name, () =>
      Effect.gen(function*() {
        const codes = Array.from({ length: 256 }, (_, code) => code)
        const result = yield* Container.run(Container.expect(app, codes)).pipe(
          Effect.map(({ exit, logs }) => [exit, logs.stdoutText, logs.stderrText]),
          Effect.catchTag("ExitCode", (error) =>
            Effect.succeed([error.signal ?? error.code, error.logs.stdoutText, error.logs.stderrText]))
        )
        const status = yield* Container.exitStatus(app)
        assert.deepStrictEqual(status, exit)
        assert.deepStrictEqual(result.slice(1), [stdout, stderr])
        assert.deepStrictEqual(yield* (yield* Memory.Engine).containers, [])
      }).pipe(Effect.provide(engineOf(recipe))))
  }

  it.effect("a defect is a crash that says why", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Container.run(app))
      assert(error._tag === "ExitCode")
      assert.deepStrictEqual([error.code, error.signal], [134, "SIGABRT"])
      assert.include(error.logs.stderrText, "the test is wrong")
    }).pipe(Effect.provide(engineOf(() => {
      throw new Error("the test is wrong")
    }))))

  it.effect("what cannot be executed fails the start, and leaves nothing", () =>
    Effect.gen(function*() {
      const missing = yield* Effect.flip(Container.run(Container.command(app, ["nope"])))
      const engine = yield* Memory.Engine
      const [{ id: _, ...shown }] = [missing as Errors.ContainerStart]
      assert.strictEqual(shown._tag, "ContainerStart")
      assert.strictEqual(shown.reason._tag, "NotFound")
      assert.include(shown.reason.message, "\"nope\"")
      const denied = yield* Effect.flip(Container.run(Container.command(app, ["text"])))
      assert(denied._tag === "ContainerStart")
      assert.strictEqual(denied.reason._tag, "PermissionDenied")
      yield* Effect.yieldNow
      assert.deepStrictEqual(yield* engine.containers, [])
    }).pipe(Effect.provide(engineOf(({ command }) => command[0] === "text" ? Memory.notExecutable : Memory.notFound))))
})

describe("what a recipe is told", () => {
  it.effect("command, variables, directory, user, limits: the container's over the image's", () =>
    Effect.gen(function*() {
      const seen = yield* Ref.make<ReadonlyArray<Memory.Process>>([])
      const layer = engineOf((process) => Effect.as(Ref.update(seen, (all) => [...all, process]), 0), {
        env: { A: "image", B: "image" },
        entrypoint: ["entry"],
        command: ["default"],
        workDir: "/image",
        user: "builder"
      })
      yield* Effect.gen(function*() {
        yield* Container.run(app)
        yield* app.pipe(
          Container.command(["x", "y"]),
          Container.variable("B", "first"),
          Container.variable("B", "last"),
          Container.variable("TOKEN", Redacted.make("secret")),
          Container.workDir("/own"),
          Container.user("1000"),
          Container.hostname("box"),
          Container.memory("64 MiB"),
          Container.cpus(1.5),
          Container.pids(20),
          Container.tmpfs("/scratch"),
          Container.run
        )
        yield* Container.run(Container.entrypoint(app, ["other"]))
        yield* Container.run(Container.command(app, "echo hi"))
      }).pipe(Effect.provide(layer))
      const [plain, own, entry, shell] = yield* Ref.get(seen)
      assert.deepStrictEqual(plain?.command, ["entry", "default"])
      assert.deepStrictEqual([plain?.workDir, plain?.user, plain?.env["HOME"]], ["/image", "builder", "/home/builder"])
      assert.deepStrictEqual(plain?.env["HOSTNAME"], plain?.hostname)
      assert.include(plain?.env["PATH"], "/usr/bin")
      assert.deepStrictEqual(own?.command, ["entry", "x", "y"])
      assert.deepStrictEqual([own?.env["A"], own?.env["B"], own?.env["TOKEN"]], ["image", "last", "secret"])
      assert.deepStrictEqual([own?.workDir, own?.user, own?.hostname], ["/own", "1000", "box"])
      assert.deepStrictEqual(own?.resources, { memory: 64 << 20, memorySwap: 64 << 20, cpus: 1.5, pids: 20 })
      assert.deepStrictEqual(own?.mounts, [{ type: "tmpfs", target: "/scratch" }])
      assert.deepStrictEqual(entry?.command, ["other"])
      assert.deepStrictEqual(shell?.command, ["/bin/sh", "-c", "echo hi"])
    }))

  it.effect("its time is the TestClock's", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Container.exitCode(app))
      yield* TestClock.adjust("59 minutes")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Fiber.join(fiber), 0)
    }).pipe(Effect.provide(engineOf(sleeper))))
})

describe("the life of a container", () => {
  it.effect("created, running, exited, gone", () =>
    Effect.gen(function*() {
      const backend = yield* Backend.Backend
      const id = yield* backend.create(config({ name: "job", labels: { a: "b" } }))
      const created = yield* backend.inspect("job")
      assert.deepStrictEqual([created.id, created.state, created.exit, created.startedAt], [
        id,
        "created",
        undefined,
        undefined
      ])
      assert.strictEqual((yield* Effect.flip(backend.wait(id))).reason._tag, "Conflict")
      yield* backend.start(id)
      yield* backend.start(id)
      assert.strictEqual((yield* backend.inspect(id.slice(0, 12))).state, "running")
      assert.strictEqual((yield* Effect.flip(backend.remove(id, { force: false }))).reason._tag, "Conflict")
      const waiting = yield* Effect.forkChild(Effect.all([backend.wait(id), backend.wait(id)], { concurrency: 2 }))
      yield* TestClock.adjust("1 hour")
      const exit = new ExitStatus.Exited({ code: 0 })
      assert.deepStrictEqual(yield* Fiber.join(waiting), [exit, exit])
      const exited = yield* backend.inspect(id)
      assert.deepStrictEqual([exited.state, exited.exit], ["exited", exit])
      assert.deepStrictEqual(
        exited.finishedAt?.epochMilliseconds,
        (exited.startedAt?.epochMilliseconds ?? 0) + 3_600_000
      )
      yield* backend.stop(id, { grace: 0 })
      yield* backend.remove(id, { force: false })
      const again = yield* Effect.flip(backend.remove(id, { force: false }))
      assert.deepStrictEqual([again.reason._tag, again.id], ["NotFound", id])
      assert.strictEqual((yield* Effect.flip(backend.inspect(id))).reason._tag, "NotFound")
    }).pipe(Effect.provide(engineOf(sleeper))))

  it.effect("a name is taken once; a container can be started again", () =>
    Effect.gen(function*() {
      const backend = yield* Backend.Backend
      const id = yield* backend.create(config({ name: "job" }))
      const taken = yield* Effect.flip(backend.create(config({ name: "job" })))
      assert.strictEqual(taken.reason._tag, "AlreadyExists")
      for (let run = 0; run < 2; run++) {
        yield* backend.start(id)
        assert.deepStrictEqual(yield* backend.wait(id), new ExitStatus.Exited({ code: 2 }))
      }
      assert.strictEqual((yield* (yield* Memory.Engine).output("job")).text, "once\nonce\n")
    }).pipe(Effect.provide(engineOf(() => ({ stdout: "once\n", exitCode: 2 })))))

  it.effect("what is not there, or is not valid, is refused", () =>
    Effect.gen(function*() {
      const backend = yield* Backend.Backend
      const reason = (changes: Partial<ContainerConfig.ContainerConfig>) =>
        backend.create(config(changes)).pipe(
          Effect.flatMap(backend.start),
          Effect.flip,
          Effect.map((error) => [error._tag, error.reason._tag])
        )
      assert.deepStrictEqual(yield* reason({ image: "other" }), ["ContainerCreate", "NotFound"])
      assert.deepStrictEqual(yield* reason({ platform: "linux/arm64" }), ["ContainerCreate", "NotFound"])
      const mount = { type: "bind", source: "/no/such/place", target: "/x", readOnly: false } as const
      assert.deepStrictEqual(yield* reason({ mounts: [mount] }), ["ContainerCreate", "InvalidArgument"])
      assert.deepStrictEqual(yield* reason({ networks: [{ name: "nowhere", aliases: [] }] }), [
        "ContainerStart",
        "NotFound"
      ])
      assert.deepStrictEqual(yield* reason({ entrypoint: [] }), ["ContainerCreate", "InvalidArgument"])
    }).pipe(Effect.provide(engineOf(() => 0))))

  it.effect("lists are filtered", () =>
    Effect.gen(function*() {
      const backend = yield* Backend.Backend
      yield* backend.create(config({ name: "one", labels: { team: "a" } }))
      const two = yield* backend.create(config({ name: "two", labels: { team: "b" } }))
      yield* backend.start(two)
      const names = (filter: Filter.Filter) =>
        Effect.map(backend.list(filter), (all) => all.map(({ name, state }) => `${name} ${state}`))
      assert.deepStrictEqual(yield* names(Filter.all), ["one created", "two exited"])
      assert.deepStrictEqual(yield* names(Filter.label("team", "a")), ["one created"])
      assert.deepStrictEqual(yield* names(Filter.status("exited")), ["two exited"])
      const unknown = yield* Effect.flip(backend.list(Filter.make("colour", "red")))
      assert.deepStrictEqual([unknown._tag, unknown.reason._tag], ["ContainerList", "InvalidArgument"])
    }).pipe(Effect.provide(engineOf(() => 5))))

  it.live("a port is published while it runs, and once", () =>
    Effect.gen(function*() {
      const backend = yield* Backend.Backend
      const port = { containerPort: 80, protocol: "tcp", hostIp: "127.0.0.1", hostPort: 0 } as const
      const id = yield* backend.create(config({ ports: [port] }))
      yield* backend.start(id)
      const { ports } = yield* backend.inspect(id)
      assert.isAbove(ports[0]!.hostPort, 0)
      const other = yield* backend.create(config({ ports }))
      assert.strictEqual((yield* Effect.flip(backend.start(other))).reason._tag, "Conflict")
      yield* backend.stop(id, { grace: 0 })
      assert.deepStrictEqual((yield* backend.inspect(id)).ports, [])
      yield* backend.start(other)
    }).pipe(Effect.provide(engineOf(() => Effect.never))))

  it.effect("the Layer ends what still runs", () =>
    Effect.gen(function*() {
      const ended = yield* Ref.make(false)
      const layer = engineOf(() => Effect.ensuring(Effect.never, Ref.set(ended, true)))
      yield* Effect.gen(function*() {
        const backend = yield* Backend.Backend
        yield* backend.start(yield* backend.create(config()))
      }).pipe(Effect.provide(layer))
      assert.isTrue(yield* Ref.get(ended))
    }))
})

describe("signals", () => {
  it.effect("end a recipe that does not handle them", () =>
    Effect.gen(function*() {
      const handle = yield* Container.start(app)
      yield* handle.kill()
      assert.deepStrictEqual(yield* handle.exitStatus, new ExitStatus.Killed({ signal: "SIGTERM" }))
      const backend = yield* Backend.Backend
      const late = yield* Effect.flip(backend.signal(handle.id, "SIGTERM"))
      assert.strictEqual(late.reason._tag, "Conflict")
      const strange = yield* Effect.flip(backend.signal(handle.id, "SIGNOPE"))
      assert.strictEqual(strange.reason._tag, "InvalidArgument")
    }).pipe(Effect.provide(engineOf(sleeper))))

  it.effect("that are handled do not", () =>
    Effect.gen(function*() {
      const handle = yield* Container.start(app)
      const backend = yield* Backend.Backend
      yield* backend.signal(handle.id, "HUP")
      yield* backend.signal(handle.id, "10")
      yield* backend.signal(handle.id, "SIGWINCH")
      yield* handle.stop({ grace: "10 seconds" })
      assert.deepStrictEqual(yield* handle.exitStatus, new ExitStatus.Exited({ code: 9 }))
      const { text } = yield* (yield* Memory.Engine).output(handle.id)
      assert.strictEqual(text, "reload\nSIGUSR1\nbye\n")
    }).pipe(Effect.provide(engineOf(({ exit, nextSignal, stdout, trap }) =>
      Effect.gen(function*() {
        yield* trap("SIGHUP", stdout("reload\n"))
        yield* trap("SIGTERM", Effect.andThen(stdout("bye\n"), exit(9)))
        yield* stdout(`${yield* nextSignal("SIGUSR1")}\n`)
        return yield* Effect.never
      })
    ))))

  it.effect("one that ignores them is killed after the grace", () =>
    Effect.gen(function*() {
      const handle = yield* Container.start(app)
      const stopping = yield* Effect.forkChild(handle.stop({ grace: "10 seconds" }))
      yield* TestClock.adjust("9 seconds")
      assert.isUndefined(stopping.pollUnsafe())
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(stopping)
      assert.deepStrictEqual(yield* handle.exitStatus, new ExitStatus.Killed({ signal: "SIGKILL" }))
      yield* handle.stop()
    }).pipe(Effect.provide(engineOf(({ trap }) => Effect.andThen(trap("SIGTERM", Effect.void), Effect.never)))))

  it.effect("come to who waits, and are kept for who does not yet", () =>
    Effect.gen(function*() {
      const handle = yield* Container.start(app)
      const backend = yield* Backend.Backend
      yield* backend.signal(handle.id, "SIGINT")
      yield* TestClock.adjust("1 second")
      yield* backend.signal(handle.id, "SIGUSR2")
      yield* backend.signal(handle.id, "SIGINT")
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* (yield* Memory.Engine).output(handle.id)).text, "SIGINT SIGUSR2 SIGINT ")
    }).pipe(Effect.provide(engineOf(({ nextSignal, stdout }) =>
      nextSignal("SIGINT", "SIGUSR2").pipe(
        Effect.flatMap((signal) => stdout(`${signal} `)),
        Effect.andThen(Effect.sleep("1 second")),
        Effect.forever
      )
    ))))

  it.effect("a run that is interrupted leaves nothing", () =>
    Effect.gen(function*() {
      const stopped = yield* Ref.make(false)
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Container.run(app))
        yield* TestClock.adjust("1 second")
        const engine = yield* Memory.Engine
        assert.deepStrictEqual((yield* engine.containers).map(({ state }) => state), ["running"])
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(yield* engine.containers, [])
      }).pipe(Effect.provide(engineOf(() => Effect.onInterrupt(Effect.never, () => Ref.set(stopped, true)))))
      assert.isTrue(yield* Ref.get(stopped))
    }))
})

describe("standard input", () => {
  const cat: Memory.Recipe = ({ stdin, stdout }) => Stream.runForEach(stdin, stdout)

  it.effect("is closed when all is written, and output goes on", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Container.string(Container.stdin(app, "ping")), "ping")
      const big = "x".repeat(1 << 20)
      assert.strictEqual((yield* Container.string(Container.stdin(app, big))).length, 1 << 20)
    }).pipe(Effect.provide(engineOf(({ stdin, stdout }) => Stream.runForEach(stdin, stdout)))))

  it.effect("is empty where nobody asked for it", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Container.string(app), "")
    }).pipe(Effect.provide(engineOf(cat))))

  it.effect("that nobody reads holds nobody up", () =>
    Effect.gen(function*() {
      const endless = Stream.forever(Stream.succeed(new Uint8Array(32 * 1024)))
      assert.strictEqual(yield* Container.exitCode(Container.stdin(app, endless)), 3)
      const handle = yield* Container.start(Container.stdin(app, ""), { stdin: true })
      const error = yield* Effect.flip(Stream.run(endless, handle.stdin))
      assert.deepStrictEqual([error._tag, error.reason._tag], ["ContainerAttach", "Conflict"])
    }).pipe(Effect.provide(engineOf(() => 3))))

  it.effect("of a terminal is echoed, and its lines end as a terminal's do", () =>
    Effect.gen(function*() {
      const done = yield* app.pipe(Container.tty(true), Container.stdin("a\n"), Container.run)
      assert.strictEqual(done.logs.stdoutText, "a\r\na\r\nerr\r\n")
      assert.strictEqual(done.logs.stderrText, "")
    }).pipe(Effect.provide(engineOf(({ env, stderr, stdin, stdout }) =>
      Stream.runForEach(stdin, stdout).pipe(
        Effect.andThen(stderr("err\n")),
        Effect.as(env["TERM"] === "xterm" ? 0 : 1)
      )
    ))))
})

describe("exec", () => {
  const runExec = (handle: { readonly id: string }, command: ReadonlyArray<string>, stdin?: string) =>
    Effect.gen(function*() {
      const backend = yield* Backend.Backend
      const exec = yield* backend.exec(handle.id, {
        command,
        env: [["B", "exec"]],
        tty: false,
        stdin: stdin !== undefined
      })
      if (stdin !== undefined) yield* Stream.run(Stream.succeed(bytes(stdin)), exec.stdin)
      const frames = yield* Stream.runCollect(exec.output)
      return [frames.map(({ bytes, source }) => `${source}:${text(bytes)}`).join(" "), yield* exec.exit] as const
    }).pipe(Effect.scoped)

  it.effect("runs what the image has for it, with the container's variables and its own", () =>
    Effect.gen(function*() {
      const handle = yield* Container.start(Container.variable(app, "A", "container"))
      assert.deepStrictEqual(yield* runExec(handle, ["env"]), [
        "stdout:container exec stderr:done",
        new ExitStatus.Exited({ code: 4 })
      ])
      assert.deepStrictEqual((yield* runExec(handle, ["cat"], "in"))[0], "stdout:in")
      const slow = yield* Effect.forkChild(runExec(handle, ["sleep"]))
      yield* TestClock.adjust("1 minute")
      yield* handle.kill({ killSignal: "SIGKILL" })
      assert.deepStrictEqual((yield* Fiber.join(slow))[1], new ExitStatus.Killed({ signal: "SIGKILL" }))
      const backend = yield* Backend.Backend
      const late = yield* Effect.flip(backend.exec(handle.id, { command: ["x"], env: [], tty: false, stdin: false }))
      assert.deepStrictEqual([late._tag, late.reason._tag], ["ContainerExec", "Conflict"])
    }).pipe(Effect.provide(engineOf(sleeper, {
      exec: ({ command, env, stdin, stdout }) =>
        command[0] === "env"
          ? { stdout: `${env["A"]} ${env["B"]}`, stderr: "done", exitCode: 4 }
          : command[0] === "cat"
          ? Stream.runForEach(stdin, stdout)
          : Effect.never
    }))))

  it.effect("finds no command in an image that has nothing for it", () =>
    Effect.gen(function*() {
      const handle = yield* Container.start(app)
      assert.deepStrictEqual(yield* runExec(handle, ["ls"]), ["", new ExitStatus.StartFailed({ issue: "not found" })])
    }).pipe(Effect.provide(engineOf(sleeper))))
})

it.effect("layerConfig takes its latency from the configuration", () =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(Container.exitCode(app))
    yield* TestClock.adjust("14 seconds")
    assert.isUndefined(fiber.pollUnsafe())
    yield* TestClock.adjust("1 minute")
    assert.strictEqual(yield* Fiber.join(fiber), 3)
  }).pipe(Effect.provide(
    Memory.layerConfig({ latency: Config.Duration("LATENCY") }, { images: [Memory.image("app", () => 3)] }).pipe(
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ LATENCY: "5 seconds" })))
    )
  )))
