import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Errors from "../../Errors.ts"
import type { Pinned } from "./images.ts"
import { type Found, look, send, servicePath, type Swarm } from "./known.ts"
import type * as Schemas from "./schemas.ts"
import { jobOf } from "./service.ts"

/** As far as it is changed. */
interface Spec {
  readonly TaskTemplate: { readonly ContainerSpec: object }
}

const isOutdated = ({ message }: Errors.Reason): boolean => /update out of sequence/.test(message)

/**
 * How often its service is to have run. Each time that it is said a further run begins, or what runs is ended. `image`: what
 * its nodes get in the place of the image that it was made with.
 */
export const setTotal = Effect.fnUntraced(function*(
  swarm: Swarm,
  operation: string,
  found: Found,
  total: 0 | 1,
  image?: Pinned
): Effect.fn.Return<void, Errors.Reason> {
  const once = (service: Schemas.Service) => {
    const spec = service.spec as Spec
    const { ContainerSpec } = spec.TaskTemplate
    const changed = image === undefined ? spec.TaskTemplate : {
      ...spec.TaskTemplate,
      ContainerSpec: { ...ContainerSpec, Image: image.reference }
    }
    return send(swarm, {
      operation,
      method: "POST",
      path: servicePath(service.id, "/update"),
      query: { version: service.version.index },
      json: { ...spec, TaskTemplate: changed, Mode: jobOf(total) },
      headers: image?.headers
    })
  }
  yield* once(found.service).pipe(
    // The Swarm itself writes to a service too, when it gives it ports or addresses.
    Effect.catchIf(isOutdated, () =>
      look(swarm, operation, found.service.id).pipe(
        Effect.flatMap(({ service }) => once(service)),
        Effect.retry({ while: isOutdated, times: 10, schedule: Schedule.spaced("50 millis") })
      ))
  )
})
