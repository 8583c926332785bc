import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import { configDirectory, type Environment } from "./environment.ts"

const Entry = Schema.Struct({
  auth: Schema.optionalKey(Schema.String),
  username: Schema.optionalKey(Schema.String),
  password: Schema.optionalKey(Schema.String),
  identitytoken: Schema.optionalKey(Schema.String)
})

const ClientConfig = Schema.Struct({
  currentContext: Schema.optionalKey(Schema.String),
  auths: Schema.optionalKey(Schema.Record(Schema.String, Entry)),
  credHelpers: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  credsStore: Schema.optionalKey(Schema.String)
})

/** The part of Docker's client's `config.json` that matters here. */
export type ClientConfig = typeof ClientConfig.Type

const decode = Schema.decodeUnknownResult(Schema.toCodecGoJson(ClientConfig))

/** A file's text, `undefined` when there is none. */
export const text = (path: string, operation: string): Effect.Effect<string | undefined, Errors.InvalidArgument> =>
  Effect.tryPromise({
    try: () =>
      readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
        if (cause.code === "ENOENT" || cause.code === "ENOTDIR") return undefined
        throw cause
      }),
    catch: (cause) =>
      reason("InvalidArgument", {
        operation,
        message: `${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
      })
  })

/** Parses without ever repeating what is in the file: there are passwords in it. */
export const json = (
  path: string,
  content: string,
  operation: string
): Effect.Effect<unknown, Errors.InvalidArgument> =>
  Effect.try({
    try: () => JSON.parse(content) as unknown,
    catch: () => reason("InvalidArgument", { operation, message: `${path} is not JSON` })
  })

/** Empty when there is none; `InvalidArgument` when it cannot be read. */
export const read = Effect.fnUntraced(function*(
  environment: Environment,
  operation: string
): Effect.fn.Return<ClientConfig, Errors.Reason> {
  const path = join(configDirectory(environment), "config.json")
  const content = yield* text(path, operation)
  if (content === undefined) return {}
  const result = decode(yield* json(path, content, operation))
  return Result.isSuccess(result)
    ? result.success
    : yield* reason("InvalidArgument", { operation, message: `${path} is not a client's configuration` })
})
