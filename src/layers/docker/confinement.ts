import * as Effect from "effect/Effect"
import type { ContainerConfig } from "../../ContainerConfig.ts"
import type * as Errors from "../../Errors.ts"
import { reason } from "../dockerApi/errors.ts"
import { ask, type Client } from "../dockerApi/request.ts"
import * as Schemas from "../dockerApi/schemas.ts"

/** Engines drop, without a word, what their host's kernel does not have. */
const asked = ({ apparmor, selinux = [] }: ContainerConfig): ReadonlyArray<"apparmor" | "selinux"> => [
  ...apparmor === undefined || apparmor === "unconfined" ? [] : ["apparmor" as const],
  ...selinux.some((label) => label !== "disable") ? ["selinux" as const] : []
]

/** Refuses what would be dropped. Asks the engine only when something of the kind is wanted. */
export const check = (client: Client, config: ContainerConfig): Effect.Effect<void, Errors.Reason> => {
  const wanted = asked(config)
  if (wanted.length === 0) return Effect.void
  return Effect.flatMap(
    ask(client, { operation: "create", method: "GET", path: "/info" }, Schemas.info),
    ({ security = [] }) => {
      const missing = wanted.find((name) => !security.some((option) => option.split(",").includes(`name=${name}`)))
      return missing === undefined ? Effect.void : Effect.fail(reason("Unsupported", {
        operation: "create",
        message: `the engine's host has not got what the option ${missing} needs`,
        hint: "leave the option out or use another engine"
      }))
    }
  )
}
