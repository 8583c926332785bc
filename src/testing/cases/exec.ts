import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { Backend } from "../../Backend.ts"
import * as Container from "../../Container.ts"
import type { ExecConfig } from "../../ContainerConfig.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import type * as Logs from "../../Logs.ts"
import { type Case, group, isGone, job, part, tracked, until } from "../case.ts"
import { equal, equalBytes, fails } from "../expect.ts"

const it = group("exec")

const config = (command: string | ReadonlyArray<string>, options: Partial<ExecConfig> = {}): ExecConfig => ({
  command: typeof command === "string" ? ["/bin/sh", "-c", command] : command,
  env: [],
  tty: false,
  stdin: false,
  ...options
})

const text = (frames: ReadonlyArray<Logs.Frame>, source: Logs.Frame["source"]): string =>
  new TextDecoder().decode(Buffer.concat(frames.filter((frame) => frame.source === source).map(({ bytes }) => bytes)))

/** Runs it to its end. */
const exec = Effect.fnUntraced(function*(
  id: string,
  command: string | ReadonlyArray<string>,
  options: Partial<ExecConfig> = {},
  input?: Uint8Array
) {
  const process = yield* (yield* Backend).exec(id, config(command, options))
  if (input !== undefined) yield* Effect.forkScoped(Stream.run(Stream.make(input), process.stdin))
  const frames = yield* Stream.runCollect(process.output)
  return { frames, stdout: text(frames, "stdout"), stderr: text(frames, "stderr"), exit: yield* process.exit }
}, Effect.scoped)

const running = Effect.map(Effect.flatMap(job("export INNER=1; exec sleep 600"), Container.start), ({ id }) => id)

const executes = <E>(name: string, run: Effect.Effect<unknown, E, Effect.Services<typeof running>>): Case =>
  it(name, part("exec", Effect.flatMap(running, (id) => exec(id, "true")), run))

const exited = (code: number) => ({ ...new ExitStatus.Exited({ code }) })

export const cases: ReadonlyArray<Case> = [
  executes(
    "output of both and exit code",
    Effect.gen(function*() {
      const id = yield* running
      const { exit, stderr, stdout } = yield* exec(id, "echo out; echo err >&2; exit 4")
      yield* equal("result", [stdout, stderr, { ...exit }], ["out\n", "err\n", exited(4)])
      yield* equal("no output", { ...(yield* exec(id, ["true"])) }, {
        frames: [],
        stdout: "",
        stderr: "",
        exit: new ExitStatus.Exited({ code: 0 })
      })
    })
  ),
  executes(
    "variables, directory and user",
    Effect.gen(function*() {
      const id = yield* Effect.map(
        Effect.flatMap(job("sleep 600"), (self) => Container.start(Container.variable(self, "OUTER", "container"))),
        ({ id }) => id
      )
      const own = yield* exec(id, "echo $OUTER $A $B; pwd; id -u", {
        env: [["A", "1"], ["B", Redacted.make("2")]],
        workDir: "/tmp",
        user: "app"
      })
      yield* equal("own", own.stdout, "container 1 2\n/tmp\n1000\n")
      const inherited = yield* exec(id, "echo $OUTER$A; pwd; id -u")
      yield* equal("the container's", inherited.stdout, "container\n/\n0\n")
    })
  ),
  executes(
    "input, and then its end",
    Effect.gen(function*() {
      const id = yield* running
      const { exit, stdout } = yield* exec(id, "cat; echo end", { stdin: true }, new TextEncoder().encode("a\nb"))
      yield* equal("result", [stdout, { ...exit }], ["a\nbend\n", exited(0)])
    })
  ),
  executes(
    "1 MiB to cat and back",
    Effect.gen(function*() {
      const input = Uint8Array.from({ length: 1024 * 1024 }, (_, n) => (n * 31) % 251)
      const { frames } = yield* exec(yield* running, ["cat"], { stdin: true }, input)
      yield* equalBytes("stdout", Buffer.concat(frames.map(({ bytes }) => bytes)), input)
    })
  ),
  executes(
    "a terminal",
    Effect.gen(function*() {
      const { frames } = yield* exec(yield* running, "test -t 1 && echo terminal; echo err >&2", { tty: true })
      yield* equal("sources", [...new Set(frames.map(({ source }) => source))], ["stdout"])
      yield* equal("text", text(frames, "stdout"), "terminal\r\nerr\r\n")
    })
  ),
  executes(
    "sees the container's files",
    Effect.gen(function*() {
      const id = yield* running
      yield* exec(id, "echo written > /tmp/file")
      yield* equal("file", (yield* exec(id, "cat /tmp/file")).stdout, "written\n")
    })
  ),
  executes(
    "a command that is not there, or no program",
    Effect.gen(function*() {
      const id = yield* running
      const ends = Effect.fnUntraced(function*(command: string) {
        return { ...(yield* exec(id, [command])).exit }
      })
      yield* equal("not there", yield* ends("/no/such/command"), {
        ...new ExitStatus.StartFailed({ issue: "not found" })
      })
      yield* equal("not on the PATH", yield* ends("no-such-command"), {
        ...new ExitStatus.StartFailed({ issue: "not found" })
      })
      yield* equal("no program", yield* ends("/etc/passwd"), {
        ...new ExitStatus.StartFailed({ issue: "not executable" })
      })
      yield* equal("by a shell", { ...(yield* exec(id, "no-such-command; exit $?")).exit }, exited(127))
    })
  ),
  executes(
    "in a container that does not run",
    Effect.gen(function*() {
      const { id } = yield* Effect.flatMap(job(["true"]), Container.create)
      yield* fails(exec(id, ["true"]), { tag: "ContainerExec", reason: "Conflict", id })
    })
  ),
  executes(
    "in a container that is not there",
    fails(exec("efc-no-such-container", ["true"]), {
      tag: "ContainerExec",
      reason: "NotFound",
      id: "efc-no-such-container",
      names: ["efc-no-such-container"]
    })
  ),
  executes(
    "4 at once",
    Effect.gen(function*() {
      const id = yield* running
      const outputs = yield* Effect.forEach(
        [1, 2, 3, 4],
        (n) => Effect.map(exec(id, `echo ${n}; exit ${n}`), ({ exit, stdout }) => [stdout, { ...exit }]),
        {
          concurrency: "unbounded"
        }
      )
      yield* equal("results", outputs, [1, 2, 3, 4].map((n) => [`${n}\n`, exited(n)]))
    })
  ),
  executes(
    "that is interrupted, in a container that goes on and is then gone",
    Effect.gen(function*() {
      const { container, found } = yield* Effect.flatMap(job(["sleep", "600"]), tracked)
      const { id } = yield* Container.start(container)
      const fiber = yield* Effect.forkChild(exec(id, "echo begun > /tmp/begun; sleep 600"))
      yield* until(exec(id, "cat /tmp/begun"), ({ stdout }) => stdout === "begun\n")
      yield* Fiber.interrupt(fiber)
      yield* equal("state", (yield* Container.inspect(id)).state, "running")
      yield* equal("another one", (yield* exec(id, "echo works")).stdout, "works\n")
      yield* Container.remove(id, { force: true })
      yield* isGone(found)
    })
  ),
  executes(
    "while its container is killed",
    Effect.gen(function*() {
      const id = yield* running
      const fiber = yield* Effect.forkChild(Effect.exit(exec(id, "echo begun > /tmp/begun; sleep 600")))
      yield* until(exec(id, "cat /tmp/begun"), ({ stdout }) => stdout === "begun\n")
      yield* Container.kill(id, { killSignal: "SIGKILL" })
      // How it ended is up to the engine; that it ends is not.
      yield* Fiber.join(fiber)
    })
  )
]
