/**
 * What an engine is asked to create: a container's description after `Container` has checked and completed it. Plain
 * data, the same for every engine; whoever writes an engine reads it, whoever uses one never sees it.
 *
 * @since 0.1.0
 */
import type * as Redacted from "effect/Redacted"

/**
 * A file or directory of the engine's host, mounted into the container.
 *
 * @category models
 * @since 0.1.0
 */
export interface BindMount {
  readonly type: "bind"
  /** Absolute path on the engine's host. Must exist: an engine fails `InvalidArgument` or `NotFound` when it does not. */
  readonly source: string
  /** Absolute path in the container. */
  readonly target: string
  readonly readOnly: boolean
}

/**
 * A volume that the engine keeps.
 *
 * @category models
 * @since 0.1.0
 */
export interface VolumeMount {
  readonly type: "volume"
  /** Its name. */
  readonly source: string
  readonly target: string
  readonly readOnly: boolean
}

/**
 * A file system in memory that goes with the container.
 *
 * @category models
 * @since 0.1.0
 */
export interface TmpfsMount {
  readonly type: "tmpfs"
  readonly target: string
  /** Its limit in bytes; the engine's own default without. */
  readonly size?: number | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export type Mount = BindMount | VolumeMount | TmpfsMount

/**
 * A port of the container made reachable on the engine's host.
 *
 * @category models
 * @since 0.1.0
 */
export interface PortBinding {
  readonly containerPort: number
  readonly protocol: "tcp" | "udp"
  /** Address of the host to listen on. Default `"127.0.0.1"`. */
  readonly hostIp: string
  /** 0: a free one of the engine's choice. */
  readonly hostPort: number
}

/**
 * A network that a container is in.
 *
 * @category models
 * @since 0.1.0
 */
export interface NetworkAttachment {
  /** `"none"`, `"host"`, or the name of a network. */
  readonly name: string
  /** By which others in it find the container, besides its name. */
  readonly aliases: ReadonlyArray<string>
}

/**
 * What setrlimit(2) limits, by Docker's names for it.
 *
 * @category models
 * @since 0.1.0
 */
export type UlimitName =
  | "core"
  | "cpu"
  | "data"
  | "fsize"
  | "locks"
  | "memlock"
  | "msgqueue"
  | "nice"
  | "nofile"
  | "nproc"
  | "rss"
  | "rtprio"
  | "rttime"
  | "sigpending"
  | "stack"

/**
 * A limit of each process by itself, as setrlimit(2) has it, in the units that it has there.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ulimit {
  readonly name: UlimitName
  /** What holds now. The process itself can raise it as far as {@link hard}. */
  readonly soft: number | "unlimited"
  readonly hard: number | "unlimited"
}

/**
 * Limits. What is absent is not limited.
 *
 * @category models
 * @since 0.1.0
 */
export interface Resources {
  /** Bytes of memory. */
  readonly memory?: number | undefined
  /** Bytes of memory and swap together; -1 for no limit. */
  readonly memorySwap?: number | undefined
  /** Bytes of memory that it is left when the machine has little. */
  readonly memoryReservation?: number | undefined
  /** How many CPUs' worth of time: 1.5 is one and a half. */
  readonly cpus?: number | undefined
  /** Its part of the CPUs' time when there is not enough for all: 1024 is everybody's, twice that is twice as much. */
  readonly cpuShares?: number | undefined
  /** The CPUs that it may run on, as cpuset(7) lists them: `0-2,4`. */
  readonly cpuset?: string | undefined
  /** How many processes and threads at most. */
  readonly pids?: number | undefined
  /** Bytes of `/dev/shm`. The engine's own default without. */
  readonly shmSize?: number | undefined
  /** -1000 to 1000: how soon the kernel kills it when the machine has no memory left. */
  readonly oomScoreAdj?: number | undefined
  /** Of its first process and of each further one. Each name once. */
  readonly ulimits?: ReadonlyArray<Ulimit> | undefined
}

/**
 * A name that the container is told the address of.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExtraHost {
  readonly name: string
  /** An IP address. */
  readonly address: string
}

/**
 * Whom the container asks for names. What is empty is as the engine has it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dns {
  /** IP addresses. */
  readonly servers: ReadonlyArray<string>
  /** The domains in which a name without a dot is looked for. */
  readonly search: ReadonlyArray<string>
  /** As resolv.conf(5) has them: `ndots:2`. */
  readonly options: ReadonlyArray<string>
}

/**
 * How the engine finds out whether a container is well. Times are in milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Healthcheck {
  /** Run as it is, no shell involved. */
  readonly command: ReadonlyArray<string>
  readonly interval: number
  readonly timeout: number
  /** 0: none. */
  readonly startPeriod: number
  /** How many failures in a row make it unhealthy. */
  readonly retries: number
}

/**
 * When the engine starts a container again that has ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface RestartPolicy {
  readonly name: "always" | "unless-stopped" | "on-failure"
  /** For `on-failure`; as often as it takes without. */
  readonly maximumRetryCount?: number | undefined
}

/**
 * What the engine does with a container's output, by the name of its driver.
 *
 * @category models
 * @since 0.1.0
 */
export interface LogDriver {
  readonly name: string
  readonly options: Readonly<Record<string, string>>
}

/**
 * A device of the engine's host.
 *
 * @category models
 * @since 0.1.0
 */
export interface DeviceMapping {
  /** Absolute path of its node on the engine's host. */
  readonly source: string
  /** Absolute path in the container. */
  readonly target: string
  /** One or more of `r`, `w` and `m`: read, write, mknod. */
  readonly access: string
}

/**
 * What a filter does about a system call, as the OCI runtime specification names it.
 *
 * @category models
 * @since 0.1.0
 */
export type SeccompAction =
  | "SCMP_ACT_ALLOW"
  | "SCMP_ACT_ERRNO"
  | "SCMP_ACT_KILL"
  | "SCMP_ACT_KILL_PROCESS"
  | "SCMP_ACT_KILL_THREAD"
  | "SCMP_ACT_LOG"
  | "SCMP_ACT_TRACE"
  | "SCMP_ACT_TRAP"

/**
 * Which system calls a container may make: the part of `linux.seccomp` of the OCI runtime specification, version 1.0, that
 * all engines read.
 *
 * @category models
 * @since 0.1.0
 */
export interface SeccompProfile {
  /** Of what no rule is about. */
  readonly defaultAction: SeccompAction
  /** The error of a default action that gives one. Default 1, EPERM. */
  readonly defaultErrnoRet?: number | undefined
  /** As libseccomp names them, `SCMP_ARCH_X86_64`. Default: the machine's alone, so that no program for another one runs. */
  readonly architectures?: ReadonlyArray<string> | undefined
  readonly syscalls: ReadonlyArray<{
    readonly names: ReadonlyArray<string>
    readonly action: SeccompAction
    /** The error of an action that gives one. Default 1, EPERM. */
    readonly errnoRet?: number | undefined
    /** All of which have to hold. */
    readonly args?:
      | ReadonlyArray<{
        readonly index: number
        readonly value: number
        readonly valueTwo?: number | undefined
        readonly op: `SCMP_CMP_${"NE" | "LT" | "LE" | "EQ" | "GE" | "GT" | "MASKED_EQ"}`
      }>
      | undefined
  }>
}

/**
 * What an engine is asked to create.
 *
 * @category models
 * @since 0.1.0
 */
export interface ContainerConfig {
  /** A reference as the user wrote it, or an image's id. It is there: pulling is not the engine's business here. */
  readonly image: string
  /** `os/architecture[/variant]`; the engine's own without. */
  readonly platform?: string | undefined
  readonly name?: string | undefined
  /** Replaces the image's entrypoint and, with it, the image's command. */
  readonly entrypoint?: ReadonlyArray<string> | undefined
  /** Replaces the image's command. */
  readonly command?: ReadonlyArray<string> | undefined
  /** Added to the image's. Each name once. */
  readonly env: ReadonlyArray<readonly [name: string, value: string | Redacted.Redacted<string>]>
  readonly workDir?: string | undefined
  /** `user`, `uid`, `user:group`, `uid:gid`. */
  readonly user?: string | undefined
  readonly hostname?: string | undefined
  readonly labels: Readonly<Record<string, string>>
  readonly mounts: ReadonlyArray<Mount>
  readonly resources: Resources
  /** Settings of the kernel in the container's namespaces, by their names with dots. */
  readonly sysctls?: Readonly<Record<string, string>> | undefined
  /** The engine's default when there are none. `none` and `host` are by themselves. */
  readonly networks: ReadonlyArray<NetworkAttachment>
  readonly ports: ReadonlyArray<PortBinding>
  readonly extraHosts?: ReadonlyArray<ExtraHost> | undefined
  /** The name by which it reaches the engine's host. */
  readonly hostAccess?: string | undefined
  readonly dns?: Dns | undefined
  readonly tty: boolean
  /** Whether somebody will write to its standard input. */
  readonly stdin: boolean
  /** Run a small init as process 1, which reaps zombies and forwards signals. */
  readonly init: boolean
  readonly readOnlyRoot: boolean
  readonly privileged: boolean
  /** Linux capabilities on top of the engine's own, as `CAP_NET_ADMIN`, or `ALL`. */
  readonly capAdd: ReadonlyArray<string>
  /** Linux capabilities taken away, as `CAP_MKNOD`, or `ALL` but those of {@link capAdd}. */
  readonly capDrop: ReadonlyArray<string>
  readonly noNewPrivileges: boolean
  readonly devices: ReadonlyArray<DeviceMapping>
  /** All of them, so many, or those of these ids. */
  readonly gpus?: "all" | number | ReadonlyArray<string> | undefined
  /** The engine's own without. */
  readonly seccomp?: "unconfined" | SeccompProfile | undefined
  /** The name of a profile that the engine's host has loaded; `"unconfined"` for none. */
  readonly apparmor?: string | undefined
  /** SELinux's, as `type:container_t`, or `disable`. */
  readonly selinux?: ReadonlyArray<string> | undefined
  /** What runs it, by the name that the engine has for it; the engine's own without. */
  readonly runtime?: string | undefined
  /** In the place of the image's. */
  readonly healthcheck?: Healthcheck | undefined
  /** It is not started again without. */
  readonly restart?: RestartPolicy | undefined
  /** The engine's own without. */
  readonly logDriver?: LogDriver | undefined
  /** The signal that asks it to stop; the image's, else SIGTERM, without. */
  readonly stopSignal?: string | undefined
  /**
   * Milliseconds that it has between this signal and its being killed, for engines that must know beforehand; nobody asks it
   * to stop without.
   */
  readonly stopGrace?: number | undefined
}

/**
 * What is asked of an engine for a further process in a container that runs.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExecConfig {
  readonly command: ReadonlyArray<string>
  /** Added to the container's. */
  readonly env: ReadonlyArray<readonly [name: string, value: string | Redacted.Redacted<string>]>
  readonly workDir?: string | undefined
  readonly user?: string | undefined
  readonly tty: boolean
  readonly stdin: boolean
}
