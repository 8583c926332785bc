import * as Effect from "effect/Effect"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import type { Engine } from "./engine.ts"

/** Where the files of a container are. */
export const folderOf = (engine: Engine, id: string): string => join(engine.folder, engine.channel.namespace, id)

export const removeFolder = (engine: Engine, id: string): Effect.Effect<void> =>
  Effect.tryPromise(() => rm(folderOf(engine, id), { recursive: true, force: true })).pipe(
    Effect.catch((error) => Effect.logWarning(`the files of container ${id} are left behind: ${error.message}`))
  )
