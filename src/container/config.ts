import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { randomBytes } from "node:crypto"
import { stat } from "node:fs/promises"
import { homedir } from "node:os"
import { resolve } from "node:path"
import type { Capabilities } from "../Capabilities.ts"
import type { ContainerConfig, Mount, PortBinding } from "../ContainerConfig.ts"
import * as Errors from "../Errors.ts"
import { signalNumber } from "../ExitStatus.ts"
import * as Owner from "../Owner.ts"
import * as Reference from "../Reference.ts"
import { confinementIssue } from "./confinementIssue.ts"
import type { Container, Options } from "./description.ts"
import { checkArguments, checkTarget, checkUser, checkVariable, hostName, type Issue, show, size } from "./issue.ts"
import { kernelIssue } from "./kernelIssue.ts"
import { linuxCapabilities } from "./linuxCapability.ts"
import { resolutionIssue } from "./resolutionIssue.ts"
import { supervisionIssue } from "./supervisionIssue.ts"

/** The image as messages name it. */
export const imageName = (self: Container): string => typeof self.image === "string" ? self.image : self.image.name

/** How the engine is asked for it: a resolved image by its id, so that nothing can come in between. */
const imageRequest = (self: Container): string => typeof self.image === "string" ? self.image : self.image.id

const checkMountTarget = (field: string, path: string): Issue | undefined =>
  checkTarget(field, path) ??
    (resolve("/", path) === "/" ? [field, `nothing can be mounted at the container's root ${show(path)}`] : undefined)

const checkPort = (field: string, port: number, lowest: number): Issue | undefined =>
  Number.isInteger(port) && port >= lowest && port <= 65535
    ? undefined
    : [field, `${port} is not a port: it must be a whole number from ${lowest} to 65535`]

const volumeName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/
const containerName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/
const platformName = /^[a-z0-9_]+\/[a-z0-9_]+(?:\/[a-z0-9_.]+)?$/
const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/

const capabilityNames: ReadonlySet<string> = new Set(["ALL", ...linuxCapabilities])

/** As the OCI runtime specification has it. */
const capabilityOf = (name: string): string => name === "ALL" ? name : `CAP_${name}`

/** What is instead of a network, and goes with no other. */
const alone: ReadonlySet<string> = new Set(["none", "host"])

const networkIssue = (networks: Options["networks"]): string | undefined => {
  if (networks.some(({ name }) => name === "")) return "the name of the network is empty"
  const single = networks.find(({ name }) => alone.has(name))
  if (single !== undefined && networks.length > 1) return `with ${show(single.name)} it cannot be in another network`
  if (single !== undefined && single.aliases.length > 0) return `nobody finds it by an alias in ${show(single.name)}`
  const aliases = networks.flatMap(({ aliases }) => aliases)
  const bad = aliases.find((alias) => !hostName.test(alias))
  return bad === undefined ? undefined : `the alias ${show(bad)} is not a host name`
}

const isPath = (source: string): boolean => /^(?:\/|\.\.?\/|\.\.?$|~\/|~$)/.test(source)

const hostPath = (source: string): string =>
  source === "~" || source.startsWith("~/") ? resolve(homedir(), source.slice(2)) : resolve(source)

/** Docker refuses less than this much memory, runc cannot start a process in less. */
const leastMemory = 6 * 1024 * 1024

/** Every rule that needs nothing but the description; the first that is broken. */
const firstIssue = (options: Options): Issue | undefined => {
  const { command, entrypoint, shell } = options
  if (typeof command === "string" && command.trim() === "") return ["command", "the command is empty"]
  if (Array.isArray(command) && command.length === 0) {
    return ["command", "the command is empty: leave it out to run the image's own"]
  }
  if (command?.[0] === "") return ["command", "the command's first word, its executable, is empty"]
  if (shell !== undefined && (shell.length === 0 || shell[0] === "")) return ["shell", "the shell is empty"]
  for (
    const [field, list] of [
      ["command", typeof command === "string" ? [command] : command ?? []],
      ["entrypoint", entrypoint ?? []],
      ["shell", shell ?? []]
    ] as const
  ) {
    const issue = checkArguments(field, list)
    if (issue !== undefined) return issue
  }
  for (const [name, value] of options.variables) {
    const issue = checkVariable(name, value)
    if (issue !== undefined) return issue
  }
  if (options.workDir !== undefined) {
    const issue = checkTarget("workDir", options.workDir)
    if (issue !== undefined) return issue
  }
  if (options.user !== undefined) {
    const issue = checkUser(options.user)
    if (issue !== undefined) return issue
  }
  if (options.hostname !== undefined && (options.hostname.length > 253 || !hostName.test(options.hostname))) {
    return ["hostname", `${show(options.hostname)} is not a host name (RFC 1123)`]
  }
  if (options.name !== undefined && !containerName.test(options.name)) {
    return [
      "name",
      `${show(options.name)} is not a container name: two or more of [a-zA-Z0-9_.-], the first a letter or digit`
    ]
  }
  for (const [name, value] of options.labels) {
    if (name === "") return ["label", "a label needs a name"]
    if (name.startsWith("effect-containers.")) return ["label", `${show(name)} is one of the library's own labels`]
    if (name.includes("\0") || value.includes("\0")) return ["label", `${show(name)} has a NUL character`]
  }
  const targets = new Set<string>()
  for (const { source, target } of options.volumes) {
    if (source === "" || source.includes("\0")) return ["volume", `${show(source)} is not a path or a volume's name`]
    if (!isPath(source) && !volumeName.test(source)) {
      return ["volume", `${show(source)} is not a volume's name, and a path must begin with "/", "./", "../" or "~/"`]
    }
    const issue = checkMountTarget("volume", target)
    if (issue !== undefined) return issue
    if (targets.has(resolve("/", target))) return ["volume", `two things are mounted at ${show(target)}`]
    targets.add(resolve("/", target))
  }
  for (const { target } of options.tmpfs) {
    const issue = checkMountTarget("tmpfs", target)
    if (issue !== undefined) return issue
    if (targets.has(resolve("/", target))) return ["tmpfs", `two things are mounted at ${show(target)}`]
    targets.add(resolve("/", target))
  }
  for (const port of options.ports) {
    const issue = checkPort("port", port.containerPort, 1) ?? checkPort("port", port.hostPort ?? 0, 0)
    if (issue !== undefined) return issue
    if (port.hostIp !== undefined && !ipv4.test(port.hostIp) && !port.hostIp.includes(":")) {
      return ["port", `${show(port.hostIp)} is not an IP address`]
    }
  }
  for (const { access, source, target } of options.devices ?? []) {
    if (!source.startsWith("/")) return ["device", `the path of the device ${show(source)} is not absolute`]
    const issue = checkTarget("device", target) ?? checkTarget("device", source)
    if (issue !== undefined) return issue
    if (!/^(?!.*(.).*\1)[rwm]+$/.test(access)) {
      return ["device", `${show(access)} is no access: it must be one or more of "r", "w" and "m"`]
    }
  }
  for (const field of ["capAdd", "capDrop"] as const) {
    const bad = (options[field] ?? []).find((name) => !capabilityNames.has(name))
    if (bad !== undefined) return [field, `${show(bad)} is not a Linux capability, such as "NET_ADMIN", nor "ALL"`]
  }
  const network = networkIssue(options.networks)
  if (network !== undefined) return ["network", network]
  if (options.cpus !== undefined && !(Number.isFinite(options.cpus) && options.cpus >= 0.01)) {
    return ["cpus", `${options.cpus} is not a number of CPUs: it must be 0.01 or more`]
  }
  if (options.pids !== undefined && !(Number.isSafeInteger(options.pids) && options.pids >= 1)) {
    return ["pids", `${options.pids} is not a number of processes: it must be a whole number from 1 on`]
  }
  const further = kernelIssue(options) ?? resolutionIssue(options) ?? supervisionIssue(options) ??
    confinementIssue(options)
  if (further !== undefined) return further
  if (options.platform !== undefined && !platformName.test(options.platform)) {
    return ["platform", `${show(options.platform)} is not of the form os/architecture or os/architecture/variant`]
  }
  if (options.stopSignal !== undefined && signalNumber(options.stopSignal) === undefined) {
    return ["stopWith", `${show(options.stopSignal)} is not a signal`]
  }
  if (options.timeLimit !== undefined && !(Duration.toMillis(options.timeLimit) > 0)) {
    return ["timeLimit", "the time limit is not longer than nothing"]
  }
  if (options.expect !== undefined) {
    const bad = options.expect.find((code) => !Number.isInteger(code) || code < 0 || code > 255)
    if (bad !== undefined) return ["expect", `${bad} is not an exit code: it must be a whole number from 0 to 255`]
  }
  return undefined
}

/** What the exit code is compared with, how much is kept, and the like: what a run needs and no engine sees. */
export interface Settled {
  readonly config: ContainerConfig
  /** Bytes. */
  readonly outputLimit: number | undefined
  /** Milliseconds. */
  readonly stopGrace: number
  /** Milliseconds from its start. */
  readonly timeLimit: number | undefined
}

/** Checks a description and completes it. Fails before any engine is called. */
export const settle = Effect.fnUntraced(function*(
  self: Container,
  capabilities: Capabilities
): Effect.fn.Return<Settled, Errors.ContainerOptions> {
  const { options } = self
  const image = imageName(self)
  const invalid = ([field, issue]: Issue) => new Errors.ContainerOptions({ image, field, issue })

  if (typeof self.image === "string" && !Reference.isId(self.image)) {
    yield* Effect.mapError(Reference.parse(self.image), (error) => invalid(["image", error.issue]))
  }
  const issue = firstIssue(options)
  if (issue !== undefined) return yield* invalid(issue)

  const sizes: Record<string, number | undefined> = {}
  for (const field of ["memory", "memorySwap", "memoryReservation", "outputLimit", "shmSize"] as const) {
    const input = options[field]
    if (input === undefined || input === "unlimited") continue
    const bytes = size(field.startsWith("memory") ? "memory" : field, input)
    if (typeof bytes !== "number") return yield* invalid(bytes)
    sizes[field] = bytes
  }
  if (sizes["memory"] !== undefined && sizes["memory"] < leastMemory) {
    return yield* invalid(["memory", `${sizes["memory"]} bytes are too few: no container starts in less than 6 MiB`])
  }
  const { memory: limit, memoryReservation } = sizes
  if (limit !== undefined && memoryReservation !== undefined && memoryReservation > limit) {
    return yield* invalid(["memory", `the reservation, ${memoryReservation} bytes, is over the limit, ${limit}`])
  }

  if (sizes["shmSize"] === 0) return yield* invalid(["shmSize", "shared memory needs a size of more than nothing"])

  const mounts: Array<Mount> = []
  for (const { readOnly, source, target } of options.volumes) {
    if (!isPath(source)) {
      mounts.push({ type: "volume", source, target, readOnly })
      continue
    }
    const path = hostPath(source)
    if (capabilities.localPaths && capabilities.bindMounts) {
      yield* Effect.tryPromise({
        try: () => stat(path),
        catch: (cause) => invalid(["volume", `the source ${show(path)} cannot be mounted: ${(cause as Error).message}`])
      })
    }
    mounts.push({ type: "bind", source: path, target, readOnly })
  }
  if (capabilities.localPaths && capabilities.devices) {
    for (const { source } of options.devices ?? []) {
      yield* Effect.tryPromise({
        try: () => stat(source),
        catch: (cause) => invalid(["device", `${show(source)} cannot be given: ${(cause as Error).message}`])
      })
    }
  }
  for (const { size: input, target } of options.tmpfs) {
    if (input === undefined) {
      mounts.push({ type: "tmpfs", target })
      continue
    }
    const bytes = size("tmpfs", input)
    if (typeof bytes !== "number") return yield* invalid(bytes)
    mounts.push({ type: "tmpfs", target, size: bytes })
  }

  const labels: Record<string, string> = { ...yield* Owner.labelled(options.lease) }
  for (const [name, value] of options.labels) labels[name] = value

  const healthcheck = options.healthcheck
  const restart = options.restart
  const isScript = typeof options.command === "string"
  const shell = options.shell ?? ["/bin/sh", "-c"]
  return {
    outputLimit: sizes["outputLimit"],
    stopGrace: options.stopGrace === undefined ? 10_000 : Duration.toMillis(options.stopGrace),
    timeLimit: options.timeLimit === undefined ? undefined : Duration.toMillis(options.timeLimit),
    config: {
      image: imageRequest(self),
      platform: options.platform,
      name: options.name ?? `effect-containers-${randomBytes(8).toString("hex")}`,
      // A script is the shell's; the image's entrypoint would take the shell for its arguments.
      entrypoint: isScript ? options.entrypoint ?? shell.slice(0, 1) : options.entrypoint,
      command: !isScript
        ? options.command as ReadonlyArray<string> | undefined
        : [...(options.entrypoint === undefined ? shell.slice(1) : shell), options.command as string],
      env: [...new Map(options.variables)],
      workDir: options.workDir,
      user: options.user,
      hostname: options.hostname,
      labels,
      mounts,
      resources: {
        memory: sizes["memory"],
        memorySwap: sizes["memory"] === undefined
          ? undefined
          : options.memorySwap === "unlimited"
          ? -1
          : sizes["memory"] + (sizes["memorySwap"] ?? 0),
        ...sizes["memoryReservation"] === undefined ? {} : { memoryReservation: sizes["memoryReservation"] },
        cpus: options.cpus,
        pids: options.pids,
        ...options.cpuShares === undefined ? {} : { cpuShares: options.cpuShares },
        ...options.cpuset === undefined ? {} : { cpuset: options.cpuset },
        ...sizes["shmSize"] === undefined ? {} : { shmSize: sizes["shmSize"] },
        ...options.oomScoreAdj === undefined ? {} : { oomScoreAdj: options.oomScoreAdj },
        ...options.ulimits === undefined
          ? {}
          : { ulimits: [...new Map(options.ulimits.map((ulimit) => [ulimit.name, ulimit])).values()] }
      },
      sysctls: options.sysctls === undefined ? undefined : Object.fromEntries(options.sysctls),
      networks: options.networks,
      ports: options.ports.map((port): PortBinding => ({
        containerPort: port.containerPort,
        protocol: port.protocol,
        hostIp: port.hostIp ?? "127.0.0.1",
        hostPort: port.hostPort ?? 0
      })),
      extraHosts: options.extraHosts,
      ...options.hostAccess === undefined ? {} : { hostAccess: options.hostAccess },
      dns: options.dns,
      tty: options.tty ?? false,
      stdin: options.stdin !== undefined,
      init: options.init ?? false,
      readOnlyRoot: options.readOnlyRoot ?? false,
      privileged: options.privileged ?? false,
      capAdd: (options.capAdd ?? []).map(capabilityOf),
      capDrop: (options.capDrop ?? []).map(capabilityOf),
      noNewPrivileges: options.noNewPrivileges ?? false,
      devices: options.devices ?? [],
      gpus: options.gpus,
      seccomp: options.seccomp,
      apparmor: options.apparmor,
      selinux: options.selinux,
      runtime: options.runtime,
      healthcheck: healthcheck === undefined ? undefined : {
        command: typeof healthcheck.command === "string" ? [...shell, healthcheck.command] : healthcheck.command,
        interval: Duration.toMillis(healthcheck.interval ?? "30 seconds"),
        timeout: Duration.toMillis(healthcheck.timeout ?? "30 seconds"),
        startPeriod: Duration.toMillis(healthcheck.startPeriod ?? 0),
        retries: healthcheck.retries ?? 3
      },
      restart: restart === undefined || restart.name === "no"
        ? undefined
        : { name: restart.name, maximumRetryCount: restart.maximumRetryCount },
      logDriver: options.logDriver,
      stopSignal: options.stopSignal
    }
  }
})
