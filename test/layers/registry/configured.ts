import * as Environment from "effect-containers/layers/registry/environment"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** The folder of a client's configuration, in which there are helpers too: by `NAME` of `docker-credential-NAME`. */
export const configuration = Effect.fnUntraced(function*(
  config: unknown,
  helpers: Readonly<Record<string, string>> = {}
) {
  const folder = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "efc-"))),
    (folder) => Effect.promise(() => rm(folder, { recursive: true }))
  )
  const text = typeof config === "string" ? config : JSON.stringify(config)
  yield* Effect.promise(() => writeFile(join(folder, "config.json"), text))
  for (const [name, script] of Object.entries(helpers)) {
    const file = join(folder, `docker-credential-${name}`)
    yield* Effect.promise(() => writeFile(file, `#!/bin/sh\nread server\n${script}\n`, { mode: 0o755 }))
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const path = process.env["PATH"]
      process.env["PATH"] = `${folder}:${path}`
      return path
    }),
    (path) => Effect.sync(() => void (process.env["PATH"] = path))
  )
  return folder
})

/** What a program reads that is given this folder. */
export const environmentOf = (folder: string) =>
  Effect.provide(
    Environment.read,
    ConfigProvider.layer(ConfigProvider.fromUnknown({ DOCKER_CONFIG: folder }))
  )
