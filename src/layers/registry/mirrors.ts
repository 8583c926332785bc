import * as Effect from "effect/Effect"
import type * as Errors from "../../Errors.ts"
import type { Reference } from "../../Reference.ts"
import type { Settings } from "./config.ts"
import { type Endpoint, mirrors, registry } from "./endpoint.ts"
import type { Operation } from "./errors.ts"
import { retrying } from "./retry.ts"

/** Whether somebody else may have it. */
export const isPassedOver = (reason: Errors.Reason): boolean => reason._tag === "NotFound" || reason.isRetryable

/** A mirror that is of no use today is no failure, but somebody may wonder. */
export const passOver = ({ host }: Endpoint, reason: Errors.Reason): Effect.Effect<void> =>
  Effect.logDebug(`going on without the mirror ${host}: ${reason.message}`)

/** The first mirror that has it, each asked once; else the registry itself, as often as is worth it. */
export const first = <A>(
  settings: Settings,
  reference: Reference,
  operation: Operation,
  ask: (endpoint: Endpoint) => Effect.Effect<A, Errors.Reason>
): Effect.Effect<A, Errors.Reason> =>
  mirrors(settings, reference.domain).reduceRight(
    (next, mirror) =>
      Effect.catchIf(ask(mirror), isPassedOver, (reason) => Effect.andThen(passOver(mirror, reason), next)),
    Effect.flatMap(
      registry(settings, reference, operation),
      (endpoint) => retrying(settings.retries, ask(endpoint), (reason) => reason)
    )
  )
