/**
 * A program that interrupts pipelines, says `done` and has nothing more to do.
 *
 * Usage: node --import sources.ts program.ts CONNECTION ARCHIVE
 */
import { Effect } from "effect"
import * as Containerd from "effect-containers/layers/Containerd"
import * as Docker from "effect-containers/layers/Docker"
import { readFileSync } from "node:fs"
import type { Connection } from "./engine.ts"
import { two } from "./pipeline.ts"

const [connection = "{}", archive = ""] = process.argv.slice(2)
const { config, kind } = JSON.parse(connection) as Connection
const image = new Uint8Array(readFileSync(archive))
const interrupted = Effect.forEach(
  [10, 50, 150, 300, 500, 700, 900],
  (after) => Effect.ignore(Effect.timeoutOption(two(image), after)),
  { discard: true }
)
await Effect.runPromise(
  kind === "docker"
    ? Effect.provide(interrupted, Docker.layer(config))
    : Effect.provide(interrupted, Containerd.layer(config))
)
process.stdout.write("done\n")
