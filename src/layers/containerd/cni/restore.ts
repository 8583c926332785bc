import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type * as Errors from "../../../Errors.ts"
import * as Namespace from "./namespace.ts"
import * as Run from "./run.ts"
import type { Link, State } from "./state.ts"

/**
 * A plugin that hides a container behind this machine's address finds its rules by what is in the container's network
 * namespace, and leaves them where that is gone. So they are made once more, in an empty one and for the same address,
 * to be taken away as they should be.
 */
export const restore = (
  operation: string,
  state: State,
  { answer, network, interface: name }: Link
): Effect.Effect<void, Errors.Reason> => {
  const plugins = network.plugins.filter(({ ipMasq }) => ipMasq === true)
  const [address] = Run.addresses(answer)
  if (!Arr.isReadonlyArrayNonEmpty(plugins) || address === undefined) return Effect.void
  const { containerId } = state
  const link = {
    containerId,
    plugins: state.plugins,
    network: { ...network, plugins },
    interface: name,
    portMappings: []
  }
  return Effect.scoped(Effect.gen(function*() {
    const namespace = yield* Namespace.make(operation, state.plugins.path)
    yield* Run.add(link, { operation, namespace, args: `IgnoreUnknown=1;IP=${address}` }, () => undefined).pipe(
      Effect.andThen(Run.del(link, answer, { operation, namespace })),
      // The address may be another's by now, and what was done for it is undone; why it had to be is said below.
      Effect.onError(() => Effect.ignore(Run.del(link, answer, { operation, namespace })))
    )
  })).pipe(
    Effect.catch((error) =>
      Effect.logWarning(`rules for the address ${address} of ${containerId} are left behind: ${error.message}`)
    )
  )
}
