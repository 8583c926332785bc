import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { PortBinding } from "../../../ContainerConfig.ts"
import type * as Errors from "../../../Errors.ts"
import { reason } from "../errors.ts"
import type * as Record from "../record.ts"
import type * as Conf from "./conf.ts"
import * as Files from "./files.ts"
import * as Namespace from "./namespace.ts"
import * as Networks from "./networks.ts"
import * as Ports from "./ports.ts"
import { restore } from "./restore.ts"
import * as Run from "./run.ts"
import * as State from "./state.ts"

/** A container with a process that has not begun. */
export interface Wanted {
  readonly settings: Networks.Settings
  readonly network: Conf.Network
  /** What is on record of it. */
  readonly record: Record.Network
  /** Known to the whole machine. */
  readonly containerId: string
  readonly folder: string
  readonly pid: number
}

const operation = "start"

/** Finds the network of a container, before anything is made. */
export const plan = (
  settings: Networks.Settings | undefined,
  { name, ports }: Record.Network
): Effect.Effect<Pick<Wanted, "settings" | "network">, Errors.Reason> =>
  settings === undefined
    ? Effect.fail(reason("Unsupported", {
      operation,
      message: `network ${name} needs the CNI plugins ${Networks.needed.join(", ")}, which are not there`,
      hint: "install the CNI plugins, or say where they are"
    }))
    : Effect.flatMap(Networks.find(settings, name), (network) =>
      ports.length === 0 || Run.takesPorts(network)
        ? Effect.succeed({ settings, network })
        : Effect.fail(reason("Unsupported", {
          operation,
          message: `network ${network.name} publishes no ports: none of its plugins can`,
          hint: `add the plugin ${Networks.forPorts} to it, or use another network`
        })))

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
    const { answer, portMappings } = state
    const namespace = held.get(folder)?.path ?? ""
    yield* Run.del(state, answer, { operation, namespace }).pipe(
      Effect.andThen(namespace === "" ? restore(operation, state) : Effect.void),
      // Somebody else may have done it in the meantime.
      Effect.catch((error) => State.isThere(folder) ? Effect.fail(error) : Effect.void)
    )
    held.delete(folder)
    yield* Ports.release(
      portMappings.map(({ containerPort, hostIP, hostPort, protocol }) => ({
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
 * Takes a container out of its network, if it is in one. What fails is kept on file, so that it can be tried again.
 */
export const down = (operation: string, folder: string): Effect.Effect<void, Errors.Reason> =>
  // Most are in none.
  Effect.suspend(() => State.isThere(folder) ? inTurn(folder)(undo(operation, folder)) : Effect.void)

const saying = (id: string) => (effect: Effect.Effect<void, Errors.Reason>): Effect.Effect<void> =>
  Effect.catch(
    effect,
    (error) => Effect.logWarning(`container ${id} could not be taken out of its network: ${error.message}`)
  )

/** As {@link down}, where nothing more can be done about a failure than to say it. */
export const downOrSay = (operation: string, id: string, folder: string): Effect.Effect<void> =>
  saying(id)(down(operation, folder))

/** An address of this machine is published only if the container has one of the same kind. */
const reachable = (
  { network, record }: Wanted,
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
 * Connects a container to its network; the ports that are published. What fails leaves nothing. The scope is that of the
 * process: as long as it is open, the end of the network is in our hands.
 */
export const up = Effect.fnUntraced(function*(
  wanted: Wanted
): Effect.fn.Return<ReadonlyArray<PortBinding>, Errors.Reason, Scope.Scope> {
  const { containerId, folder, network, pid, record, settings } = wanted
  // Of an earlier process, whose end nobody saw.
  yield* undo(operation, folder)
  const namespace = yield* keep(operation, folder, pid).pipe(
    Effect.mapError(({ cause, message }) => reason("Internal", { operation, message, cause }))
  )
  let state: State.State = { containerId, network, plugins: settings.plugins, portMappings: [] }
  return yield* Effect.gen(function*() {
    yield* State.write(operation, folder, state)
    const ports = yield* Ports.acquire(record.ports, State.pathOf(folder))
    if (ports.length > 0) {
      state = { ...state, portMappings: ports.map(({ hostIp, ...port }) => ({ ...port, hostIP: hostIp })) }
      yield* State.write(operation, folder, state)
    }
    yield* Run.add(state, { operation, namespace }, (answer) => {
      state = { ...state, answer }
    })
    yield* State.write(operation, folder, state)
    const addresses = Run.addresses(state.answer)
    yield* reachable(wanted, addresses)
    yield* Files.writeHosts(operation, folder, record, addresses)
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
