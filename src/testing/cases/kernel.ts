import * as Effect from "effect/Effect"
import type { Capabilities } from "../../Capabilities.ts"
import * as Container from "../../Container.ts"
import { type Case, group, job, needs, part } from "../case.ts"
import { equal } from "../expect.ts"
import { Fixture } from "../fixture.ts"

const it = group("kernel")

/** What a process of the container gets to see. */
const seen = (
  name: string,
  capability: keyof Capabilities,
  script: string,
  options: (self: Container.Container) => Container.Container,
  expected: string
) =>
  it(
    name,
    Effect.flatMap(job(script), (self) =>
      needs(capability, options(self), (self) =>
        Effect.flatMap(Container.string(self), (text) =>
          equal("what the process sees", text, expected))))
  )

/** A control group's file: by its name of version 2, else of version 1. */
const either = (second: string, first: string): string =>
  `cat /sys/fs/cgroup/${second} 2>/dev/null || cat /sys/fs/cgroup/${first}`

/**
 * With limits of the two that an older Podman raises as soon as there is a limit of anything, which not every machine lets it.
 */
const limited = (self: Container.Container): Container.Container =>
  self.pipe(Container.ulimit("nproc", 4096), Container.ulimit("nofile", 512))

const openFiles = "echo $(ulimit -Sn) $(ulimit -Hn)"

export const cases: ReadonlyArray<Case> = [
  seen(
    "a limit of open files, soft and hard",
    "ulimits",
    openFiles,
    (self) => Container.ulimit(limited(self), "nofile", { soft: 300, hard: 400 }),
    "300 400\n"
  ),
  seen(
    "of two limits of one name the last holds",
    "ulimits",
    openFiles,
    (self) => limited(self).pipe(Container.ulimit("nofile", 300), Container.ulimit("nofile", 200)),
    "200 200\n"
  ),
  seen(
    "no limit",
    "ulimits",
    "echo $(ulimit -Sc) $(ulimit -Hc)",
    (self) => Container.ulimit(limited(self), "core", "unlimited"),
    "unlimited unlimited\n"
  ),
  it(
    "a further process has the same limits",
    Effect.gen(function*() {
      const self = limited(yield* job(["sleep", "600"])).pipe(
        Container.ulimit("nofile", { soft: 300, hard: 400 }),
        Container.ulimit("core", "unlimited")
      )
      yield* needs("ulimits", self, (self) =>
        Effect.gen(function*() {
          const container = yield* Container.start(self)
          const asked = Container.execString(container, `${openFiles} $(ulimit -Hc)`)
          yield* part(
            "exec",
            asked,
            Effect.gen(function*() {
              const { ways = [] } = yield* Fixture
              const text = yield* asked
              // On a busy machine it does so each time.
              const isRaised = ways.includes("it may raise a further process's limit of open files") &&
                text === "400 400 unlimited\n"
              yield* equal("what the process sees", isRaised ? "300 400 unlimited\n" : text, "300 400 unlimited\n")
            })
          )
        }))
    })
  ),
  seen(
    "the size of shared memory",
    "shmSize",
    "grep ' /dev/shm ' /proc/mounts | grep -c size=32768k",
    Container.shmSize("32 MiB"),
    "1\n"
  ),
  seen(
    "how soon it is killed when the machine is out of memory",
    "oomScoreAdj",
    "cat /proc/self/oom_score_adj",
    Container.oomScoreAdj(500),
    "500\n"
  ),
  it(
    "memory, and swap on top",
    Effect.gen(function*() {
      const script = either("memory.swap.max", "memory/memory.memsw.limit_in_bytes")
      yield* needs(
        ["memoryLimit", "swapLimit"],
        Container.memory(yield* job(script), "64 MiB", { swap: "32 MiB" }),
        (self) =>
          Effect.flatMap(Container.string(self), (text) =>
            // Version 2 counts swap alone, version 1 both together.
            equal("32 MiB of swap", text === "33554432\n" || text === "100663296\n" ? "32 MiB" : text, "32 MiB"))
      )
    })
  ),
  it(
    "memory that it is left when there is little",
    Effect.gen(function*() {
      const script = either("memory.low", "memory/memory.soft_limit_in_bytes")
      yield* needs(
        ["memoryLimit", "memoryReservation"],
        Container.memory(yield* job(script), "64 MiB", { reservation: "32 MiB" }),
        (self) => Effect.flatMap(Container.string(self), (text) => equal("32 MiB", text, "33554432\n"))
      )
    })
  ),
  seen(
    "the CPUs that it may run on",
    "cpuShares",
    "grep Cpus_allowed_list: /proc/self/status",
    Container.cpuset([0]),
    "Cpus_allowed_list:\t0\n"
  ),
  it(
    "its part of the CPUs",
    Effect.gen(function*() {
      const self = Container.cpuShares(yield* job(either("cpu.weight", "cpu/cpu.shares")), 262_144)
      yield* needs("cpuShares", self, (self) =>
        Effect.flatMap(Container.string(self), (text) =>
          // A weight goes up to 10000, shares to 262144: the greatest is the same in both.
          equal("the greatest there is", text === "10000\n" || text === "262144\n" ? "greatest" : text, "greatest")))
    })
  ),
  seen(
    "a setting of its network",
    "sysctls",
    "cat /proc/sys/net/ipv4/ip_unprivileged_port_start",
    Container.sysctl("net.ipv4.ip_unprivileged_port_start", "1000"),
    "1000\n"
  ),
  seen(
    "a setting of its messages",
    "sysctls",
    "cat /proc/sys/kernel/msgmax",
    Container.sysctl("kernel.msgmax", "4096"),
    "4096\n"
  )
]
