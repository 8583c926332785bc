import { dual } from "effect/Function"
import { type Container, type Device, isContainer, set } from "./description.ts"
import type { LinuxCapability } from "./linuxCapability.ts"

/**
 * Whether the root file system can only be read. Default `false`.
 *
 * @category security
 * @since 0.1.0
 */
export const readOnlyRoot: {
  (readOnlyRoot: boolean): (self: Container) => Container
  (self: Container, readOnlyRoot: boolean): Container
} = dual(2, (self: Container, readOnlyRoot: boolean) => set(self, { readOnlyRoot }))

/**
 * Whether it gets nearly all of what root on the engine's host may do. Default `false`, and for good reasons.
 *
 * @category security
 * @since 0.1.0
 */
export const privileged: {
  (privileged: boolean): (self: Container) => Container
  (self: Container, privileged: boolean): Container
} = dual(2, (self: Container, privileged: boolean) => set(self, { privileged }))

/**
 * Gives it Linux capabilities (capabilities(7)) on top of the engine's default ones, by their names without `CAP_`;
 * `"ALL"` gives all. Wins over {@link capDrop} of `"ALL"`.
 *
 * @category security
 * @since 0.1.0
 */
export const capAdd: {
  (...names: ReadonlyArray<LinuxCapability | "ALL">): (self: Container) => Container
  (self: Container, ...names: ReadonlyArray<LinuxCapability | "ALL">): Container
} = dual(
  (args) => isContainer(args[0]),
  (self: Container, ...names: ReadonlyArray<LinuxCapability | "ALL">) =>
    set(self, { capAdd: [...self.options.capAdd ?? [], ...names] })
)

/**
 * Takes Linux capabilities (capabilities(7)) away that the engine gives by default, by their names without `CAP_`; `"ALL"`
 * takes all but those that {@link capAdd} names.
 *
 * **Example** (Nothing but what a web server needs)
 *
 * ```ts import.meta.vitest
 * import { Container } from "effect-containers"
 *
 * const server = Container.make("nginx").pipe(
 *   Container.capDrop("ALL"),
 *   Container.capAdd("NET_BIND_SERVICE", "SETUID", "SETGID")
 * )
 * server.options.capDrop // => ["ALL"]
 * ```
 *
 * @category security
 * @since 0.1.0
 */
export const capDrop: {
  (...names: ReadonlyArray<LinuxCapability | "ALL">): (self: Container) => Container
  (self: Container, ...names: ReadonlyArray<LinuxCapability | "ALL">): Container
} = dual(
  (args) => isContainer(args[0]),
  (self: Container, ...names: ReadonlyArray<LinuxCapability | "ALL">) =>
    set(self, { capDrop: [...self.options.capDrop ?? [], ...names] })
)

/**
 * Whether none of its processes can ever get more rights than it was started with, be it by a set-user-ID program or by
 * file capabilities (`PR_SET_NO_NEW_PRIVS` of prctl(2)). Default `false`.
 *
 * @category security
 * @since 0.1.0
 */
export const noNewPrivileges: {
  (noNewPrivileges: boolean): (self: Container) => Container
  (self: Container, noNewPrivileges: boolean): Container
} = dual(2, (self: Container, noNewPrivileges: boolean) => set(self, { noNewPrivileges }))

/**
 * Gives it a device of the engine's host, by the absolute path of its node. Default: under the same path, to be read,
 * written and made (`"rwm"`).
 *
 * @category security
 * @since 0.1.0
 */
export const device: {
  (path: string, options?: Partial<Omit<Device, "source">>): (self: Container) => Container
  (self: Container, path: string, options?: Partial<Omit<Device, "source">>): Container
} = dual(
  (args) => isContainer(args[0]),
  (self: Container, source: string, options?: Partial<Omit<Device, "source">>) =>
    set(self, {
      devices: [...self.options.devices ?? [], { target: source, access: "rwm", ...options, source }]
    })
)

/** Of most systems: the user and group that own nothing. */
const nobody = "65534:65534"

/**
 * A preset for code that nobody trusts: no network, a root file system that can only be read with 64 MiB of memory at
 * `/tmp` to write to, a user that owns nothing, no capability, no way to new privileges, the engine's own filter of system
 * calls, no device, and limits: 512 MiB of memory and no swap, one CPU, 128 processes, 60 seconds, and 1 MiB of output that
 * is kept. What is set after it holds over it. What was mounted into the container before stays as it was.
 *
 * It is as safe as the engine's kernel: for more, give the engine a runtime with a kernel of its own. `SECURITY.md` says
 * what each of these keeps out.
 *
 * **Example** (A submission that may take 10 seconds)
 *
 * ```ts import.meta.vitest
 * import { Container } from "effect-containers"
 *
 * const submission = Container.make("gcc:14").pipe(
 *   Container.untrusted,
 *   Container.timeLimit("10 seconds"),
 *   Container.command("cc -o /tmp/a /src/a.c && /tmp/a")
 * )
 * submission.options.networks // => [{ name: "none", aliases: [] }]
 * ```
 *
 * @category security
 * @since 0.1.0
 */
export const untrusted = (self: Container): Container =>
  set(self, {
    networks: [{ name: "none", aliases: [] }],
    ports: [],
    readOnlyRoot: true,
    tmpfs: [
      ...self.options.tmpfs.filter(({ target }) => target !== "/tmp"),
      ...self.options.volumes.some(({ target }) => target === "/tmp")
        ? []
        : [{ target: "/tmp", size: "64 MiB" as const }]
    ],
    user: nobody,
    privileged: false,
    devices: [],
    gpus: undefined,
    seccomp: undefined,
    apparmor: undefined,
    selinux: undefined,
    oomScoreAdj: undefined,
    capAdd: [],
    capDrop: ["ALL"],
    noNewPrivileges: true,
    memory: "512 MiB",
    memorySwap: 0,
    cpus: 1,
    pids: 128,
    timeLimit: "60 seconds",
    outputLimit: "1 MiB"
  })
