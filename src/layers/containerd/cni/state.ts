import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { statSync } from "node:fs"
import { readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type * as Errors from "../../../Errors.ts"
import { fromCause, reason } from "../errors.ts"
import { isAbsent } from "../there.ts"
import { Network } from "./conf.ts"

/** A network that a container is in. */
const Link = Schema.Struct({
  /** As it was then: its description may have changed. */
  network: Network,
  /** Its name in the container. */
  interface: Schema.String,
  portMappings: Schema.Array(Schema.Struct({
    hostPort: Schema.Finite,
    containerPort: Schema.Finite,
    protocol: Schema.String,
    hostIP: Schema.String
  })),
  /** Of the last plugin that was asked; absent, until one has answered. */
  answer: Schema.optionalKey(Schema.Json),
  /** The folder of one that a program made, in which it is known by its names. */
  made: Schema.optionalKey(Schema.String)
})

export type Link = typeof Link.Type

/** What is needed to take a container out of its networks, by anybody: it is in a file from before it was put in. */
const State = Schema.Struct({
  containerId: Schema.String,
  plugins: Schema.Struct({ folders: Schema.Array(Schema.String), path: Schema.String }),
  links: Schema.Array(Link),
  /** What its `/etc/hosts` has of itself. */
  hosts: Schema.String
})

export type State = typeof State.Type

const StateJson = Schema.fromJsonString(State)
const decode = Schema.decodeUnknownResult(StateJson)
const encode = Schema.encodeSync(StateJson)

/** `undefined`: it is none. */
export const parse = (text: string): State | undefined => Result.getOrUndefined(decode(text))

/** Where it is, of a container's folder. */
export const pathOf = (folder: string): string => join(folder, "network.json")

/** Whether the container is in a network of plugins, as far as its files say. Where they cannot be looked at, it may be. */
export const isThere = (folder: string): boolean => {
  try {
    statSync(pathOf(folder))
    return true
  } catch (cause) {
    return !isAbsent(cause)
  }
}

/** Never half of it: whoever reads it has to be able to use it. */
export const write = (operation: string, folder: string, state: State): Effect.Effect<void, Errors.Reason> =>
  Effect.tryPromise({
    try: async () => {
      const path = pathOf(folder)
      await writeFile(`${path}.new`, encode(state), { mode: 0o600 })
      await rename(`${path}.new`, path)
    },
    catch: (cause) => fromCause(operation, cause)
  })

/** `undefined`: it is in none. */
export const read = (operation: string, folder: string): Effect.Effect<State | undefined, Errors.Reason> =>
  Effect.tryPromise({
    try: () => readFile(pathOf(folder), "utf8"),
    catch: (cause) => fromCause(operation, cause)
  }).pipe(
    Effect.flatMap((text) => {
      const state = parse(text)
      return state !== undefined ? Effect.succeed(state) : Effect.fail(reason("Internal", {
        operation,
        message: `${pathOf(folder)} is damaged: what it says of a network cannot be read`
      }))
    }),
    Effect.catchTag("NotFound", () => Effect.undefined)
  )

export const remove = (operation: string, folder: string): Effect.Effect<void, Errors.Reason> =>
  Effect.tryPromise({
    try: () => rm(pathOf(folder), { force: true }),
    catch: (cause) => fromCause(operation, cause)
  })
