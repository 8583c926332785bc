/**
 * Holds the engines to the one list of cases. See `engines.ts` for which, and for what they need.
 *
 * With `EFFECT_CONTAINERS_REPORT` set to a directory, how each case went is written there as `ENGINE.json`.
 */
import { afterAll, describe, layer } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { suites } from "./engines.ts"

interface Result {
  readonly group: string
  readonly name: string
  readonly passed: boolean
  readonly milliseconds: number
}

const report = async (engine: string, results: ReadonlyArray<Result>): Promise<void> => {
  const directory = process.env["EFFECT_CONTAINERS_REPORT"]
  if (directory === undefined || directory === "") return
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, `${engine}.json`), `${JSON.stringify({ engine, cases: results }, null, 2)}\n`)
}

for (const suite of suites) {
  layer(suite.layer, { concurrent: true, excludeTestServices: true, timeout: "2 minutes" })(suite.name, (it) => {
    const results: Array<Result> = []
    for (const group of new Set(suite.cases.map(({ group }) => group))) {
      // oxlint-disable-next-line vitest/valid-title -- it is a string
      describe(group, () => {
        for (const { name, run } of suite.cases.filter((one) => one.group === group)) {
          it.effect(name, () =>
            Effect.suspend(() => {
              const begun = performance.now()
              return Effect.onExit(run, (exit) =>
                Effect.sync(() => {
                  const milliseconds = Math.round(performance.now() - begun)
                  results.push({ group, name, passed: Exit.isSuccess(exit), milliseconds })
                }))
            }), 150_000)
        }
      })
    }
    afterAll(() => report(suite.name, results))
  })
}
