import type { ContainerInfo, ContainerState, Health } from "../../Backend.ts"
import type { PortBinding } from "../../ContainerConfig.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import * as Podman from "../dockerApi/podman.ts"
import type * as Schemas from "../dockerApi/schemas.ts"
import * as Time from "../dockerApi/time.ts"

const states: ReadonlySet<string> = new Set<ContainerState>([
  "created",
  "running",
  "paused",
  "restarting",
  "removing",
  "exited",
  "dead"
])

const isState = (status: string): status is ContainerState => states.has(status)

export const stateOf = (status: string): ContainerState => isState(status) ? status : Podman.state(status) ?? "dead"

const exitOf = ({ state }: Schemas.Container): ExitStatus.ExitStatus | undefined => {
  const status = stateOf(state.status)
  const code = state.exitCode ?? 0
  if (status === "created") {
    // It was to be started, and could not be.
    if (code === 127) return new ExitStatus.StartFailed({ issue: "not found" })
    return code === 126 ? new ExitStatus.StartFailed({ issue: "not executable" }) : undefined
  }
  if (status !== "exited" && status !== "dead") return undefined
  // The engine was not there when it ended, and made up a code.
  if (Time.read(state.finishedAt) === undefined || code < 0) return new ExitStatus.Unknown()
  return ExitStatus.fromCode(code, { oomKilled: state.oomKilled })
}

const portsOf = (ports: NonNullable<NonNullable<Schemas.Container["network"]>["ports"]>): ReadonlyArray<PortBinding> =>
  Object.entries(ports).flatMap(([key, list]) => {
    const [port, protocol] = key.split("/")
    if (protocol !== "tcp" && protocol !== "udp") return []
    return (list ?? []).map((binding): PortBinding => ({
      containerPort: Number(port),
      protocol,
      hostIp: binding.ip === undefined || binding.ip === "" ? "0.0.0.0" : binding.ip,
      hostPort: Number(binding.port ?? 0)
    }))
  })

const isOver = ({ state: { status } }: Schemas.Container): boolean => ["exited", "dead"].includes(stateOf(status))

const healthOf = ({ state: { health } }: Schemas.Container): Health | undefined => {
  const status = health?.status
  if (status !== "starting" && status !== "healthy" && status !== "unhealthy") return undefined
  const output = health?.log?.at(-1)?.output
  return output === undefined ? { status } : { status, output }
}

/** A container as the `Backend` shows it; `shown`: how it names the image. */
export const infoOf = (found: Schemas.Container, shown: (image: string) => string): ContainerInfo => ({
  id: found.id,
  name: found.name.replace(/^\//, ""),
  image: shown(found.config.image),
  imageId: found.image,
  state: stateOf(found.state.status),
  exit: exitOf(found),
  health: healthOf(found),
  restartCount: found.restarts ?? 0,
  createdAt: Time.read(found.created) ?? Time.epoch,
  startedAt: Time.read(found.state.startedAt),
  finishedAt: Time.read(found.state.finishedAt),
  tty: found.config.tty ?? false,
  labels: found.config.labels ?? {},
  // Podman shows also those of one that has ended, which nobody listens at.
  ports: isOver(found) ? [] : portsOf(found.network?.ports ?? {})
})
