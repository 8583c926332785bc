import * as Effect from "effect/Effect"
import * as RcMap from "effect/RcMap"
import type * as Scope from "effect/Scope"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import { contact } from "../dockerApi/contact.ts"
import type { Client } from "../dockerApi/request.ts"
import type { SwarmConfig } from "./config.ts"
import type { Nodes } from "./nodes.ts"

/** The nodes' own engines: what only they can do for a container, managers cannot be asked for. */
export interface Reach {
  /** That of a node, given by id; `undefined`: nobody has said how it is reached. */
  readonly of: (
    operation: string,
    node: string | undefined
  ) => Effect.Effect<Client | undefined, Errors.Reason, Scope.Scope>
}

interface Options {
  readonly config: SwarmConfig
  readonly manager: Client
  /** The manager's own id. */
  readonly id: string | undefined
  readonly nodes: Nodes
}

/** Connections are made when they are needed, and kept. */
export const make = Effect.fnUntraced(function*(
  { config, id, manager, nodes }: Options
): Effect.fn.Return<Reach, never, Scope.Scope> {
  const { host: _host, tls: _tls, nodes: named = {}, ...rest } = config
  const clients = yield* RcMap.make({
    lookup: (name: string) => Effect.map(contact("swarm", { ...rest, ...named[name] }), ({ client }) => client),
    idleTimeToLive: "1 hour"
  })
  return {
    of: (operation, node) => {
      if (node === undefined || node === id) return Effect.succeed(manager)
      const name = nodes.nameOf(node)
      return named[name] === undefined ? Effect.undefined : Effect.mapError(
        RcMap.get(clients, name),
        ({ candidates: [candidate], message }) =>
          reason("Unavailable", {
            operation,
            message: `the engine of node ${name} does not answer: ${candidate?.reason.message ?? message}`
          })
      )
    }
  }
})
