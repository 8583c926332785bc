import * as Effect from "effect/Effect"
import type * as Semaphore from "effect/Semaphore"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import type * as ExitStatus from "../../ExitStatus.ts"
import type { Environment } from "../dockerApi/environment.ts"
import * as Request from "../dockerApi/request.ts"
import type { SwarmConfig } from "./config.ts"
import { said } from "./errors.ts"
import type { Reach } from "./reach.ts"
import * as Schemas from "./schemas.ts"
import type { Run, Watch } from "./watch.ts"

/** Marks the services that are containers of this library; its value names the Layer that made it. */
export const layerLabel = "effect-containers.swarm"

/** The image as it was named, where the service has the digest that it led to. */
export const imageLabel = "effect-containers.image"

/** The image's id on the manager. */
export const imageIdLabel = "effect-containers.image-id"

/** What is known of a container without asking. */
export interface Known {
  readonly tty: boolean
  /** Whether nothing was made besides its service. */
  isAlone: boolean
  /** Whether it may run out of memory of its own. */
  readonly isLimited: boolean
  /** Which run it is: starting a service again makes it a further one. 0: none yet. */
  run: number
  /** Whether there is a container of the manager's for its files, and whether something was copied into it. */
  standIn: "read" | "written" | undefined
  /** The image that was made of that. */
  image: string | undefined
  /** Whether the Swarm was told to kill it. */
  isKilled: boolean
  /** How a run has ended whose task the Swarm has forgotten. */
  ended: ExitStatus.ExitStatus | undefined
}

/** A Swarm, by one of its managers. */
export interface Swarm {
  readonly client: Request.Client
  readonly environment: Environment
  readonly config: SwarmConfig
  /** What this Layer's services are labelled with. */
  readonly layer: string
  readonly watch: Watch
  readonly reach: Reach
  readonly known: Map<string, Known>
  /** By an image's id, the digest by which the nodes get it. */
  readonly pinned: Map<string, string>
  /** Bringing images to the registry, one after the other. */
  readonly publishing: Semaphore.Semaphore
}

export const ask = <A>(
  { client }: Pick<Swarm, "client">,
  request: Request.Request,
  decode: Parameters<typeof Request.ask<A>>[2]
): Effect.Effect<A, Errors.Reason> => Effect.mapError(Request.ask(client, request, decode), said)

export const send = (
  { client }: Pick<Swarm, "client">,
  request: Request.Request
): Effect.Effect<string, Errors.Reason> => Effect.mapError(Request.send(client, request), said)

export const servicePath = (id: string, rest = ""): string => `/services/${Request.segment(id)}${rest}`

/** A service of this library, with its specification as it came and as it is read. */
export interface Found {
  readonly service: Schemas.Service
  readonly spec: Schemas.ServiceSpec
}

export const labelsOf = ({ labels = {} }: Schemas.ServiceSpec): Readonly<Record<string, string>> => labels

export const specOf = (operation: string, service: Schemas.Service): Effect.Effect<Found, Errors.Protocol> =>
  Effect.mapError(
    Effect.map(Effect.fromResult(Schemas.serviceSpec(service.spec)), (spec) => ({ service, spec })),
    ({ message }) =>
      reason("Protocol", { operation, message: `the engine's answer is not of the form that its API says: ${message}` })
  )

const isOurs = ({ spec }: Found): boolean => layerLabel in labelsOf(spec)

/** By id or name. What else runs in the Swarm is no container. */
export const look = (swarm: Swarm, operation: string, id: string): Effect.Effect<Found, Errors.Reason> =>
  ask(swarm, { operation, method: "GET", path: servicePath(id) }, Schemas.service).pipe(
    Effect.flatMap((service) => specOf(operation, service)),
    Effect.filterOrFail(
      isOurs,
      () => reason("NotFound", { operation, message: `no such container: ${id} is a service that was not made as one` })
    )
  )

/** What finds the tasks of a Layer's containers. */
const filterOf = (layer: string): string => JSON.stringify({ label: [`${layerLabel}=${layer}`] })

/** A run of a container that this Layer made, to be watched. */
export const watchingOwn = ({ layer }: Swarm, service: string, run: number): Run => ({
  service,
  run,
  filter: filterOf(layer)
})

/** A run of any container, to be watched. */
export const watching = ({ service, spec }: Found, run: number): Run => ({
  service: service.id,
  run,
  filter: filterOf(labelsOf(spec)[layerLabel] ?? "")
})

export const runOf = ({ service }: Found): number => service.job?.iteration?.index ?? 0
