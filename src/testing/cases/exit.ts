import * as Effect from "effect/Effect"
import { Backend } from "../../Backend.ts"
import * as Container from "../../Container.ts"
import type * as Errors from "../../Errors.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import { type Case, group, isGone, job, mostly, needs, tracked, willBeGone } from "../case.ts"
import { equal, type Expected, fails } from "../expect.ts"
import { Fixture } from "../fixture.ts"

const it = group("exit")

const exited = (code: number) => new ExitStatus.Exited({ code })

const fields = (error: Errors.ExitCode) => ({
  image: error.image,
  code: error.code,
  signal: error.signal,
  oomKilled: error.oomKilled,
  stdout: error.logs.stdoutText,
  stderr: error.logs.stderrText
})

/** Fails with `ExitCode`; gives it. */
const failsWithCode = Effect.fnUntraced(function*(self: Container.Container, names: ReadonlyArray<string>) {
  const error = yield* fails(Container.run(self), { tag: "ExitCode", names })
  return error._tag === "ExitCode" ? fields(error) : undefined
})

const cannotStart = (command: ReadonlyArray<string>, reason: string) =>
  Effect.gen(function*() {
    const { image } = yield* Fixture
    const { container, found } = yield* Effect.flatMap(job(command), tracked)
    const expected: Expected = { tag: "ContainerStart", reason, image, names: [command[0]!, image] }
    const error = yield* fails(Container.run(container), expected)
    yield* equal("the error has the container's id", error._tag === "ContainerStart" && error.id !== "", true)
    yield* willBeGone(found)
  })

export const cases: ReadonlyArray<Case> = [
  it(
    "with 0",
    Effect.gen(function*() {
      const self = yield* job("exit 0")
      const done = yield* Container.run(self)
      yield* equal("exit", { ...done.exit }, { ...exited(0) })
      yield* equal("image", done.image, (yield* Fixture).image)
      yield* equal("exitCode", yield* Container.exitCode(self), 0)
    })
  ),
  ...[1, 3, 127, 255].map((code) =>
    it(
      `with ${code}`,
      Effect.gen(function*() {
        const self = yield* job(`echo out; echo err >&2; exit ${code}`)
        yield* equal("the error", yield* failsWithCode(self, [`exit-code ${code}`]), {
          image: (yield* Fixture).image,
          code,
          signal: undefined,
          oomKilled: false,
          stdout: "out\n",
          stderr: "err\n"
        })
        yield* equal("exitStatus", { ...(yield* Container.exitStatus(self)) }, { ...exited(code) })
        yield* equal("exitCode", yield* Container.exitCode(self), code)
      })
    )
  ),
  it(
    "by SIGKILL from inside",
    Effect.gen(function*() {
      const self = yield* job("echo out; sh -c 'kill -KILL $$'; exit $?")
      yield* equal("the error", yield* failsWithCode(self, ["SIGKILL"]), {
        image: (yield* Fixture).image,
        code: 137,
        signal: "SIGKILL",
        oomKilled: false,
        stdout: "out\n",
        stderr: "Killed\n"
      })
    })
  ),
  it(
    "by SIGTERM, under an init",
    Effect.gen(function*() {
      yield* needs(
        "init",
        Container.init(yield* job("echo out; kill -TERM $$; sleep 600"), true),
        (self) =>
          Effect.gen(function*() {
            yield* equal("the error", yield* failsWithCode(self, ["SIGTERM"]), {
              image: (yield* Fixture).image,
              code: 143,
              signal: "SIGTERM",
              oomKilled: false,
              stdout: "out\n",
              stderr: ""
            })
          })
      )
    })
  ),
  it(
    "by SIGKILL from outside",
    Effect.gen(function*() {
      const handle = yield* Effect.flatMap(job(["sleep", "600"]), Container.start)
      yield* handle.kill({ killSignal: "SIGKILL" })
      yield* equal("exit", { ...(yield* handle.exitStatus) }, { ...new ExitStatus.Killed({ signal: "SIGKILL" }) })
      yield* equal("exitCode", yield* handle.exitCode, 137)
    })
  ),
  it("command not found", cannotStart(["/no/such/command", "x"], "NotFound")),
  it("command not found on the PATH", cannotStart(["no-such-command"], "NotFound")),
  it("command not executable", cannotStart(["/etc/passwd"], "PermissionDenied")),
  it(
    "command not found by a shell is the shell's 127",
    Effect.gen(function*() {
      const self = yield* job("no-such-command")
      yield* equal("exitStatus", { ...(yield* Container.exitStatus(self)) }, { ...exited(127) })
    })
  ),
  it(
    "out of memory",
    Effect.gen(function*() {
      yield* needs(
        "memoryLimit",
        Container.memory(yield* job(["tail", "/dev/zero"]), "24 MiB"),
        (self) =>
          mostly(
            "it may miss that memory ran out",
            Effect.gen(function*() {
              const { image, ways = [] } = yield* Fixture
              const isSaid = !ways.includes("it never says that memory ran out")
              yield* equal("the error", yield* failsWithCode(self, isSaid ? ["out of memory"] : []), {
                image,
                code: 137,
                signal: "SIGKILL",
                oomKilled: isSaid,
                stdout: "",
                stderr: ""
              })
              yield* equal(
                "exitStatus",
                { ...(yield* Container.exitStatus(self)) },
                { ...isSaid ? new ExitStatus.OomKilled() : new ExitStatus.Killed({ signal: "SIGKILL" }) }
              )
            })
          )
      )
    })
  ),
  it(
    "an expected code is no failure",
    Effect.gen(function*() {
      const self = Container.expect(yield* job("echo out; exit 3"), [0, 3])
      const done = yield* Container.run(self)
      yield* equal("exit and output", [{ ...done.exit }, done.logs.text], [{ ...exited(3) }, "out\n"])
      yield* equal("string", yield* Container.string(self), "out\n")
    })
  ),
  it(
    "0 is a failure when it is not expected",
    Effect.gen(function*() {
      yield* fails(Container.run(Container.expect(yield* job("exit 0"), [3])), {
        tag: "ExitCode",
        names: ["exit-code 0"]
      })
    })
  ),
  it(
    "a failing run leaves nothing",
    Effect.gen(function*() {
      const { container, found } = yield* Effect.flatMap(job("exit 1"), tracked)
      yield* fails(Container.run(container), { tag: "ExitCode" })
      yield* willBeGone(found)
    })
  ),
  it(
    "a run with a name leaves nothing, at once",
    Effect.gen(function*() {
      const { container, found } = yield* Effect.flatMap(job("exit 0"), tracked)
      const { name } = yield* Effect.map(Effect.sync(() => crypto.randomUUID()), (id) => ({ name: `efc-${id}` }))
      yield* Container.run(Container.name(container, name))
      yield* isGone(found)
      yield* Container.run(Container.name(container, name))
    })
  ),
  it(
    "8 runs at once",
    Effect.gen(function*() {
      const { capabilities: { stdin } } = yield* Backend
      const script = `${stdin ? "read line" : "line=\"line $N\""}; echo "$N $line"; exit $N`
      const { container, found } = yield* Effect.flatMap(job(script), tracked)
      const codes = yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], (n) =>
        container.pipe(
          Container.variable("N", String(n)),
          stdin ? Container.stdin(`line ${n}\n`) : (self) => self,
          Container.expect([n]),
          Container.run,
          Effect.map(({ logs }) => logs.text)
        ), { concurrency: "unbounded" })
      yield* equal("outputs", codes, [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `${n} line ${n}\n`))
      yield* willBeGone(found)
    })
  )
]
