import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

/** As users import it, from the sources. */
const resolve = {
  alias: [
    { find: /^effect-containers$/, replacement: fileURLToPath(new URL("src/index.ts", import.meta.url)) },
    { find: /^effect-containers\/(.*)$/, replacement: fileURLToPath(new URL("src/$1.ts", import.meta.url)) }
  ]
}

/** These need a container engine, which is started for them and only then. */
const withEngine = ["test/**/*.integration.test.ts", "test/conformance/**/*.test.ts"]

/** BuildKit is asked for by name: it takes an engine of its own. */
const withoutBuildkit = process.env["EFFECT_CONTAINERS_ENGINES"]?.includes("buildkit") === true
  ? []
  : ["test/**/buildkit.integration.test.ts"]

/** Registries that are hard to please: by name, as they take a while. */
const withRegistries = ["test/registries/**/*.integration.test.ts"]
const withoutRegistries = process.env["EFFECT_CONTAINERS_REGISTRIES"] === undefined ? withRegistries : []

/** These start engines of their own, and kill them. */
const withMortals = ["test/faults/**/*.test.ts"]

export default defineConfig({
  test: {
    // Taking the engines down is part of it.
    teardownTimeout: 60_000,
    reporters: ["default", "./scripts/counts.ts"],
    projects: [
      {
        resolve,
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: [...withEngine, ...withMortals, "test/load/**", "test/swarm/**"],
          testTimeout: 60_000,
          // Loading the library again for each of the many files would take most of the time.
          isolate: false,
          // Most of the rest is waiting: for what never answers, and for what must not happen.
          maxWorkers: 4
        }
      },
      {
        resolve,
        test: {
          name: "engines",
          // They share an engine, and some look at all that it has.
          fileParallelism: false,
          include: withEngine,
          exclude: [...withoutBuildkit, ...withoutRegistries],
          globalSetup: "test/globalSetup.ts",
          testTimeout: 120_000,
          hookTimeout: 120_000
        }
      },
      {
        resolve,
        test: {
          name: "faults",
          fileParallelism: false,
          isolate: false,
          include: withMortals,
          testTimeout: 120_000,
          hookTimeout: 120_000
        }
      },
      // By name alone: it takes its time.
      ...process.env["EFFECT_CONTAINERS_LOAD"] === undefined ? [] : [{
        resolve,
        test: {
          name: "load",
          fileParallelism: false,
          include: ["test/load/**/*.test.ts"],
          testTimeout: 1_800_000,
          hookTimeout: 120_000
        }
      }],
      // By name alone: it starts four engines, and kills them.
      ...process.env["EFFECT_CONTAINERS_SWARM_FAULTS"] === undefined ? [] : [{
        resolve,
        test: {
          name: "swarm",
          fileParallelism: false,
          include: ["test/swarm/**/*.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000
        }
      }]
    ]
  }
})
