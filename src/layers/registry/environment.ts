import * as Config from "effect/Config"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { homedir } from "node:os"
import { join } from "node:path"

/** The variables that say where Docker's client keeps its configuration, which its kin read too. */
export interface Environment {
  readonly DOCKER_CONFIG: string | undefined
  readonly HOME: string | undefined
}

/** An empty variable is like none. */
export const variable = (name: string): Config.Config<string | undefined> =>
  Config.map(Config.option(Config.String(name)), (value) => {
    const text = Option.getOrUndefined(value)
    return text === "" ? undefined : text
  })

/** Read from the `ConfigProvider`, which is the process's environment unless a program says otherwise. */
export const read: Effect.Effect<Environment, Config.ConfigError> = Config.all({
  DOCKER_CONFIG: variable("DOCKER_CONFIG"),
  HOME: variable("HOME")
})

export const home = (environment: Environment): string => environment.HOME ?? homedir()

/** Where Docker's client keeps its configuration. */
export const configDirectory = (environment: Environment): string =>
  environment.DOCKER_CONFIG ?? join(home(environment), ".docker")
