import * as Effect from "effect/Effect"
import type { Capabilities } from "../../Capabilities.ts"
import * as Container from "../../Container.ts"
import { type Case, group, isGone, job, needs, tracked } from "../case.ts"
import { equal, fails, holds } from "../expect.ts"

const it = group("limits and network")

/** A control group's file: by its name of version 2, else of version 1. */
const shown = (
  capability: keyof Capabilities,
  script: string,
  options: (self: Container.Container) => Container.Container,
  expected: string
) =>
  Effect.gen(function*() {
    yield* needs(capability, options(yield* job(script)), (self) =>
      Effect.flatMap(Container.string(self), (text) =>
        equal("what the process sees", text, expected)))
  })

const either = (second: string, first: string): string =>
  `cat /sys/fs/cgroup/${second} 2>/dev/null || cat /sys/fs/cgroup/${first}`

export const cases: ReadonlyArray<Case> = [
  it(
    "memory",
    shown("memoryLimit", either("memory.max", "memory/memory.limit_in_bytes"), Container.memory("64 MiB"), "67108864\n")
  ),
  it(
    "cpus",
    shown(
      "cpuLimit",
      "cat /sys/fs/cgroup/cpu.max 2>/dev/null || "
        + "echo $(cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us) $(cat /sys/fs/cgroup/cpu/cpu.cfs_period_us)",
      Container.cpus(0.5),
      "50000 100000\n"
    )
  ),
  it("processes", shown("pidsLimit", either("pids.max", "pids/pids.max"), Container.pids(32), "32\n")),
  it(
    "no network",
    Effect.flatMap(
      job("ls /sys/class/net"),
      (self) =>
        needs(
          "noNetwork",
          Container.network(self, "none"),
          (self) => Effect.flatMap(Container.string(self), (text) => equal("interfaces", text, "lo\n"))
        )
    )
  ),
  it(
    "a network that is not there",
    Effect.gen(function*() {
      const self = Container.network(yield* job(["true"]), "efc-no-such-network")
      yield* needs("bridgeNetworks", self, (self) =>
        Effect.gen(function*() {
          const { container, found } = yield* tracked(self)
          yield* Effect.scoped(
            // Some engines find out when they make it, and say that what was asked is not valid.
            fails(Container.start(container), { names: ["efc-no-such-network"] }).pipe(
              Effect.flatMap((error) => {
                const reason = "reason" in error ? error.reason._tag : ""
                return holds("its reason", reason === "NotFound" || reason === "InvalidArgument", reason)
              })
            )
          )
          yield* isGone(found)
        }))
    })
  ),
  it(
    "a port gets one of the engine's host",
    Effect.gen(function*() {
      yield* needs(
        ["ports", "portAddresses"],
        Container.port(yield* job(["sleep", "600"]), 8080),
        (self) =>
          Effect.gen(function*() {
            const { ports } = yield* Effect.flatMap(Container.start(self), ({ inspect }) => inspect)
            yield* equal(
              "ports",
              ports.map(({ containerPort, hostIp, protocol }) => [containerPort, protocol, hostIp]),
              [
                [8080, "tcp", "127.0.0.1"]
              ]
            )
            yield* holds("a port was chosen", ports.every(({ hostPort }) => hostPort > 0), ports)
          })
      )
    })
  ),
  it(
    "another platform than the engine has",
    Effect.gen(function*() {
      yield* needs(
        "platforms",
        Container.platform(yield* job(["true"]), "linux/s390x"),
        (self) =>
          Effect.gen(function*() {
            const { container, found } = yield* tracked(self)
            yield* fails(Container.run(container), { tag: "ContainerCreate", reason: "NotFound", names: ["s390x"] })
            yield* isGone(found)
          })
      )
    })
  )
]
