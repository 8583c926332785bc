import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { ContainerInfo, ContainerState, ContainerSummary, Health, LogsOptions, Primitives } from "../../Backend.ts"
import type { ContainerConfig, Mount, NetworkAttachment, PortBinding } from "../../ContainerConfig.ts"
import type * as Errors from "../../Errors.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import { attach, frames } from "./attach.ts"
import * as Confinement from "./confinement.ts"
import { reason } from "./errors.ts"
import { exec } from "./exec.ts"
import { filters } from "./filters.ts"
import { endsEarly, follow as followed, followEarly } from "./follow.ts"
import * as HostConfig from "./hostConfig.ts"
import * as Podman from "./podman.ts"
import { ask, type Client, open, segment, send, stream } from "./request.ts"
import * as Schemas from "./schemas.ts"
import * as Time from "./time.ts"
import { usage } from "./usage.ts"
import { variables } from "./variables.ts"

// ---------------------------------------------------------------------------------------------------------------------
// what is sent
// ---------------------------------------------------------------------------------------------------------------------

const mountOf = (mount: Mount) =>
  mount.type === "tmpfs"
    ? {
      Type: "tmpfs",
      Target: mount.target,
      ...(mount.size === undefined ? {} : { TmpfsOptions: { SizeBytes: mount.size } })
    }
    : { Type: mount.type, Source: mount.source, Target: mount.target, ReadOnly: mount.readOnly }

const portKey = (port: PortBinding): string => `${port.containerPort}/${port.protocol}`

const bindings = (ports: ReadonlyArray<PortBinding>) => {
  const byPort: Record<string, Array<{ readonly HostIp: string; readonly HostPort: string }>> = {}
  for (const port of ports) {
    const list = byPort[portKey(port)] ??= []
    list.push({ HostIp: port.hostIp, HostPort: port.hostPort === 0 ? "" : String(port.hostPort) })
  }
  return byPort
}

/** What is said about a container in a network. */
const endpoint = ({ aliases }: NetworkAttachment) => ({ Aliases: aliases })

/** Older engines take one network with a container's creation; it is connected to the others afterwards. */
const networking = ([first]: ContainerConfig["networks"]) =>
  first === undefined || first.aliases.length === 0 ? undefined : { EndpointsConfig: { [first.name]: endpoint(first) } }

const some = <A>(list: ReadonlyArray<A>): ReadonlyArray<A> | undefined => list.length === 0 ? undefined : list

/** The body of a container's creation. `JSON` leaves out what is `undefined`. */
export const creation = (config: ContainerConfig, isPodman: boolean): object => ({
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
    NanoCpus: config.resources.cpus === undefined ? undefined : Math.round(config.resources.cpus * 1e9),
    PidsLimit: config.resources.pids,
    ...HostConfig.limits(config),
    ...HostConfig.resolution(config),
    ...HostConfig.supervision(config),
    NetworkMode: config.networks[0]?.name,
    PortBindings: bindings(config.ports),
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

// ---------------------------------------------------------------------------------------------------------------------
// what comes back
// ---------------------------------------------------------------------------------------------------------------------

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

const stateOf = (status: string): ContainerState => isState(status) ? status : Podman.state(status) ?? "dead"

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
      hostIp: binding.ip ?? "",
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

const infoOf = (found: Schemas.Container, shown: (image: string) => string): ContainerInfo => ({
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

// ---------------------------------------------------------------------------------------------------------------------
// the operations
// ---------------------------------------------------------------------------------------------------------------------

/** A driver that is not there would read as an image that is not there, and not every engine names it. */
const aboutLogDriver = ({ logDriver }: ContainerConfig, error: Errors.Reason): Errors.Reason =>
  logDriver !== undefined && /log driver|logging (?:driver|plugin)|logger: /i.test(error.message)
    ? reason("InvalidArgument", { ...error, message: `log driver ${logDriver.name}: ${error.message}` })
    : error

type Operations = Pick<
  Primitives,
  | "create"
  | "start"
  | "attach"
  | "wait"
  | "signal"
  | "pause"
  | "unpause"
  | "usage"
  | "stop"
  | "remove"
  | "inspect"
  | "list"
  | "logs"
  | "resize"
  | "exec"
  | "copyIn"
  | "copyOut"
>

/** What is known of a container without asking. */
interface Known {
  readonly tty: boolean
  /** Whether it may run out of memory of its own. */
  readonly isLimited: boolean
  isStarted: boolean
}

/** Between two looks at whether an engine is back: milliseconds. */
const rest = 250

/** Nobody listens where the engine was. */
const isAway = (error: Errors.Reason): boolean =>
  error._tag === "Unavailable" && (error.code === "ECONNREFUSED" || error.code === "ENOENT")

export const make = (client: Client): Operations => {
  // Of those that were made here: it saves a question about each.
  const known = new Map<string, Known>()
  const shown = client.isPodman ? Podman.familiar : (image: string) => image

  const named = (name: string | undefined) =>
    client.isPodman ? Podman.naming(name) : (error: Errors.Reason): Errors.Reason => error
  const path = (id: string, rest = "") => `/containers/${segment(id)}${rest}`
  const look = (operation: string, id: string) =>
    ask(client, { operation, method: "GET", path: path(id, "/json") }, Schemas.container)
  const isTty = (operation: string, id: string): Effect.Effect<boolean, Errors.Reason> => {
    const mine = known.get(id)
    return mine === undefined
      ? Effect.map(look(operation, id), (found) => found.config.tty ?? false)
      : Effect.succeed(mine.tty)
  }

  /** Podman takes what is to go into a directory that is not there, and puts it nowhere. */
  const isThere = (operation: string, id: string, target: string): Effect.Effect<void, Errors.Reason> => {
    const asked = { operation, path: path(id, "/archive"), query: { path: target } }
    return send(client, { ...asked, method: "HEAD" }).pipe(
      // Which of them is missing, the container or the directory, is said in a body only.
      Effect.catchTag("NotFound", () => Effect.scoped(open(client, { ...asked, method: "GET" }))),
      Effect.mapError(named(target)),
      Effect.asVoid
    )
  }

  const remove: Operations["remove"] = Effect.fnUntraced(function*(id, { force }) {
    const operation = "remove"
    if (force && client.isPodman && Podman.killBeforeRemoval) {
      // It may have ended; what else is wrong its removal says.
      yield* Effect.ignore(
        send(client, { operation, method: "POST", path: path(id, "/kill"), query: { signal: "KILL" } })
      )
    }
    yield* send(client, { operation, method: "DELETE", path: path(id), query: { v: 1, force: force ? 1 : 0 } }).pipe(
      Effect.asVoid,
      Effect.catchIf(
        (error) => error._tag === "Conflict" && /already in progress/.test(error.message),
        // Somebody else removes it. It is removed when it is gone.
        () =>
          look(operation, id).pipe(
            Effect.repeat(Schedule.spaced("50 millis")),
            Effect.catchTag("NotFound", () => Effect.void),
            Effect.timeoutOrElse({
              duration: client.requestTimeout,
              orElse: () =>
                Effect.fail(reason("TimedOut", { operation, message: "somebody else's removal of it does not end" }))
            }),
            Effect.asVoid
          )
      )
    )
    known.delete(id)
  })

  const patiently: Operations["remove"] = (id, options) =>
    Effect.retry(remove(id, options), {
      while: isAway,
      schedule: Schedule.upTo(Schedule.spaced(rest), { times: Math.ceil((options.patience ?? 0) / rest) })
    })

  const removeOrSay = (id: string): Effect.Effect<void> =>
    Effect.catch(
      remove(id, { force: true }),
      (error) => Effect.logWarning(`container ${id} is left behind, for Container.sweep to remove: ${error.message}`)
    )

  /** Some limits are dropped by engines whose kernel cannot keep them, with a remark. Nothing is to be dropped. */
  const refuseDropped = (id: string, warnings: ReadonlyArray<string>): Effect.Effect<void, Errors.Reason> => {
    const dropped = warnings.find((warning) => /discarded/i.test(warning))
    if (dropped === undefined) {
      return Effect.forEach(warnings, (warning) => Effect.logWarning(warning), { discard: true })
    }
    return Effect.andThen(
      removeOrSay(id),
      Effect.fail(reason("Unsupported", { operation: "create", message: dropped, hint: "leave the option out" }))
    )
  }

  const join = (id: string, network: NetworkAttachment) =>
    send(client, {
      operation: "create",
      method: "POST",
      path: `/networks/${segment(network.name)}/connect`,
      json: { Container: id, EndpointConfig: endpoint(network) }
    }).pipe(
      // Of a creation it would mean that there is no image.
      Effect.catchTag("NotFound", ({ message }) =>
        Effect.fail(reason("InvalidArgument", { operation: "create", message })))
    )

  const create: Operations["create"] = Effect.fnUntraced(function*(config) {
    yield* Confinement.check(client, config)
    const { id, warnings = [] } = yield* ask(client, {
      operation: "create",
      method: "POST",
      path: "/containers/create",
      query: { name: config.name, platform: config.platform },
      json: creation(config, client.isPodman)
    }, Schemas.created).pipe(Effect.mapError((error) => aboutLogDriver(config, named(config.platform)(error))))
    yield* refuseDropped(id, warnings)
    yield* Effect.forEach(config.networks.slice(1), (network) => join(id, network), { discard: true }).pipe(
      Effect.tapError(() => removeOrSay(id))
    )
    known.set(id, { tty: config.tty, isLimited: config.resources.memory !== undefined, isStarted: false })
    return id
  })

  const wait: Operations["wait"] = Effect.fnUntraced(function*(id) {
    const operation = "wait"
    if (known.get(id)?.isStarted !== true) {
      // The engine says 0 of one that never ran.
      const { state } = yield* look(operation, id)
      if (stateOf(state.status) === "created") {
        return yield* reason("Conflict", { operation, message: "the container was never started" })
      }
    }
    const { code, error } = yield* ask(
      client,
      {
        operation,
        method: "POST",
        path: path(id, "/wait"),
        query: { condition: "not-running" }
      },
      Schemas.waited,
      { deadline: "none" }
    )
    if (error?.message !== undefined && error.message !== "") {
      return yield* reason("Internal", { operation, message: error.message })
    }
    if (code < 0) return new ExitStatus.Unknown()
    if (code !== 137) return ExitStatus.fromCode(code)
    const oomKilled = yield* look(operation, id).pipe(
      Effect.map(({ state }) => state.oomKilled === true),
      Effect.repeat({
        until: (oomKilled) => oomKilled,
        // A busy engine hears of the end first, and of its cause a moment later.
        schedule: Schedule.upTo(Schedule.spaced("100 millis"), { times: known.get(id)?.isLimited === true ? 5 : 0 })
      }),
      Effect.catchTag("NotFound", () => Effect.succeed(false))
    )
    return ExitStatus.fromCode(code, { oomKilled })
  })

  const logs = (id: string, options: LogsOptions) => {
    const { follow = false, since, stderr = true, stdout = true, tail, timestamps = false, until } = options
    if (!stdout && !stderr) return Stream.empty
    const read = (options: { readonly follow: boolean; readonly tail: number | undefined }) =>
      stream(client, {
        operation: "logs",
        method: "GET",
        path: path(id, "/logs"),
        query: {
          follow: options.follow ? 1 : 0,
          stdout: stdout ? 1 : 0,
          stderr: stderr ? 1 : 0,
          since: Time.parameter(since),
          until: Time.parameter(until),
          timestamps: timestamps ? 1 : 0,
          tail: options.tail ?? "all"
        }
      })
    const status = Effect.map(look("logs", id), ({ state }) => state.status)
    const body = !follow
      ? read({ follow, tail })
      : client.isPodman
      ? followed({ read, status }, tail)
      : endsEarly(client.apiVersion)
      ? followEarly({ read, status }, tail)
      : read({ follow, tail })
    return Stream.unwrap(Effect.map(isTty("logs", id), (tty) => frames(body, { tty, timestamps })))
  }

  return {
    create,
    wait,
    remove: patiently,
    logs,
    start: (id) =>
      Effect.map(send(client, { operation: "start", method: "POST", path: path(id, "/start") }), () => {
        const mine = known.get(id)
        if (mine !== undefined) mine.isStarted = true
      }),
    attach: (id, options) => attach(client, id, options),
    signal: (id, signal) =>
      Effect.asVoid(send(client, { operation: "signal", method: "POST", path: path(id, "/kill"), query: { signal } })),
    stop: (id, { grace }) =>
      Effect.asVoid(
        send(
          client,
          { operation: "stop", method: "POST", path: path(id, "/stop"), query: { t: Math.ceil(grace / 1000) } },
          { deadline: grace + client.requestTimeout }
        )
      ),
    pause: (id) => Effect.asVoid(send(client, { operation: "pause", method: "POST", path: path(id, "/pause") })),
    unpause: (id) => Effect.asVoid(send(client, { operation: "unpause", method: "POST", path: path(id, "/unpause") })),
    usage: (id) => usage(client, id),
    inspect: (id) => Effect.map(look("inspect", id), (found) => infoOf(found, shown)),
    list: (filter) =>
      Effect.map(
        ask(client, {
          operation: "list",
          method: "GET",
          path: "/containers/json",
          query: { all: 1, filters: filters(filter) }
        }, Schemas.containers),
        (list) =>
          list.map((found): ContainerSummary => ({
            id: found.id,
            name: (found.names[0] ?? "").replace(/^\//, ""),
            image: shown(found.image),
            imageId: found.imageId ?? "",
            state: stateOf(found.state),
            createdAt: Time.fromSeconds(found.created),
            labels: found.labels
          }))
      ),
    resize: (id, { columns, rows }) =>
      Effect.asVoid(
        send(client, { operation: "resize", method: "POST", path: path(id, "/resize"), query: { w: columns, h: rows } })
      ),
    exec: (id, config) => exec(client, id, config),
    copyIn: (id, target, archive) => {
      const copied = Effect.scoped(Effect.flatMap(
        open(client, {
          operation: "copyIn",
          method: "PUT",
          path: path(id, "/archive"),
          query: { path: target },
          archive
        }),
        ({ body }) => Stream.runDrain(body)
      ))
      return client.isPodman ? Effect.andThen(isThere("copyIn", id, target), copied) : copied
    },
    copyOut: (id, source) =>
      Stream.mapError(
        stream(client, { operation: "copyOut", method: "GET", path: path(id, "/archive"), query: { path: source } }),
        named(source)
      )
  }
}
