import type { ContainerConfig, Mount } from "../../ContainerConfig.ts"
import { variables } from "../dockerApi/variables.ts"
import { imageIdLabel, imageLabel, layerLabel } from "./known.ts"
import type { PlacementOptions } from "./options.ts"

const nanos = (millis: number): number => Math.round(millis * 1e6)

const some = <A>(list: ReadonlyArray<A>): ReadonlyArray<A> | undefined => list.length === 0 ? undefined : list

const mountOf = (mount: Mount) =>
  mount.type === "tmpfs"
    ? {
      Type: "tmpfs",
      Target: mount.target,
      ...mount.size === undefined ? {} : { TmpfsOptions: { SizeBytes: mount.size } }
    }
    : { Type: mount.type, Source: mount.source, Target: mount.target, ReadOnly: mount.readOnly }

/** There is no word for the size of shared memory but this. */
const sharedMemory = (size: number | undefined) =>
  size === undefined ? [] : [{ Type: "tmpfs", Target: "/dev/shm", TmpfsOptions: { SizeBytes: size, Mode: 0o1777 } }]

/** Managers know machines by what `uname -m` says. */
const architectures: Readonly<Record<string, string>> = { amd64: "x86_64", arm64: "aarch64" }

export const platformOf = (platform: string) => {
  const [os = "", architecture = ""] = platform.split("/")
  return { OS: os, Architecture: architectures[architecture] ?? architecture }
}

const unlimited = -1

const privileges = ({ apparmor, noNewPrivileges, seccomp }: ContainerConfig) => {
  const all = {
    ...noNewPrivileges ? { NoNewPrivileges: true } : {},
    ...seccomp === undefined
      ? {}
      : seccomp === "unconfined"
      ? { Seccomp: { Mode: "unconfined" } }
      : { Seccomp: { Mode: "custom", Profile: Buffer.from(JSON.stringify(seccomp)).toString("base64") } },
    ...apparmor === "unconfined" ? { AppArmor: { Mode: "disabled" } } : {}
  }
  return Object.keys(all).length === 0 ? undefined : all
}

/** Keeps every byte as it was, in one file that is never begun anew. */
const ownLogDriver = { Name: "local", Options: { "max-size": "1024g", "max-file": "1", compress: "false" } }

/** What was made for the container alone, as its service refers to it. */
export interface Reference {
  readonly id: string
  readonly name: string
  readonly target: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

const file = ({ gid, mode, target, uid }: Reference) => ({
  Name: target,
  UID: String(uid),
  GID: String(gid),
  Mode: mode
})

export interface Made {
  readonly config: ContainerConfig
  /** What the nodes are to get. */
  readonly image: string
  /** On the manager. */
  readonly imageId: string
  readonly layer: string
  readonly placement: PlacementOptions
  readonly secrets: ReadonlyArray<Reference>
  readonly configs: ReadonlyArray<Reference>
}

const containerSpec = ({ config, configs, image, secrets }: Made) => ({
  Image: image,
  // As the API of containers has it: this is how the image's own is taken away.
  Command: config.entrypoint?.length === 0 ? [""] : config.entrypoint,
  Args: config.command,
  Env: variables(config.env),
  Dir: config.workDir,
  User: config.user,
  Hostname: config.hostname,
  Labels: config.labels,
  TTY: config.tty,
  StopSignal: config.stopSignal,
  StopGracePeriod: nanos(config.stopGrace ?? 0),
  Init: config.init ? true : undefined,
  ReadOnly: config.readOnlyRoot,
  Mounts: some([...config.mounts.map(mountOf), ...sharedMemory(config.resources.shmSize)]),
  Hosts: config.extraHosts?.map(({ address, name }) => `${address} ${name}`),
  DNSConfig: config.dns === undefined
    ? undefined
    : { Nameservers: config.dns.servers, Search: config.dns.search, Options: config.dns.options },
  Sysctls: config.sysctls,
  Ulimits: config.resources.ulimits?.map(({ hard, name, soft }) => ({
    Name: name,
    Soft: soft === "unlimited" ? unlimited : soft,
    Hard: hard === "unlimited" ? unlimited : hard
  })),
  OomScoreAdj: config.resources.oomScoreAdj,
  CapabilityAdd: some(config.capAdd),
  CapabilityDrop: some(config.capDrop),
  Privileges: privileges(config),
  Secrets: some(secrets.map((one) => ({ SecretID: one.id, SecretName: one.name, File: file(one) }))),
  Configs: some(configs.map((one) => ({ ConfigID: one.id, ConfigName: one.name, File: file(one) })))
})

const cpus = (count: number | undefined) => count === undefined ? undefined : Math.round(count * 1e9)

const resources = ({ config, placement: { reserve = {} } }: Made) => ({
  Limits: {
    MemoryBytes: config.resources.memory,
    NanoCPUs: cpus(config.resources.cpus),
    Pids: config.resources.pids
  },
  Reservations: {
    MemoryBytes: reserve.memory,
    NanoCPUs: cpus(reserve.cpus),
    GenericResources: Object.entries(reserve.generic ?? {}).map(([Kind, Value]) => ({
      DiscreteResourceSpec: { Kind, Value }
    }))
  }
})

/** How often a job is to run: not yet, or once. */
export const jobOf = (total: 0 | 1) => ({ ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: total } })

/**
 * The service that a container is: a job that is to run once, and as long as it was not started, not at all. What has failed
 * is not tried again. `JSON` leaves out what is `undefined`.
 */
export const serviceOf = (made: Made): object => {
  const { config, layer, placement } = made
  return {
    Name: config.name,
    Labels: { ...config.labels, [layerLabel]: layer, [imageLabel]: config.image, [imageIdLabel]: made.imageId },
    TaskTemplate: {
      ContainerSpec: containerSpec(made),
      Resources: resources(made),
      RestartPolicy: { Condition: "none" },
      Placement: {
        MaxReplicas: 1,
        Constraints: placement.constraints,
        Preferences: placement.spread?.map((SpreadDescriptor) => ({ Spread: { SpreadDescriptor } })),
        Platforms: config.platform === undefined ? undefined : [platformOf(config.platform)]
      },
      Networks: some(config.networks.map(({ aliases, name }) => ({ Target: name, Aliases: aliases }))),
      LogDriver: config.logDriver === undefined
        ? ownLogDriver
        : { Name: config.logDriver.name, Options: config.logDriver.options }
    },
    Mode: jobOf(0),
    // Addresses of services need IPVS on every node; names lead to the containers themselves.
    EndpointSpec: {
      Mode: "dnsrr",
      Ports: config.ports.map(({ containerPort, hostPort, protocol }) => ({
        Protocol: protocol,
        TargetPort: containerPort,
        PublishedPort: hostPort,
        PublishMode: "host"
      }))
    }
  }
}
