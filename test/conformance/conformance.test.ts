/**
 * Holds the engines to the one list of cases. See `engines.ts` for which, and for what they need.
 *
 * With `EFFECT_CONTAINERS_REPORT` set to a directory, how each case went is written there as `ENGINE.json`, with what the
 * engine says it is and what it refuses.
 */
import { afterAll, describe, layer } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { Backend } from "effect-containers"
import * as Testing from "effect-containers/testing"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { suites } from "./engines.ts"

interface Result {
  readonly group: string
  readonly name: string
  readonly passed: boolean
  readonly milliseconds: number
}

/** What the engine itself says. */
interface Said {
  readonly version: string
  /** What it cannot do, by the names of capabilities and parts. */
  readonly refuses: ReadonlyArray<string>
  /** What of its own is asked of it. */
  readonly ways: ReadonlyArray<string>
}

const ask = Effect.gen(function*() {
  const { capabilities, health } = yield* Backend.Backend
  const { missing = [], ways = [] } = yield* Testing.Fixture
  const { name, version } = yield* health
  const lacking = Object.entries(capabilities).flatMap(([name, can]) => can === true ? [] : [name])
  return { version: `${name} ${version}`, refuses: [...lacking, ...missing], ways }
})

const report = async (engine: string, said: Said, results: ReadonlyArray<Result>): Promise<void> => {
  const directory = process.env["EFFECT_CONTAINERS_REPORT"]
  if (directory === undefined || directory === "") return
  await mkdir(directory, { recursive: true })
  await writeFile(
    join(directory, `${engine}.json`),
    `${JSON.stringify({ engine, ...said, cases: results }, null, 2)}\n`
  )
}

for (const suite of suites) {
  layer(suite.layer, { concurrent: true, excludeTestServices: true, timeout: "2 minutes" })(suite.name, (it) => {
    const results: Array<Result> = []
    let said: Said = { version: "did not say", refuses: [], ways: [] }
    const asked = Effect.runSync(Effect.cached(Effect.map(ask, (answer) => {
      said = answer
    })))
    for (const group of new Set(suite.cases.map(({ group }) => group))) {
      // oxlint-disable-next-line vitest/valid-title -- it is a string
      describe(group, () => {
        for (const { name, run } of suite.cases.filter((one) => one.group === group)) {
          it.effect(name, () =>
            Effect.suspend(() => {
              const begun = performance.now()
              return Effect.onExit(Effect.andThen(run, Effect.ignore(asked)), (exit) =>
                Effect.sync(() => {
                  const milliseconds = Math.round(performance.now() - begun)
                  results.push({ group, name, passed: Exit.isSuccess(exit), milliseconds })
                }))
            }), 150_000)
        }
      })
    }
    // They end in any order.
    const place = ({ group, name }: Result) => suite.cases.findIndex((one) => one.group === group && one.name === name)
    afterAll(() => report(suite.name, said, results.toSorted((a, b) => place(a) - place(b))))
  })
}
