import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import * as net from "node:net"
import type { Attachment, ContainerSummary, LogsOptions, TerminalSize } from "../../Backend.ts"
import type { ContainerConfig, PortBinding } from "../../ContainerConfig.ts"
import type * as Errors from "../../Errors.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import * as Filter from "../../Filter.ts"
import type { Frame } from "../../Logs.ts"
import { argv, factsOf } from "./facts.ts"
import type { Verdict } from "./faults.ts"
import { FileSystem } from "./files.ts"
import { Input } from "./input.ts"
import { Journal } from "./journal.ts"
import * as Networks from "./networks.ts"
import { launch, signalName } from "./process.ts"
import { reasons } from "./reasons.ts"
import { refused } from "./store.ts"
import { type Held, infoOf, type World } from "./world.ts"

export const get = (world: World, operation: string, id: string): Effect.Effect<Held, Errors.Reason> =>
  Effect.suspend(() => {
    const held = world.find(id)
    return held === undefined
      ? Effect.fail(reasons(operation).notFound(`there is no container ${id}`))
      : Effect.succeed(held)
  })

export const announce = (
  world: World,
  held: Held,
  action: string,
  millis: number,
  more: Record<string, string> = {}
): void =>
  world.events.publish("container", action, held.id, {
    ...held.config.labels,
    image: held.config.image,
    name: held.name,
    ...more
  }, millis)

/** Makes a container. Nothing runs yet. */
export const create = Effect.fnUntraced(function*(
  world: World,
  config: ContainerConfig
): Effect.fn.Return<string, Errors.Reason> {
  const { alreadyExists, invalid, notFound } = reasons("create")
  const stored = yield* Effect.fromResult(world.store.get("create", config.image))
  const { image } = stored
  if (config.platform !== undefined && config.platform !== image.platform) {
    return yield* notFound(`image ${config.image} is there for ${image.platform}, not for ${config.platform}`)
  }
  if (argv(config, image).length === 0) {
    return yield* invalid("no command: neither the image nor the container has one")
  }
  const name = config.name ?? `memory-${randomBytes(8).toString("hex")}`
  if ([...world.containers.values()].some((held) => held.name === name)) {
    return yield* alreadyExists(`there is a container named ${name} already`)
  }
  for (const mount of config.mounts) {
    if (mount.type === "bind" && !fs.existsSync(mount.source)) {
      return yield* invalid(`the source of a mount does not exist: ${mount.source}`)
    }
  }
  const millis = yield* Clock.currentTimeMillis
  const held: Held = {
    id: randomBytes(32).toString("hex"),
    name,
    config,
    image,
    createdAt: DateTime.makeUnsafe(millis),
    journal: new Journal(),
    files: new FileSystem(image.tree.copy(), {
      mounts: config.mounts,
      volumes: image.config.volumes,
      readOnlyRoot: config.readOnlyRoot,
      volume: (name) => world.volume(name)
    }),
    execs: new Set(),
    waiting: new Set(),
    input: new Input(),
    state: "created",
    ports: [],
    process: undefined,
    exit: undefined,
    health: undefined,
    restarts: 0,
    isStopped: false,
    startedAt: undefined,
    finishedAt: undefined
  }
  if (!config.stdin) held.input.close()
  world.containers.set(held.id, held)
  announce(world, held, "create", millis)
  return held.id
})

/** A port of this machine on which nobody listens now. */
const freePort = (hostIp: string): Effect.Effect<number, Errors.Reason> =>
  Effect.callback((resume) => {
    const server = net.createServer()
    server.on(
      "error",
      (cause) => resume(Effect.fail(reasons("start").invalid(`no port on ${hostIp}: ${cause.message}`)))
    )
    server.listen(0, hostIp, () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      server.close(() => resume(Effect.succeed(port)))
    })
    return Effect.sync(() => server.close())
  })

const publish = Effect.fnUntraced(function*(
  world: World,
  ports: ReadonlyArray<PortBinding>
): Effect.fn.Return<ReadonlyArray<PortBinding>, Errors.Reason> {
  const taken = new Set(
    [...world.containers.values()].filter(({ state }) => state === "running")
      .flatMap((held) => held.ports.map(({ hostPort, protocol }) => `${hostPort}/${protocol}`))
  )
  const published: Array<PortBinding> = []
  for (const port of ports) {
    const hostPort = port.hostPort === 0 ? yield* freePort(port.hostIp) : port.hostPort
    const key = `${hostPort}/${port.protocol}`
    if (taken.has(key)) return yield* reasons("start").conflict(`port ${key} is published by another container`)
    taken.add(key)
    published.push({ ...port, hostPort })
  }
  return published
})

/** Why a process that ended in this way never began, `undefined` when it did. */
const startFailure = (
  status: ExitStatus.ExitStatus | undefined,
  command: ReadonlyArray<string>
): Errors.Reason | undefined => {
  if (status?._tag !== "StartFailed") return undefined
  const { denied, notFound } = reasons("start")
  const shown = JSON.stringify(command[0] ?? "")
  return status.issue === "not found"
    ? notFound(`the executable ${shown} is not found in the container`)
    : denied(`${shown} cannot be executed`)
}

/** Whether it is started again, as its policy says. What an engine that died has ended is not. */
const isRestarted = ({ config: { restart }, isStopped, restarts }: Held, status: ExitStatus.ExitStatus): boolean => {
  if (restart === undefined || isStopped || status._tag === "Unknown" || status._tag === "StartFailed") return false
  if (restart.name !== "on-failure") return true
  const { maximumRetryCount = Number.POSITIVE_INFINITY } = restart
  return ExitStatus.toCode(status) !== 0 && restarts < maximumRetryCount
}

const ended = (world: World, held: Held) => (status: ExitStatus.ExitStatus, clock: Clock.Clock): void => {
  const millis = clock.currentTimeMillisUnsafe()
  const code = ExitStatus.toCode(status)
  held.exit = status
  // What never began is still as it was created, with the code that a shell would show; Docker has it so, too.
  held.state = status._tag === "StartFailed" ? "created" : isRestarted(held, status) ? "restarting" : "exited"
  if (status._tag === "StartFailed") held.startedAt = undefined
  else held.finishedAt = DateTime.makeUnsafe(millis)
  held.process = undefined
  // Whoever attaches from now on writes to the next run.
  held.input = new Input()
  if (!held.config.stdin) held.input.close()
  for (const exec of held.execs) exec.kill(new ExitStatus.Killed({ signal: "SIGKILL" }))
  held.journal.end(clock.currentTimeNanosUnsafe())
  if (status._tag === "OomKilled") announce(world, held, "oom", millis)
  announce(world, held, "die", millis, code === undefined ? {} : { exitCode: String(code) })
  const waiting = [...held.waiting]
  held.waiting.clear()
  for (const tell of waiting) tell(status)
}

export const start = Effect.fnUntraced(function*(world: World, id: string): Effect.fn.Return<void, Errors.Reason> {
  const held = yield* get(world, "start", id)
  if (held.state === "running") return
  const { config } = held
  const nowhere = config.networks.find(({ name }) => Networks.find(world, name) === undefined)
  if (nowhere !== undefined) return yield* reasons("start").notFound(`there is no network ${nowhere.name}`)
  held.ports = yield* publish(world, config.ports)
  const millis = yield* Clock.currentTimeMillis
  held.state = "running"
  held.exit = undefined
  held.health = undefined
  held.finishedAt = undefined
  held.startedAt = DateTime.makeUnsafe(millis)
  held.journal.begin()
  const facts = factsOf(held)
  announce(world, held, "start", millis)
  const running = yield* launch(held.image.recipe, facts, {
    input: held.input,
    write: (source, bytes, timestamp) => held.journal.write(source, bytes, timestamp),
    onExit: ended(world, held),
    onHealth: (health, clock) => {
      held.health = health
      announce(world, held, `health_status: ${health.status}`, clock.currentTimeMillisUnsafe())
    },
    scope: world.scope
  })
  const failure = startFailure(running.status(), facts.command)
  if (failure !== undefined) return yield* failure
  if (running.status() === undefined) held.process = running
}, Effect.uninterruptible)

export const attach = Effect.fnUntraced(function*(
  world: World,
  id: string,
  options: { readonly stdin: boolean; readonly output: boolean },
  { cut }: Verdict
): Effect.fn.Return<Attachment, Errors.Reason, Scope.Scope> {
  const held = yield* get(world, "attach", id)
  const { detach, output } = yield* Effect.acquireRelease(
    Effect.sync(() => held.journal.attach(cut)),
    ({ detach }) => Effect.sync(detach)
  )
  if (!options.output) detach()
  return { output, stdin: held.input.sink }
})

/** Waits for the end of the run that is now. */
export const wait = Effect.fnUntraced(function*(
  world: World,
  id: string
): Effect.fn.Return<ExitStatus.ExitStatus, Errors.Reason> {
  const held = yield* get(world, "wait", id)
  if (held.exit !== undefined) return held.exit
  if (held.state !== "running") return yield* reasons("wait").conflict(`container ${id} was never started`)
  return yield* world.faults.orGone(Effect.callback<ExitStatus.ExitStatus>((resume) => {
    const tell = (status: ExitStatus.ExitStatus) => resume(Effect.succeed(status))
    held.waiting.add(tell)
    return Effect.sync(() => held.waiting.delete(tell))
  }))
})

const stopSignalOf = ({ config, image }: Held): string =>
  signalName(config.stopSignal ?? image.config.stopSignal ?? "SIGTERM") ?? "SIGTERM"

export const signal = Effect.fnUntraced(function*(
  world: World,
  id: string,
  signal: string
): Effect.fn.Return<void, Errors.Reason> {
  const held = yield* get(world, "signal", id)
  const name = signalName(signal)
  if (name === undefined) return yield* reasons("signal").invalid(`${JSON.stringify(signal)} is not a signal`)
  if (held.process === undefined) return yield* reasons("signal").conflict(`container ${id} does not run`)
  // What asks for its end, or makes it, is not undone.
  if (name === "SIGKILL" || name === stopSignalOf(held)) held.isStopped = true
  announce(world, held, "kill", yield* Clock.currentTimeMillis, { signal: String(ExitStatus.signalNumber(name)) })
  yield* held.process.deliver(name)
})

export const stop = Effect.fnUntraced(function*(
  world: World,
  id: string,
  grace: number
): Effect.fn.Return<void, Errors.Reason> {
  const held = yield* get(world, "stop", id)
  const { process } = held
  held.isStopped = true
  if (held.state === "restarting") held.state = "exited"
  if (process === undefined) return
  yield* process.deliver(stopSignalOf(held))
  if (process.status() === undefined) {
    yield* world.faults.orGone(Effect.timeoutOption(process.exit, grace))
    process.kill(new ExitStatus.Killed({ signal: "SIGKILL" }))
  }
  announce(world, held, "stop", yield* Clock.currentTimeMillis)
})

export const remove = Effect.fnUntraced(function*(
  world: World,
  id: string,
  force: boolean
): Effect.fn.Return<void, Errors.Reason> {
  const held = yield* get(world, "remove", id)
  const { process } = held
  if (process !== undefined || held.state === "restarting") {
    if (!force) return yield* reasons("remove").conflict(`container ${id} runs`, "stop it, or remove it with force")
    held.isStopped = true
    process?.kill(new ExitStatus.Killed({ signal: "SIGKILL" }))
  }
  world.containers.delete(held.id)
  held.journal.close()
  announce(world, held, "destroy", yield* Clock.currentTimeMillis)
})

export const list = (
  world: World,
  filter: Filter.Filter
): Effect.Effect<ReadonlyArray<ContainerSummary>, Errors.Reason> =>
  Effect.suspend(() => {
    const nothing = Filter.matchContainer(filter, { id: "", name: "", image: "", labels: {}, status: "created" })
    if (Result.isFailure(nothing)) return Effect.fail(refused("list", nothing.failure))
    const found: Array<ContainerSummary> = []
    for (const held of world.containers.values()) {
      const { createdAt, exit, id, image, imageId, labels, name, state } = infoOf(held)
      const exitCode = exit === undefined ? undefined : ExitStatus.toCode(exit)
      const passes = Filter.matchContainer(filter, { id, name, image, imageId, labels, status: state, exitCode })
      if (Result.isFailure(passes)) return Effect.fail(refused("list", passes.failure))
      if (passes.success) found.push({ id, name, image, imageId, state, createdAt, labels })
    }
    return Effect.succeed(found)
  })

export const logs = (
  world: World,
  id: string,
  options: LogsOptions,
  { cut }: Verdict
): Effect.Effect<Stream.Stream<Frame, Errors.Reason>, Errors.Reason> =>
  Effect.map(get(world, "logs", id), (held) => held.journal.read(options, cut))

export const resize = Effect.fnUntraced(function*(
  world: World,
  id: string,
  size: TerminalSize
): Effect.fn.Return<void, Errors.Reason> {
  const held = yield* get(world, "resize", id)
  const { conflict, invalid } = reasons("resize")
  if (!held.config.tty) return yield* invalid(`container ${id} has no terminal`)
  if (held.process === undefined) return yield* conflict(`container ${id} does not run`)
  yield* held.process.resize(size)
})
