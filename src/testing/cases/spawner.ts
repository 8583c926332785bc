import * as Effect from "effect/Effect"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Backend } from "../../Backend.ts"
import * as Container from "../../Container.ts"
import * as ContainerSpawner from "../../ContainerSpawner.ts"
import { type Case, group, job, part, until } from "../case.ts"
import { equal, fails, holds } from "../expect.ts"

const it = group("ChildProcess in a container")

const running = Effect.flatMap(job("sleep 600"), Container.start)

/** A program that knows nothing of containers. */
const spawns = <E>(
  name: string,
  program: (
    spawner: ChildProcessSpawner["Service"],
    container: Container.ContainerHandle
  ) => Effect.Effect<unknown, E, ChildProcessSpawner | Backend | Scope.Scope>
): Case =>
  it(
    name,
    part(
      "exec",
      Effect.flatMap(running, (container) => Container.execString(container, ["true"])),
      Effect.flatMap(running, (container) =>
        Effect.provide(
          Effect.flatMap(ChildProcessSpawner, (spawner) => program(spawner, container)),
          ContainerSpawner.layer(container)
        ))
    )
  )

const text = <E, R>(stream: Stream.Stream<Uint8Array, E, R>) => Stream.mkString(Stream.decodeText(stream))

const bytes = (text: string) => Stream.make(new TextEncoder().encode(text))

const sh = (script: string, options: ChildProcess.CommandOptions = {}) =>
  ChildProcess.make("/bin/sh", ["-c", script], options)

export const cases: ReadonlyArray<Case> = [
  spawns("text, lines and codes", (spawner) =>
    Effect.gen(function*() {
      yield* equal("string", yield* spawner.string(sh("echo out; echo err >&2")), "out\n")
      yield* equal(
        "lines",
        yield* spawner.lines(sh("echo a; echo b >&2; echo c"), { includeStderr: true }).pipe(
          Effect.map((lines) => lines.toSorted())
        ),
        ["a", "b", "c"]
      )
      yield* equal("exitCode", yield* spawner.exitCode(sh("echo much; exit 3")), 3)
    })),
  spawns("directory, variables, a shell, and what is secret", (spawner) =>
    Effect.gen(function*() {
      const output = yield* spawner.string(
        ChildProcess.make("pwd; echo $A $B", { shell: true, cwd: "/tmp", env: { A: "1", B: Redacted.make("2") } })
      )
      yield* equal("output", output, "/tmp\n1 2\n")
      yield* equal("argument", yield* spawner.string(ChildProcess.make("echo", [Redacted.make("x")])), "x\n")
      const error = yield* fails(
        Effect.scoped(spawner.spawn(ChildProcess.make("no-such-command", [Redacted.make("hunter2")]))),
        { tag: "PlatformError", reason: "NotFound" }
      )
      yield* holds("no secret", !JSON.stringify(error).includes("hunter2"), error)
    })),
  spawns("input", (spawner) =>
    Effect.gen(function*() {
      yield* equal("a stream", yield* spawner.string(sh("cat; echo end", { stdin: bytes("in\n") })), "in\nend\n")
      yield* equal("none", yield* spawner.string(sh("cat; echo end", { stdin: "ignore" })), "end\n")
      const handle = yield* spawner.spawn(ChildProcess.make("cat"))
      yield* Effect.forkScoped(Stream.run(bytes("by the handle"), handle.stdin))
      yield* equal("the handle's", yield* text(handle.stdout), "by the handle")
      yield* equal("exitCode", yield* handle.exitCode, 0)
    })),
  spawns("a pipeline", (spawner) =>
    Effect.gen(function*() {
      const numbers = ChildProcess.make("seq", ["1", "20"])
      const piped = numbers.pipe(
        ChildProcess.pipeTo(ChildProcess.make("grep", ["1"])),
        ChildProcess.pipeTo(ChildProcess.make("wc", ["-c"]))
      )
      yield* equal("output", (yield* spawner.string(piped)).trim(), "32")
      const errors = sh("echo no; echo yes >&2").pipe(ChildProcess.pipeTo(ChildProcess.make("cat"), { from: "stderr" }))
      yield* equal("from stderr", yield* spawner.string(errors), "yes\n")
    })),
  spawns("kill", (spawner) =>
    Effect.gen(function*() {
      const handle = yield* spawner.spawn(ChildProcess.make("sleep", ["60"]))
      yield* equal("isRunning", yield* handle.isRunning, true)
      yield* handle.kill()
      yield* equal("isRunning", yield* handle.isRunning, false)
      yield* fails(handle.exitCode, { tag: "PlatformError", names: ["SIGTERM"] })
    })),
  spawns("the end of a scope", (spawner, container) =>
    Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        yield* spawner.spawn(
          sh("trap 'echo bye > /tmp/bye; exit 0' TERM; echo x > /tmp/up; while :; do sleep 0.02; done")
        )
        yield* until(Container.execExitCode(container, "cat /tmp/up"), (code) => code === 0)
      }))
      yield* equal("it was asked to end", yield* Container.execString(container, "cat /tmp/bye"), "bye\n")
    })),
  spawns("what it cannot do", (spawner) =>
    Effect.gen(function*() {
      const refused = (command: ChildProcess.Command) =>
        fails(Effect.scoped(spawner.spawn(command)), { tag: "PlatformError", reason: "BadArgument" })
      yield* refused(ChildProcess.make("cat", [], { stdin: "inherit" }))
      yield* refused(ChildProcess.make("cat", [], { additionalFds: { fd3: { type: "output" } } }))
      yield* refused(ChildProcess.make("echo a", ["b"], { shell: true }))
      yield* refused(ChildProcess.make("echo", ["a\0b"]))
      yield* refused(ChildProcess.make("pwd", [], { cwd: "not/absolute" }))
    }))
]
