/**
 * A reporter for Vitest: how many conformance cases ran on each engine, and one plain closing line.
 */
import { relative, sep } from "node:path"
import type { Reporter, TestCase, TestModule } from "vitest/node"

/** The outermost `describe` of a conformance case is named after its engine. */
const engineOf = (test: TestCase): string => {
  let at: TestCase["parent"] = test.parent
  let name = test.name
  while (at.type === "suite") {
    name = at.name
    at = at.parent
  }
  return name
}

export default class Counts implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>): void {
    const total = { passed: 0, failed: 0, skipped: 0, pending: 0 }
    const engines = new Map<string, typeof total>()
    for (const module of modules) {
      const conformance = relative(process.cwd(), module.moduleId).startsWith(`test${sep}conformance${sep}`)
      // A file that could not be loaded has no tests to fail.
      if (module.errors().length > 0) total.failed++
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        total[state]++
        if (!conformance) continue
        const engine = engineOf(test)
        const counts = engines.get(engine) ?? { passed: 0, failed: 0, skipped: 0, pending: 0 }
        counts[state]++
        engines.set(engine, counts)
      }
    }
    for (const [engine, { failed, passed, skipped }] of engines) {
      const also = skipped === 0 ? "" : `, ${skipped} skipped`
      process.stdout.write(
        `conformance on ${engine}: ${passed + failed} cases ran, ${passed} passed, ${failed} failed${also}\n`
      )
    }
    const skipped = total.skipped + total.pending
    process.stdout.write(
      `tests: ${total.passed} passed, ${total.failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}\n`
    )
  }
}
