import { dual } from "effect/Function"
import type { SeccompProfile } from "../ContainerConfig.ts"
import { type Container, isContainer, set } from "./description.ts"

/**
 * Which system calls it may make: a profile as the OCI runtime specification has it (`linux.seccomp`), or `"unconfined"` for
 * no filter. Default: the engine's filter, which keeps out what programs do not need. Holds over what {@link capAdd} would
 * change in the engine's filter.
 *
 * **Example** (Everything but making directories)
 *
 * ```ts import.meta.vitest
 * import { Container } from "effect-containers"
 *
 * const job = Container.make("alpine").pipe(Container.seccomp({
 *   defaultAction: "SCMP_ACT_ALLOW",
 *   syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }]
 * }))
 * job.options.seccomp !== "unconfined" && job.options.seccomp?.defaultAction // => "SCMP_ACT_ALLOW"
 * ```
 *
 * @category security
 * @since 0.1.0
 */
export const seccomp: {
  (profile: "unconfined" | SeccompProfile): (self: Container) => Container
  (self: Container, profile: "unconfined" | SeccompProfile): Container
} = dual(2, (self: Container, seccomp: "unconfined" | SeccompProfile) => set(self, { seccomp }))

/**
 * What AppArmor lets it do: the name of a profile that the engine's host has loaded, or `"unconfined"`. Default: the
 * engine's. An engine whose host has no AppArmor refuses a profile with `Unsupported`.
 *
 * @category security
 * @since 0.1.0
 */
export const apparmor: {
  (profile: string): (self: Container) => Container
  (self: Container, profile: string): Container
} = dual(2, (self: Container, apparmor: string) => set(self, { apparmor }))

/**
 * What SELinux takes it for, as Docker's `--security-opt label=` has it: `user:USER`, `role:ROLE`, `type:TYPE`,
 * `level:LEVEL`, or `disable`. Default: the engine's. An engine whose host has no SELinux refuses a label with `Unsupported`.
 *
 * @category security
 * @since 0.1.0
 */
export const selinux: {
  (...labels: ReadonlyArray<string>): (self: Container) => Container
  (self: Container, ...labels: ReadonlyArray<string>): Container
} = dual(
  (args) => isContainer(args[0]),
  (self: Container, ...labels: ReadonlyArray<string>) =>
    set(self, { selinux: [...self.options.selinux ?? [], ...labels] })
)

/**
 * What runs it, in the place of the engine's own runtime, such as one with a kernel of its own. On Docker by the name under
 * which the daemon has it (`"runsc"`); on containerd `"runc"`, `"runsc"`, or the name of a shim
 * (`"io.containerd.kata.v2"`). A runtime that the engine does not have fails its creation or its start.
 *
 * @category security
 * @since 0.1.0
 */
export const runtime: {
  (name: string): (self: Container) => Container
  (self: Container, name: string): Container
} = dual(2, (self: Container, runtime: string) => set(self, { runtime }))

/**
 * Gives it GPUs of the engine's host: all, so many, or those of these ids, as Docker's `--gpus` does. It needs a runtime on
 * the host that knows how to (NVIDIA's); without, its start fails.
 *
 * **Example** (The first two)
 *
 * ```ts import.meta.vitest
 * import { Container } from "effect-containers"
 *
 * Container.gpus(Container.make("trainer"), ["0", "1"]).options.gpus // => ["0", "1"]
 * ```
 *
 * @category security
 * @since 0.1.0
 */
export const gpus: {
  (gpus: "all" | number | ReadonlyArray<string>): (self: Container) => Container
  (self: Container, gpus: "all" | number | ReadonlyArray<string>): Container
} = dual(2, (self: Container, gpus: "all" | number | ReadonlyArray<string>) => set(self, { gpus }))
