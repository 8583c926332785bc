/**
 * A reporter for Vitest: a row a case (its name, what whoever uses the library gets, and whether that is right), and
 * `N cases, M failures` at the end.
 *
 * A case says what its user gets by setting `meta.gets` of its task; see `test/hostile/case.ts`.
 */
import type { Reporter, TestCase, TestModule } from "vitest/node"

declare module "vitest" {
  interface TaskMeta {
    /** What the user of the library gets in this case, in a few words. */
    gets?: string
  }
}

interface Row {
  readonly name: string
  readonly gets: string
  readonly state: string
}

const longest = 100

const clip = (text: string): string => text.length > longest ? `${text.slice(0, longest - 3)}...` : text

/** The name with those of the suites that it is in. */
const nameOf = (test: TestCase): string => {
  const names = [test.name]
  for (let at: TestCase["parent"] = test.parent; at.type === "suite"; at = at.parent) names.unshift(at.name)
  return names.join(": ")
}

const states = { passed: "ok", failed: "FAILED", skipped: "skipped", pending: "did not run" } as const

const print = (line: string): void => void process.stdout.write(`${line}\n`)

export default class Table implements Reporter {
  onTestRunEnd(
    modules: ReadonlyArray<TestModule>,
    unhandled: ReadonlyArray<{ readonly message: string; readonly stack?: string | undefined }>
  ): void {
    const rows: Array<Row> = []
    const failures: Array<string> = []
    const failed = (where: string, errors: ReadonlyArray<{ readonly message: string; readonly stack?: string }>) => {
      rows.push({ name: where, gets: "", state: states.failed })
      for (const { message, stack } of errors) failures.push(`${where}\n${message}\n${stack ?? ""}`)
    }
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { errors = [], state } = test.result()
        const name = nameOf(test)
        rows.push({ name: clip(name), gets: clip(test.meta().gets ?? ""), state: states[state] })
        for (const { message, stack } of errors) failures.push(`${name}\n${message}\n${stack ?? ""}`)
      }
      // A file that could not be loaded has no tests to fail.
      if (module.errors().length > 0) failed(module.relativeModuleId, module.errors())
    }
    // Of no case, and yet somebody's: a failure that nobody handled.
    if (unhandled.length > 0) failed("outside of every case", unhandled as ReadonlyArray<{ message: string }>)

    const width = (of: (row: Row) => string) => Math.max(0, ...rows.map((row) => of(row).length))
    const [name, gets] = [width((row) => row.name), width((row) => row.gets)]
    for (const row of rows) print(`${row.name.padEnd(name)}  ${row.gets.padEnd(gets)}  ${row.state}`)
    for (const failure of failures) print(`\n${failure}`)
    const bad = rows.filter(({ state }) => state === states.failed || state === states.pending).length
    print(`${rows.filter(({ state }) => state !== states.skipped).length} cases, ${bad} failures`)
  }
}
