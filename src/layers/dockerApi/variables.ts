import * as Redacted from "effect/Redacted"
import type { ContainerConfig } from "../../ContainerConfig.ts"

/** Variables as the API wants them. */
export const variables = (env: ContainerConfig["env"]): ReadonlyArray<string> =>
  env.map(([name, value]) => `${name}=${Redacted.isRedacted(value) ? Redacted.value(value) : value}`)
