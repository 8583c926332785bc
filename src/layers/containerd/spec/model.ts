import type { SeccompProfile } from "../../../ContainerConfig.ts"
import type { Seccomp } from "./seccomp.ts"

/** The parts of the OCI runtime specification that are written here, with its names. */
export interface Spec {
  readonly ociVersion: string
  readonly process: Process
  readonly root: { readonly path: string; readonly readonly: boolean }
  readonly hostname?: string | undefined
  readonly mounts: ReadonlyArray<Mount>
  readonly linux: Linux
}

export interface User {
  readonly uid: number
  readonly gid: number
  readonly additionalGids: ReadonlyArray<number>
}

export interface Process {
  readonly terminal: boolean
  readonly user: User
  readonly args: ReadonlyArray<string>
  readonly env: ReadonlyArray<string>
  readonly cwd: string
  readonly capabilities?: {
    readonly bounding: ReadonlyArray<string>
    readonly effective: ReadonlyArray<string>
    readonly permitted: ReadonlyArray<string>
  } | undefined
  readonly noNewPrivileges?: boolean | undefined
  readonly apparmorProfile?: string | undefined
  readonly oomScoreAdj?: number | undefined
  readonly rlimits?: ReadonlyArray<Rlimit> | undefined
}

/** -1 for no limit. */
export interface Rlimit {
  readonly type: string
  readonly soft: number
  readonly hard: number
}

export interface Mount {
  readonly destination: string
  readonly type: string
  readonly source: string
  readonly options: ReadonlyArray<string>
}

export interface DeviceRule {
  readonly allow: boolean
  readonly type?: string | undefined
  readonly major?: number | undefined
  readonly minor?: number | undefined
  readonly access: string
}

export interface Device {
  readonly path: string
  readonly type: string
  readonly major: number
  readonly minor: number
  readonly fileMode: number
  readonly uid: number
  readonly gid: number
}

export interface Resources {
  readonly devices: ReadonlyArray<DeviceRule>
  readonly memory?:
    | { readonly limit: number; readonly swap?: number | undefined; readonly reservation?: number | undefined }
    | undefined
  readonly cpu?: {
    readonly quota?: number | undefined
    readonly period?: number | undefined
    readonly shares?: number | undefined
    readonly cpus?: string | undefined
  } | undefined
  readonly pids?: { readonly limit: number } | undefined
}

export interface Namespace {
  readonly type: string
  readonly path?: string | undefined
}

export interface Linux {
  readonly cgroupsPath?: string | undefined
  readonly namespaces: ReadonlyArray<Namespace>
  readonly resources?: Resources | undefined
  readonly devices?: ReadonlyArray<Device> | undefined
  readonly maskedPaths: ReadonlyArray<string>
  readonly readonlyPaths: ReadonlyArray<string>
  readonly sysctl?: Readonly<Record<string, string>> | undefined
  readonly seccomp?: Seccomp | SeccompProfile | undefined
}
