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

export default defineConfig({
  test: {
    // Taking the engines down is part of it.
    teardownTimeout: 60_000,
    reporters: ["default", "./scripts/counts.ts"],
    projects: [
      { resolve, test: { name: "unit", include: ["test/**/*.test.ts"], exclude: withEngine, testTimeout: 60_000 } },
      {
        resolve,
        test: {
          name: "engines",
          // They share an engine, and some look at all that it has.
          fileParallelism: false,
          include: withEngine,
          globalSetup: "test/globalSetup.ts",
          // An overloaded machine can swap what a container wrote to two pipes seconds apart: see it twice before failing.
          retry: 1,
          testTimeout: 120_000,
          hookTimeout: 120_000
        }
      }
    ]
  }
})
