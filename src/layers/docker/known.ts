import * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import type { Primitives } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import type * as ExitStatus from "../../ExitStatus.ts"
import * as Podman from "../dockerApi/podman.ts"
import { ask, type Client, segment } from "../dockerApi/request.ts"
import * as Schemas from "../dockerApi/schemas.ts"
import { stateOf } from "./info.ts"

/** What an engine does with containers. */
export type Operations = Pick<
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
  /** Whether the engine starts it again. */
  readonly isRestarted: boolean
  isStarted: boolean
  /** Whether it was sent a signal from here. */
  isSignalled: boolean
  /** How its run ended, and nobody was told so far. */
  ended?: Result.Result<ExitStatus.ExitStatus, Errors.Reason> | undefined
}

/** An engine's containers. */
export interface Containers {
  readonly client: Client
  /** Of those that were made here: it saves a question about each. */
  readonly known: Map<string, Known>
  /** What one gets that asks for no network. Default: what the engine gives. */
  readonly network: string | undefined
}

/** Where a container is asked for. */
export const path = (id: string, rest = ""): string => `/containers/${segment(id)}${rest}`

/** Podman names in its own way what is not there. */
export const named = ({ client }: Containers, name: string | undefined) =>
  client.isPodman ? Podman.naming(name) : (error: Errors.Reason): Errors.Reason => error

export const look = (
  { client }: Containers,
  operation: string,
  id: string
): Effect.Effect<Schemas.Container, Errors.Reason> =>
  ask(client, { operation, method: "GET", path: path(id, "/json") }, Schemas.container)

export const isRunning = (
  containers: Containers,
  operation: string,
  id: string
): Effect.Effect<boolean, Errors.Reason> =>
  look(containers, operation, id).pipe(
    Effect.map(({ state }) => ["running", "paused"].includes(stateOf(state.status))),
    Effect.catchTag("NotFound", () => Effect.succeed(false))
  )

export const isTty = (containers: Containers, operation: string, id: string): Effect.Effect<boolean, Errors.Reason> => {
  const mine = containers.known.get(id)
  return mine === undefined
    ? Effect.map(look(containers, operation, id), (found) => found.config.tty ?? false)
    : Effect.succeed(mine.tty)
}
