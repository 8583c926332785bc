import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"

/** Nobody can say any more what becomes of a task. */
export const lost = (operation: string, node: string): Errors.Unavailable =>
  reason("Unavailable", {
    operation,
    message: `the node ${node} is away, and with it what becomes of the container`,
    hint: "the Swarm ends it when the node comes back; what is run in its place must bear both of them for a while"
  })

/** The Swarm has ended it, and nobody can say how. */
export const taken = (operation: string, node: string): Errors.Unavailable =>
  reason("Unavailable", {
    operation,
    message: `the node ${node} is no longer what the container asks for, and the Swarm has ended it there`,
    hint: "what is run in its place goes to a node that is"
  })
