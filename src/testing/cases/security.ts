import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Backend } from "../../Backend.ts"
import * as Container from "../../Container.ts"
import type * as Errors from "../../Errors.ts"
import { type Case, group, isGone, job, needs, part, tracked, willBeGone } from "../case.ts"
import { equal, fails, holds, isFailure } from "../expect.ts"
import { Fixture } from "../fixture.ts"

const it = group("security")

/** The capabilities that no process of the container can ever have more than: a mask of their numbers. */
const bounding = "grep CapBnd /proc/self/status"

const maskOf = (status: string): bigint => BigInt(`0x${/CapBnd:\s*([0-9a-f]+)/.exec(status)?.[1] ?? "0"}`)

const CHOWN = 1n
const NET_ADMIN = 1n << 12n

const mask = (
  what: string,
  options: (self: Container.Container) => Container.Container,
  holdsFor: (mask: bigint) => boolean
) =>
  it(
    what,
    Effect.flatMap(job(bounding), (self) =>
      needs("linuxCapabilities", options(self), (self) =>
        Effect.flatMap(Container.string(self), (status) =>
          holds(what, holdsFor(maskOf(status)), status))))
  )

const ends = (error: Errors.ExitCode | { readonly _tag: string }): error is Errors.ExitCode => error._tag === "ExitCode"

/** What it takes to confine code that nobody trusts. */
const untrusted = [
  "linuxCapabilities",
  "noNewPrivileges",
  "noNetwork",
  "memoryLimit",
  "cpuLimit",
  "pidsLimit"
] as const

/** What somebody tries from inside, and what he gets to see. */
const attempt = (what: string, script: string, expected: string) =>
  it(
    `code that nobody trusts ${what}`,
    Effect.flatMap(job(script), (self) =>
      needs(untrusted, Container.untrusted(self), (self) =>
        Effect.flatMap(Container.string(self), (text) =>
          equal(what, text, expected))))
  )

export const cases: ReadonlyArray<Case> = [
  mask("no capability is left when all are dropped", Container.capDrop("ALL"), (mask) => mask === 0n),
  mask(
    "what is added to nothing is all there is",
    (self) => self.pipe(Container.capDrop("ALL"), Container.capAdd("CHOWN")),
    (mask) => mask === CHOWN
  ),
  mask(
    "one of the usual capabilities is dropped",
    Container.capDrop("CHOWN"),
    (mask) => mask !== 0n && (mask & CHOWN) === 0n
  ),
  mask(
    "a capability is added to the usual ones",
    Container.capAdd("NET_ADMIN"),
    (mask) => (mask & NET_ADMIN) !== 0n && (mask & CHOWN) !== 0n
  ),
  it(
    "no new privileges",
    Effect.gen(function*() {
      yield* needs(
        "noNewPrivileges",
        Container.noNewPrivileges(yield* job("grep NoNewPrivs /proc/self/status"), true),
        (
          self
        ) => Effect.flatMap(Container.string(self), (text) => equal("the kernel's word", text, "NoNewPrivs:\t1\n"))
      )
    })
  ),
  it(
    "a further process has no more rights than the container",
    Effect.gen(function*() {
      const backend = yield* Backend
      const self = Container.untrusted(yield* job(["sleep", "600"]))
      yield* needs(untrusted, self, (self) =>
        Effect.gen(function*() {
          const { id } = yield* Container.start(self)
          const asked = backend.exec(id, {
            command: ["/bin/sh", "-c", `grep NoNewPrivs /proc/self/status; ${bounding}`],
            env: [],
            tty: false,
            stdin: false
          })
          yield* part(
            "exec",
            asked,
            Effect.gen(function*() {
              const { output } = yield* asked
              const text = yield* output.pipe(
                Stream.map(({ bytes }) => bytes),
                Stream.decodeText,
                Stream.mkString
              )
              yield* equal("the kernel's word", text, "NoNewPrivs:\t1\nCapBnd:\t0000000000000000\n")
            })
          )
        }))
    })
  ),
  it(
    "a filter of system calls",
    Effect.gen(function*() {
      const self = Container.seccomp(
        yield* job("mkdir /tmp/a 2>/dev/null || echo refused; echo x > /tmp/b; cat /tmp/b"),
        {
          defaultAction: "SCMP_ACT_ALLOW",
          syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }]
        }
      )
      yield* needs(
        "seccomp",
        self,
        (self) => Effect.flatMap(Container.string(self), (text) => equal("what it may do", text, "refused\nx\n"))
      )
    })
  ),
  it(
    "no filter of system calls",
    Effect.gen(function*() {
      const self = yield* job("grep Seccomp: /proc/self/status")
      const asked = Container.string(Container.seccomp(self, "unconfined"))
      const { ways = [] } = yield* Fixture
      yield* ways.includes("it always has its own filter of system calls")
        ? fails(asked, { tag: "ContainerCreate", reason: "Unsupported", names: ["seccomp"] })
        : Effect.flatMap(asked, (text) => equal("the kernel's word", text, "Seccomp:\t0\n"))
    })
  ),
  it(
    "a profile of AppArmor that the host has not got",
    Effect.gen(function*() {
      yield* needs(
        "apparmor",
        Container.apparmor(yield* job(["true"]), "efc-no-such-profile"),
        (self) =>
          Effect.gen(function*() {
            const { container, found } = yield* tracked(self)
            // A host without AppArmor has no profile at all.
            yield* fails(Container.run(container), { names: ["apparmor"] })
            yield* isGone(found)
          })
      )
    })
  ),
  it(
    "a label of SELinux, or its refusal",
    Effect.gen(function*() {
      yield* needs(
        "selinux",
        Container.selinux(yield* job("cat /proc/self/attr/current"), "level:s0:c7"),
        (self) =>
          Container.string(self).pipe(
            Effect.flatMap((label) => holds("the kernel's word", label.includes("s0:c7"), label)),
            Effect.catchTag(
              "ContainerCreate",
              (error) => isFailure(error, { reason: "Unsupported", names: ["selinux"] })
            )
          )
      )
    })
  ),
  it(
    "a runtime of one's own choice",
    Effect.gen(function*() {
      yield* needs(
        "runtime",
        Container.runtime(yield* job("echo hello"), "runc"),
        (self) => Effect.flatMap(Container.string(self), (text) => equal("what it writes", text, "hello\n"))
      )
    })
  ),
  it(
    "a runtime that the engine has not got",
    Effect.gen(function*() {
      yield* needs(
        "runtime",
        Container.runtime(yield* job(["true"]), "efc-no-such-runtime"),
        (self) =>
          Effect.gen(function*() {
            const { container, found } = yield* tracked(self)
            yield* fails(Container.run(container), { names: ["efc-no-such-runtime"] })
            yield* willBeGone(found)
          })
      )
    })
  ),
  it(
    "a GPU",
    Effect.gen(function*() {
      yield* needs("gpus", Container.gpus(yield* job(["true"]), "all"), (self) =>
        Effect.gen(function*() {
          const { container, found } = yield* tracked(self)
          // Whether there is one is the machine's: without, the engine says what it has looked for.
          yield* Effect.catch(Container.run(container), (error) => isFailure(error, { names: ["gpu"] }))
          yield* willBeGone(found)
        }))
    })
  ),
  it(
    "a device of the host under another name",
    Effect.gen(function*() {
      const self = Container.device(yield* job("head -c 4 /dev/efc-zero | wc -c"), "/dev/zero", {
        target: "/dev/efc-zero"
      })
      yield* needs(
        "devices",
        self,
        (self) => Effect.flatMap(Container.string(self), (text) => equal("bytes read", text, "4\n"))
      )
    })
  ),
  it(
    "a device that the host does not have",
    Effect.gen(function*() {
      yield* needs(
        "devices",
        Container.device(yield* job(["true"]), "/dev/efc-no-such-device"),
        (self) => fails(Container.run(self), { names: ["/dev/efc-no-such-device"] })
      )
    })
  ),
  attempt("is nobody", "id -u; id -g", "65534\n65534\n"),
  attempt("sees no network", "ls /sys/class/net", "lo\n"),
  attempt(
    "cannot write but to /tmp",
    "echo x > /file || echo refused; echo kept > /tmp/file; cat /tmp/file",
    "refused\nkept\n"
  ),
  attempt("has no capability", bounding, "CapBnd:\t0000000000000000\n"),
  it(
    "code that nobody trusts has the engine's filter of system calls, whatever was said before",
    Effect.flatMap(job("grep Seccomp: /proc/self/status"), (self) =>
      needs(
        untrusted,
        self.pipe(Container.seccomp("unconfined"), Container.untrusted),
        (self) => Effect.flatMap(Container.string(self), (text) => equal("the kernel's word", text, "Seccomp:\t2\n"))
      ))
  ),
  attempt("gets no new privileges", "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1\n"),
  attempt(
    "is limited in memory",
    "cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes",
    "536870912\n"
  ),
  attempt(
    "is limited in processes",
    "cat /sys/fs/cgroup/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids/pids.max",
    "128\n"
  ),
  attempt(
    "is limited in time of a CPU",
    "cat /sys/fs/cgroup/cpu.max 2>/dev/null || "
      + "echo $(cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us) $(cat /sys/fs/cgroup/cpu/cpu.cfs_period_us)",
    "100000 100000\n"
  ),
  it(
    "code that nobody trusts is ended when its time is over",
    Effect.gen(function*() {
      const self = (yield* job("echo early; sleep 600")).pipe(Container.untrusted, Container.timeLimit("2 seconds"))
      yield* needs(untrusted, self, (self) =>
        Effect.gen(function*() {
          const error = yield* fails(Container.run(self), { tag: "ExitCode", names: ["time limit"] })
          yield* equal("what it wrote until then", ends(error) && error.logs.stdoutText, "early\n")
          yield* equal("that it was its time", ends(error) && error.timedOut, true)
        }))
    })
  ),
  it(
    "code that nobody trusts is not kept with all that it writes",
    Effect.gen(function*() {
      const self = Container.untrusted(yield* job("head -c 4000000 /dev/zero; echo end"))
      yield* needs(untrusted, self, (self) =>
        Effect.gen(function*() {
          const { logs } = yield* Container.run(self)
          yield* holds("at most 1 MiB is kept", logs.text.length <= 1024 * 1024, logs.text.length)
          yield* equal("its end", logs.text.slice(-4), "end\n")
        }))
    })
  ),
  it(
    "a container that is started is ended when its time is over",
    Effect.gen(function*() {
      const handle = yield* Container.start(Container.timeLimit(yield* job(["sleep", "600"]), "1 second"))
      const exit = yield* handle.exitStatus
      yield* equal("how it ended", exit._tag === "Killed" ? exit.signal : exit._tag, "SIGKILL")
    })
  ),
  it(
    "one that outlives its program cannot have a time limit",
    Effect.gen(function*() {
      const self = Container.timeLimit(yield* job(["sleep", "600"]), "1 second")
      yield* fails(Container.start(self, { detach: true }), { tag: "ContainerOptions", field: "timeLimit" })
    })
  )
]
