import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"

/** Nobody can say any more what becomes of a task. */
export const lost = (operation: string, node: string): Errors.Unavailable =>
  reason("Unavailable", {
    operation,
    message: `the node ${node} is away, and with it what becomes of the container`,
    hint: "the Swarm ends it when the node comes back; what is run in its place must bear both of them for a while"
  })
