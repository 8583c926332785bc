import * as Config from "effect/Config"
import type * as Effect from "effect/Effect"
import { variable } from "../registry/environment.ts"

const names = [
  "DOCKER_HOST",
  "DOCKER_TLS_VERIFY",
  "DOCKER_CERT_PATH",
  "DOCKER_CONTEXT",
  "DOCKER_CONFIG",
  "DOCKER_API_VERSION",
  "XDG_RUNTIME_DIR",
  "HOME"
] as const

/** The variables that the engine's own client looks at. An empty one is like none. */
export type Environment = { readonly [Name in (typeof names)[number]]: string | undefined }

/** Read from the `ConfigProvider`, which is the process's environment unless a program says otherwise. */
export const read: Effect.Effect<Environment, Config.ConfigError> = Config.all({
  DOCKER_HOST: variable("DOCKER_HOST"),
  DOCKER_TLS_VERIFY: variable("DOCKER_TLS_VERIFY"),
  DOCKER_CERT_PATH: variable("DOCKER_CERT_PATH"),
  DOCKER_CONTEXT: variable("DOCKER_CONTEXT"),
  DOCKER_CONFIG: variable("DOCKER_CONFIG"),
  DOCKER_API_VERSION: variable("DOCKER_API_VERSION"),
  XDG_RUNTIME_DIR: variable("XDG_RUNTIME_DIR"),
  HOME: variable("HOME")
})
