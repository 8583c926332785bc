import type { ContainerConfig, Mount, NetworkAttachment, PortBinding } from "../../ContainerConfig.ts"
import * as Podman from "../dockerApi/podman.ts"
import { variables } from "../dockerApi/variables.ts"
import * as HostConfig from "./hostConfig.ts"

const mountOf = (mount: Mount) =>
  mount.type === "tmpfs"
    ? {
      Type: "tmpfs",
      Target: mount.target,
      ...(mount.size === undefined ? {} : { TmpfsOptions: { SizeBytes: mount.size } })
    }
    : { Type: mount.type, Source: mount.source, Target: mount.target, ReadOnly: mount.readOnly }

const portKey = (port: PortBinding): string => `${port.containerPort}/${port.protocol}`

const bindings = (ports: ReadonlyArray<PortBinding>, isPodman: boolean) => {
  const address = isPodman ? Podman.hostIp : (hostIp: string) => hostIp
  const byPort: Record<string, Array<{ readonly HostIp: string; readonly HostPort: string }>> = {}
  for (const port of ports) {
    const list = byPort[portKey(port)] ??= []
    list.push({ HostIp: address(port.hostIp), HostPort: port.hostPort === 0 ? "" : String(port.hostPort) })
  }
  return byPort
}

/** What is said about a container in a network. */
export const endpoint = ({ aliases }: NetworkAttachment) => ({ Aliases: aliases })

/** Older engines take one network with a container's creation; it is connected to the others afterwards. */
const networking = ([first]: ContainerConfig["networks"]) =>
  first === undefined || first.aliases.length === 0 ? undefined : { EndpointsConfig: { [first.name]: endpoint(first) } }

const some = <A>(list: ReadonlyArray<A>): ReadonlyArray<A> | undefined => list.length === 0 ? undefined : list

/** Whoever wants ports, or a way to the host, wants a network that has some. */
const networkMode = ({ hostAccess, networks: [first], ports }: ContainerConfig, fallback: string | undefined) =>
  first?.name ?? (ports.length === 0 && hostAccess === undefined ? fallback : undefined)

/** Of the engine that a container is made for. */
interface Host {
  readonly isPodman: boolean
  /** For whoever asks for no network. */
  readonly network: string | undefined
}

/** The body of a container's creation. `JSON` leaves out what is `undefined`. */
export const creation = (config: ContainerConfig, { isPodman, network }: Host): object => ({
  Image: config.image,
  // An empty list would leave the image's command in place; this is how the API is told that there is none.
  Entrypoint: config.entrypoint?.length === 0 ? [""] : config.entrypoint,
  Cmd: config.command,
  Env: variables(config.env),
  WorkingDir: config.workDir,
  User: config.user,
  Hostname: config.hostname,
  Labels: config.labels,
  Tty: config.tty,
  OpenStdin: config.stdin,
  // The process's input is closed when the first who attaches to it closes his end.
  StdinOnce: config.stdin,
  AttachStdin: config.stdin,
  AttachStdout: true,
  AttachStderr: true,
  StopSignal: config.stopSignal,
  Healthcheck: HostConfig.healthcheck(config),
  NetworkingConfig: networking(config.networks),
  ExposedPorts: Object.fromEntries(config.ports.map((port) => [portKey(port), {}])),
  HostConfig: {
    Mounts: (isPodman ? config.mounts.filter(({ type }) => type !== "tmpfs") : config.mounts).map(mountOf),
    Tmpfs: isPodman ? Podman.tmpfs(config.mounts) : undefined,
    Memory: config.resources.memory,
    MemorySwap: config.resources.memorySwap,
    MemoryReservation: config.resources.memoryReservation,
    NanoCpus: config.resources.cpus === undefined ? undefined : Math.round(config.resources.cpus * 1e9),
    PidsLimit: config.resources.pids,
    ...HostConfig.limits(config),
    ...HostConfig.resolution(config),
    ...HostConfig.supervision(config),
    NetworkMode: networkMode(config, network),
    PortBindings: bindings(config.ports, isPodman),
    Init: config.init ? true : undefined,
    ReadonlyRootfs: config.readOnlyRoot,
    Privileged: config.privileged,
    CapAdd: some(config.capAdd),
    CapDrop: some(config.capDrop),
    ...HostConfig.confinement(config),
    Devices: some(config.devices.map(({ access, source, target }) => ({
      PathOnHost: source,
      PathInContainer: target,
      CgroupPermissions: access
    })))
  }
})
