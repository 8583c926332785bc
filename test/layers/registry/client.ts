import { assert } from "@effect/vitest"
import type * as Errors from "effect-containers/Errors"
import * as Client from "effect-containers/layers/registry/client"
import type { RegistryConfig } from "effect-containers/layers/registry/config"
import * as Reference from "effect-containers/Reference"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"

/** So patient that a busy machine fails no test, and quick to try again. */
const patient: RegistryConfig = {
  connectTimeout: 60_000,
  answerTimeout: 60_000,
  stallTimeout: 60_000,
  retries: { times: 3, delay: 1, maximumDelay: 5 }
}

/** A client that finds no credentials. */
export const client = (
  config: RegistryConfig = {},
  find: Parameters<typeof Client.make>[1] = () => Effect.undefined
) => Client.make({ ...patient, ...config }, find)

export const image = (host: string, path = "team/app"): Reference.Reference =>
  new Reference.Reference({ domain: host, path })

export const pull = { operation: "pull" } as const
export const push = { operation: "push" } as const

/** What it fails with, and none of the secrets is in any way of showing it. */
export const failure = <A, R>(
  effect: Effect.Effect<A, Errors.Reason, R>,
  secrets: ReadonlyArray<string> = []
): Effect.Effect<Errors.Reason, A, R> =>
  Effect.map(Effect.flip(effect), (reason) => {
    const shown = [inspect(reason, { depth: 20 }), JSON.stringify(reason), String(reason), reason.stack ?? ""].join(
      "\n"
    )
    for (const secret of secrets) assert.isFalse(shown.includes(secret), `${secret} is in ${shown}`)
    return reason
  })

export const collect = <E, R>(stream: Stream.Stream<Uint8Array, E, R>): Effect.Effect<Buffer, E, R> =>
  Effect.map(Stream.runCollect(stream), (chunks) => Buffer.concat(chunks))
