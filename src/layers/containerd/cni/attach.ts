import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { basename } from "node:path"
import type { PortBinding } from "../../../ContainerConfig.ts"
import type * as Errors from "../../../Errors.ts"
import { reason } from "../errors.ts"
import type * as Record from "../record.ts"
import * as Files from "./files.ts"
import * as Made from "./made.ts"
import * as Members from "./members.ts"
import * as Namespace from "./namespace.ts"
import * as Networks from "./networks.ts"
import * as Ports from "./ports.ts"
import { restore } from "./restore.ts"
import * as Run from "./run.ts"
import * as State from "./state.ts"

/** A network that a container is to be in, and what it has there. */
interface Planned extends Made.Found {
  readonly aliases: ReadonlyArray<string>
  /** It is the one in which ports are published. */
  readonly hasPorts: boolean
}

interface Plan {
  readonly settings: Networks.Settings
  readonly networks: ReadonlyArray<Planned>
}

/** A container with a process that has not begun. */
export interface Wanted extends Plan {
  /** What is on record of it. */
  readonly record: Record.Connected
  /** As others know it. */
  readonly name: string
  /** Known to the whole machine. */
  readonly containerId: string
  readonly folder: string
  readonly pid: number
}

const operation = "start"

const unsupported = (message: string, hint: string): Errors.Reason =>
  reason("Unsupported", { operation, message, hint })

/** Finds the networks of a container, before anything is made. */
export const plan = Effect.fnUntraced(function*(
  settings: Networks.Settings | undefined,
  { networks, ports }: Record.Connected
): Effect.fn.Return<Plan, Errors.Reason> {
  const names = networks.map(({ name }) => name).join(", ")
  if (settings === undefined) {
    return yield* unsupported(
      `network ${names} needs the CNI plugins ${Networks.needed.join(", ")}, which are not there`,
      "install the CNI plugins, or say where they are"
    )
  }
  const planned: Array<Planned> = []
  for (const { aliases, name } of networks) {
    const { made, network } = yield* Made.find(settings, name, operation)
    if (made === undefined && aliases.length > 0) {
      return yield* unsupported(`network ${name} knows no names: no program has made it`, "use one of Network.make")
    }
    const hasPorts = ports.length > 0 && Run.takesPorts(network) && !planned.some(({ hasPorts }) => hasPorts)
    planned.push({ network, made, aliases, hasPorts })
  }
  return ports.length === 0 || planned.some(({ hasPorts }) => hasPorts)
    ? { settings, networks: planned }
    : yield* unsupported(
      `network ${names} publishes no ports: none of its plugins can`,
      `add the plugin ${Networks.forPorts} to it, or use another network`
    )
})

interface Held {
  readonly path: string
}

/** Namespaces that are kept for the end of their containers, by folder. */
const held = new Map<string, Held>()

/** Sees to it that the network namespace of a process is there for {@link down}, as long as the scope is open. */
const keep = Effect.fnUntraced(function*(operation: string, folder: string, pid: number) {
  const mine: Held = { path: yield* Namespace.hold(operation, pid) }
  held.set(folder, mine)
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      if (held.get(folder) === mine) held.delete(folder)
    })
  )
  return mine.path
})

/** The same for a process that somebody else started, if it is in a network and not a mere corpse. */
export const keepForeign = (
  operation: string,
  folder: string,
  pid: Effect.Effect<number | undefined, Errors.Reason>
): Effect.Effect<void, Errors.Reason, Scope.Scope> =>
  Effect.suspend(() => {
    if (held.has(folder) || !State.isThere(folder)) return Effect.void
    // Without it, {@link restore} makes up for it.
    return Effect.flatMap(pid, (pid) =>
      pid === undefined || pid <= 0 ? Effect.void : Effect.ignore(keep(operation, folder, pid)))
  })

const turns = new Map<string, { readonly lock: Semaphore.Semaphore; users: number }>()

/** One at a time for a folder. */
const inTurn = (folder: string) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const turn = turns.get(folder) ?? { lock: Semaphore.makeUnsafe(1), users: 0 }
    turns.set(folder, turn)
    turn.users++
    return turn.lock.withPermit(effect).pipe(Effect.ensuring(Effect.sync(() => {
      if (--turn.users === 0) turns.delete(folder)
    })))
  })

const undo = (operation: string, folder: string): Effect.Effect<void, Errors.Reason> =>
  Effect.gen(function*() {
    const state = yield* State.read(operation, folder)
    if (state === undefined) return
    const { containerId, links, plugins } = state
    const namespace = held.get(folder)?.path ?? ""
    const results = yield* Effect.forEach(links.toReversed(), (link) =>
      Run.del({ ...link, containerId, plugins }, link.answer, { operation, namespace }).pipe(
        Effect.andThen(namespace === "" ? restore(operation, state, link) : Effect.void),
        Effect.result
      ))
    const failed = results.find(Result.isFailure)
    // Somebody else may have done it in the meantime.
    if (failed !== undefined && State.isThere(folder)) {
      return yield* failed.failure
    }
    // Until now the networks were in use.
    yield* Effect.forEach(links, ({ made }) =>
      made === undefined ? Effect.void : Members.leave(operation, made, basename(folder)), { discard: true })
    held.delete(folder)
    yield* Ports.release(
      links.flatMap(({ portMappings }) =>
        portMappings
      ).map(({ containerPort, hostIP, hostPort, protocol }) => ({
        containerPort,
        hostIp: hostIP,
        hostPort,
        protocol: protocol === "udp" ? "udp" : "tcp"
      })),
      State.pathOf(folder)
    )
    yield* State.remove(operation, folder)
  })

/**
 * Takes a container out of its networks, if it is in any. What fails is kept on file, so that it can be tried again.
 */
export const down = (operation: string, folder: string): Effect.Effect<void, Errors.Reason> =>
  // Most are in none.
  Effect.suspend(() => State.isThere(folder) ? inTurn(folder)(undo(operation, folder)) : Effect.void)

const saying = (id: string) => (effect: Effect.Effect<void, Errors.Reason>): Effect.Effect<void> =>
  Effect.catch(
    effect,
    (error) => Effect.logWarning(`container ${id} could not be taken out of its networks: ${error.message}`)
  )

/** As {@link down}, where nothing more can be done about a failure than to say it. */
export const downOrSay = (operation: string, id: string, folder: string): Effect.Effect<void> =>
  saying(id)(down(operation, folder))

/** Whether this machine has an address in a network, as it is the way out of it. */
const isGateway = ({ plugins }: Planned["network"]): boolean =>
  plugins.some(({ isDefaultGateway, isGateway, type }) =>
    isGateway === true || isDefaultGateway === true || type === "ptp"
  )

/** An address of this machine is published only if the container has one of the same kind. */
const reachable = (
  { network, record }: Pick<Wanted, "record"> & Pick<Planned, "network">,
  addresses: ReadonlyArray<string>
): Effect.Effect<void, Errors.Reason> => {
  const isSixth = (address: string): boolean => address.includes(":")
  const lost = record.ports.find(({ hostIp }) => !addresses.some((address) => isSixth(address) === isSixth(hostIp)))
  return lost === undefined ? Effect.void : Effect.fail(reason("Unsupported", {
    operation,
    message: `port ${lost.containerPort} cannot be published on ${lost.hostIp}: network ${network.name} has no IPv${
      isSixth(lost.hostIp) ? 6 : 4
    }`
  }))
}

/**
 * Connects a container to its networks; the ports that are published. What fails leaves nothing. The scope is that of the
 * process: as long as it is open, the end of the networks is in our hands.
 */
export const up = Effect.fnUntraced(function*(
  wanted: Wanted
): Effect.fn.Return<ReadonlyArray<PortBinding>, Errors.Reason, Scope.Scope> {
  const { containerId, folder, name, networks, pid, record, settings: { plugins } } = wanted
  // Of an earlier process, whose end nobody saw.
  yield* undo(operation, folder)
  const namespace = yield* keep(operation, folder, pid).pipe(
    Effect.mapError(({ cause, message }) => reason("Internal", { operation, message, cause }))
  )
  let state: State.State = {
    containerId,
    plugins,
    hosts: Files.hosts(record, []),
    links: networks.map(({ made, network }, n) => ({
      network,
      interface: `eth${n}`,
      portMappings: [],
      ...made === undefined ? {} : { made }
    }))
  }
  const change = (n: number, changed: Partial<State.Link>) => {
    state = { ...state, links: state.links.map((link, at) => at === n ? { ...link, ...changed } : link) }
  }
  return yield* Effect.gen(function*() {
    yield* State.write(operation, folder, state)
    const ports = yield* Ports.acquire(record.ports, State.pathOf(folder))
    if (ports.length > 0) {
      const portMappings = ports.map(({ hostIp, ...port }) => ({ ...port, hostIP: hostIp }))
      change(networks.findIndex(({ hasPorts }) => hasPorts), { portMappings })
      yield* State.write(operation, folder, state)
    }
    const addresses: Array<ReadonlyArray<string>> = []
    let gateway: string | undefined
    for (const [n, link] of state.links.entries()) {
      let answer: Run.Answer | undefined
      yield* Run.add({ ...link, containerId, plugins }, { operation, namespace }, (told) => {
        answer = told
        change(n, { answer: told })
      })
      const own = Run.addresses(answer)
      if (isGateway(link.network)) gateway ??= Run.gatewayOf(answer)
      addresses.push(own)
      if (link.portMappings.length > 0) yield* reachable({ network: link.network, record }, own)
    }
    const { hostAccess } = record
    if (hostAccess !== undefined && gateway === undefined) {
      const names = networks.map(({ network }) => network.name).join(", ")
      return yield* unsupported(
        `network ${names} has no way to this machine: ${hostAccess} would lead nowhere`,
        "use another network"
      )
    }
    const host = hostAccess === undefined || gateway === undefined ? [] : [{ name: hostAccess, address: gateway }]
    state = { ...state, hosts: Files.hosts(record, addresses.flat()) + Files.lines(host) }
    yield* State.write(operation, folder, state)
    yield* Files.writeHosts(operation, folder, state.hosts)
    for (const [n, { aliases, made }] of networks.entries()) {
      if (made === undefined) continue
      const names = [...new Set([name, ...aliases])]
      yield* Members.enter(operation, made, basename(folder), { names, addresses: addresses[n] ?? [] })
    }
    return ports
  }).pipe(
    Effect.onError(() =>
      State.write(operation, folder, state).pipe(
        // Undone by what is on file then; the failure is on its way.
        Effect.ignore,
        Effect.andThen(undo(operation, folder)),
        saying(containerId)
      )
    )
  )
}, (effect, { folder }) => inTurn(folder)(effect))
