import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Backend } from "../../Backend.ts"
import * as Container from "../../Container.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import { type Case, group, job, part, turns, until } from "../case.ts"
import { equal, fails, holds } from "../expect.ts"

const it = group("commands in containers")

const running = Effect.flatMap(job("sleep 600"), Container.start)

const executes = <E>(name: string, run: Effect.Effect<unknown, E, Effect.Services<typeof running>>): Case =>
  it(name, part("exec", Effect.flatMap(running, (handle) => Container.execString(handle, ["true"])), run))

const text = <E, R>(stream: Stream.Stream<Uint8Array, E, R>) => Stream.mkString(Stream.decodeText(stream))

const bytes = (text: string) => Stream.make(new TextEncoder().encode(text))

/** Writes as long as it lives, by a process of its own. */
const ticking = ["/bin/sh", "-c", "/bin/sh -c 'while :; do echo x >> /tmp/ticks; sleep 0.02; done'; true"]

const ticks = (container: Container.ContainerHandle) =>
  Effect.map(Container.execString(container, "cat /tmp/ticks", { expect: [0, 1] }), ({ length }) => length)

/** Nothing of {@link ticking} is left. */
const isStill = Effect.fnUntraced(function*(container: Container.ContainerHandle) {
  const before = yield* ticks(container)
  yield* Effect.sleep("300 millis")
  yield* equal("what it has written since", (yield* ticks(container)) - before, 0)
})

/** It ticks in a container, is brought to its end, and nothing is left of it. */
const ends = <E>(
  end: (
    container: Container.ContainerHandle,
    begun: Effect.Effect<unknown, Effect.Error<ReturnType<typeof ticks>>, Backend>
  ) => Effect.Effect<unknown, E, Backend | Scope.Scope>
) =>
  Effect.gen(function*() {
    const container = yield* running
    yield* end(container, until(ticks(container), (length) => length > 4))
    yield* isStill(container)
    yield* equal("the container", yield* container.isRunning, true)
  })

export const cases: ReadonlyArray<Case> = [
  executes(
    "output apart, and how it ended",
    Effect.gen(function*() {
      const container = yield* running
      const command = yield* Container.exec(container, "echo out; echo err >&2; exit 4")
      yield* equal("stderr", yield* text(command.stderr), "err\n")
      yield* equal("stdout", yield* text(command.stdout), "out\n")
      yield* equal("exitCode", yield* command.exitCode, 4)
      yield* equal("exitStatus", { ...(yield* command.exitStatus) }, { ...new ExitStatus.Exited({ code: 4 }) })
      yield* equal("isRunning", yield* command.isRunning, false)
      yield* fails(text(command.all), { tag: "ContainerExec", reason: "Conflict", id: container.id })
    })
  ),
  executes(
    "both outputs as one",
    Effect.gen(function*() {
      const { next, script, stdin } = yield* turns("echo one", "echo two >&2", "echo three")
      const command = yield* Container.exec(yield* running, script, { stdin })
      yield* equal("all", yield* text(Stream.tap(command.all, () => next)), "one\ntwo\nthree\n")
    })
  ),
  executes(
    "text, lines, code and stream",
    Effect.gen(function*() {
      const container = yield* running
      const command = "echo a b; echo c >&2; echo d"
      yield* equal("string", yield* Container.execString(container, command), "a b\nd\n")
      yield* equal("lines", yield* Container.execLines(container, command), ["a b", "d"])
      yield* equal("as it is", yield* Container.execString(container, ["echo", "a  b; c"]), "a  b; c\n")
      yield* equal("exit code", yield* Container.execExitCode(container, "echo x; exit 7"), 7)
      yield* equal("by id", yield* Container.execString(container.id, ["echo", "x"]), "x\n")
      const frames = yield* Stream.runCollect(Container.execStream(container, ["echo", "x"]))
      yield* equal("stream", frames.map(({ source }) => source), ["stdout"])
    })
  ),
  executes(
    "variables, directory, user and input",
    Effect.gen(function*() {
      const output = yield* Container.execString(yield* running, "echo $A $B; pwd; id -u; cat", {
        env: { A: "1", B: Redacted.make("2") },
        workDir: "/tmp",
        user: "app",
        stdin: "input"
      })
      yield* equal("output", output, "1 2\n/tmp\n1000\ninput")
    })
  ),
  executes(
    "another exit code than expected",
    Effect.gen(function*() {
      const container = yield* running
      const error = yield* fails(Container.execString(container, "echo why >&2; exit 3"), {
        tag: "ExitCode",
        id: container.id,
        names: ["exit-code 3", "exit 3", "why"]
      })
      yield* holds("its output", error._tag === "ExitCode" && error.logs.stderrText === "why\n", error)
      yield* equal("expected", yield* Container.execString(container, "echo x; exit 3", { expect: [3] }), "x\n")
    })
  ),
  executes(
    "a command that is not there",
    Effect.gen(function*() {
      const container = yield* running
      yield* fails(Container.execString(container, ["no-such-command"]), {
        tag: "ContainerExec",
        reason: "NotFound",
        id: container.id,
        names: ["no-such-command"]
      })
      yield* fails(Container.execExitCode(container, ["/etc/passwd"]), {
        tag: "ContainerExec",
        reason: "PermissionDenied",
        names: ["/etc/passwd"]
      })
      const command = yield* Container.exec(container, ["no-such-command"])
      yield* equal("exitCode", yield* command.exitCode, 127)
      yield* equal("pid", yield* command.pid, undefined)
    })
  ),
  executes(
    "standard input is closed on one side",
    Effect.gen(function*() {
      const command = yield* Container.exec(yield* running, "wc -c; echo after", { stdin: true })
      yield* Stream.run(bytes("12345"), command.stdin)
      yield* equal("stdout", (yield* text(command.stdout)).trim(), "5\nafter")
      yield* equal("exitCode", yield* command.exitCode, 0)
    })
  ),
  executes(
    "standard input that was not opened",
    Effect.gen(function*() {
      const command = yield* Container.exec(yield* running, ["cat"])
      yield* fails(Stream.run(bytes("x"), command.stdin), { tag: "ContainerExec", reason: "Unsupported" })
      yield* equal("stdout", yield* text(command.stdout), "")
    })
  ),
  executes(
    "the size of a terminal",
    Effect.gen(function*() {
      // An engine may say that it is done before the terminal has the size.
      const size = "read line; until stty size | grep 41.101; do sleep 0.1; done"
      const command = yield* Container.exec(yield* running, size, { tty: true, stdin: true })
      yield* Effect.andThen(command.pid, command.resize({ columns: 101, rows: 41 }))
      yield* Effect.forkScoped(Stream.run(Stream.concat(bytes("go\n"), Stream.never), command.stdin))
      const output = yield* text(command.all)
      yield* holds("size", output.includes("41 101\r\n"), output)
    })
  ),
  executes(
    "a terminal that was made raw: all that is typed",
    Effect.gen(function*() {
      const self = yield* running
      const command = yield* Container.exec(self, "stty raw -echo; echo ready; head -c 5 | wc -c", {
        tty: true,
        stdin: true
      })
      const ready = yield* Deferred.make<void>()
      // By Ctrl-P and Ctrl-Q one leaves a terminal of Docker's own client.
      const keys = Stream.tap(
        Stream.make(...[0x10, 0x11, 0, 0x10, 0x11].map((key) => Uint8Array.of(key))),
        () => Effect.sleep(50)
      )
      yield* Effect.forkScoped(Effect.andThen(Deferred.await(ready), Stream.run(keys, command.stdin)))
      const output = yield* text(Stream.tap(command.all, () => Deferred.succeed(ready, undefined)))
      yield* equal("count", /\d+$/.exec(output.trim())?.[0], "5")
    })
  ),
  executes(
    "of which one is running",
    Effect.gen(function*() {
      const command = yield* Container.exec(yield* running, ["sleep", "600"])
      yield* holds("pid", ((yield* command.pid) ?? 0) > 0, yield* command.pid)
      yield* equal("isRunning", yield* command.isRunning, true)
      yield* command.kill()
      yield* equal("isRunning", yield* command.isRunning, false)
      yield* equal("exitStatus", { ...(yield* command.exitStatus) }, {
        ...new ExitStatus.Killed({ signal: "SIGTERM" })
      })
      yield* command.kill()
    })
  ),
  executes(
    "a signal that is handled",
    Effect.gen(function*() {
      const container = yield* running
      const command = yield* Container.exec(
        container,
        "trap 'echo bye; exit 3' TERM; echo ready > /tmp/ready; while :; do sleep 0.02; done"
      )
      yield* until(Container.execExitCode(container, "cat /tmp/ready"), (code) => code === 0)
      yield* command.signal("TERM")
      yield* equal("stdout", yield* text(command.stdout), "bye\n")
      yield* equal("exitCode", yield* command.exitCode, 3)
      yield* fails(command.signal("SIGNOTHING"), { tag: "ContainerExec", reason: "InvalidArgument" })
    })
  ),
  executes(
    "one that does not want to end",
    Effect.gen(function*() {
      const container = yield* running
      const command = yield* Container.exec(
        container,
        "trap '' TERM; echo ready > /tmp/ready; while :; do sleep 0.02; done"
      )
      yield* until(Container.execExitCode(container, "cat /tmp/ready"), (code) => code === 0)
      yield* command.kill({ forceKillAfter: "100 millis" })
      yield* equal("exitStatus", { ...(yield* command.exitStatus) }, {
        ...new ExitStatus.Killed({ signal: "SIGKILL" })
      })
    })
  ),
  executes(
    "an interruption leaves nothing",
    ends((container, begun) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Container.execString(container, ticking))
        yield* begun
        yield* Fiber.interrupt(fiber)
      })
    )
  ),
  executes(
    "a scope that closes leaves nothing",
    ends((container, begun) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        yield* Scope.provide(Container.exec(container, ticking), scope)
        yield* begun
        yield* Scope.close(scope, Exit.void)
      })
    )
  ),
  executes(
    "a stream that is left leaves nothing",
    ends((container, begun) =>
      Container.execStream(container, ["/bin/sh", "-c", `echo begun; ${ticking[2]}`]).pipe(
        Stream.tap(() => begun),
        Stream.take(1),
        Stream.runDrain
      )
    )
  ),
  executes(
    "a kill takes what was started along",
    ends((container, begun) =>
      Effect.gen(function*() {
        const command = yield* Container.exec(container, ticking)
        yield* begun
        yield* command.kill({ killSignal: "SIGKILL" })
      })
    )
  ),
  executes(
    "what is interrupted by another user leaves nothing",
    ends((container, begun) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Container.execString(container, ticking, { user: "app" }))
        yield* begun
        yield* Fiber.interrupt(fiber)
      })
    )
  )
]
