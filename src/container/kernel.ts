import type * as ByteSize from "effect/ByteSize"
import { dual } from "effect/Function"
import type { Ulimit, UlimitName } from "../ContainerConfig.ts"
import { type Container, set } from "./description.ts"

/** A limit, or what holds now and what a process can raise it to. */
type Limit = Ulimit["soft"] | Pick<Ulimit, "soft" | "hard">

/**
 * A limit of each of its processes by itself, those of `exec` among them, as setrlimit(2) has it and in its units: bytes
 * for `core`, `data`, `fsize`, `memlock`, `msgqueue`, `rss` and `stack`, seconds for `cpu`, microseconds for `rttime`, a
 * number of things for the others. One number is both the soft and the hard limit. Set twice, the last one wins. Default:
 * the engine's own.
 *
 * **Example** (Many open files, and no core dumps)
 *
 * ```ts import.meta.vitest
 * import { Container } from "effect-containers"
 *
 * const server = Container.make("nginx").pipe(
 *   Container.ulimit("nofile", { soft: 1024, hard: 65_536 }),
 *   Container.ulimit("core", 0)
 * )
 * server.options.ulimits // => [{ name: "nofile", soft: 1024, hard: 65536 }, { name: "core", soft: 0, hard: 0 }]
 * ```
 *
 * @category limits
 * @since 0.1.0
 */
export const ulimit: {
  (name: UlimitName, limit: Limit): (self: Container) => Container
  (self: Container, name: UlimitName, limit: Limit): Container
} = dual(3, (self: Container, name: UlimitName, limit: Limit) => {
  const { hard, soft } = typeof limit === "object" ? limit : { soft: limit, hard: limit }
  return set(self, { ulimits: [...self.options.ulimits ?? [], { name, soft, hard }] })
})

/**
 * How much `/dev/shm` holds, the memory that its processes share by shm_open(3): bytes, or `"256 MiB"`. Default: the
 * engine's, 64 MiB on most. What is in it counts as memory.
 *
 * @category limits
 * @since 0.1.0
 */
export const shmSize: {
  (size: ByteSize.Input): (self: Container) => Container
  (self: Container, size: ByteSize.Input): Container
} = dual(2, (self: Container, shmSize: ByteSize.Input) => set(self, { shmSize }))

/**
 * How soon the kernel kills its processes when the machine has no memory left, against all others of the machine: from
 * -1000 (never) to 1000 (first), see `oom_score_adj` of proc(5). Default: the engine's, 0 on most. Less than the engine
 * itself has is only for engines that run as root.
 *
 * @category limits
 * @since 0.1.0
 */
export const oomScoreAdj: {
  (score: number): (self: Container) => Container
  (self: Container, score: number): Container
} = dual(2, (self: Container, oomScoreAdj: number) => set(self, { oomScoreAdj }))

/**
 * A setting of the kernel (sysctl(8)) that holds in the container alone, by its name with dots. Those are `net.*`, which
 * need a network of the container's own, `fs.mqueue.*`, `kernel.domainname`, and what `kernel.*` has for System V IPC
 * (`msgmax`, `msgmnb`, `msgmni`, `sem`, `shmall`, `shmmax`, `shmmni`, `shm_rmid_forced`); any other would hold for the whole
 * machine and is refused with `ContainerOptions`. Set twice, the last one wins.
 *
 * @category limits
 * @since 0.1.0
 */
export const sysctl: {
  (name: string, value: string): (self: Container) => Container
  (self: Container, name: string, value: string): Container
} = dual(
  3,
  (self: Container, name: string, value: string) =>
    set(self, { sysctls: [...self.options.sysctls ?? [], [name, value]] })
)
